import os from 'node:os';
import { defineConfig } from 'vitest/config';
import { SABOTAGES } from './catalogue.ts';
import { sabotage } from './plugin.ts';
import { TRIALS } from './trials.ts';

// Specs, named by SPECS, with the sabotage made that SABOTAGE names; with none, where it names none. What is compiled is kept
// in the folder COMPILED.
const { SABOTAGE: id, SPECS: given = '', COMPILED: compiled } = process.env;
const specs = given.split(',');
const what = [...SABOTAGES, ...TRIALS].find((known) => known.id === id);
if (id !== undefined && what === undefined) throw new Error(`SABOTAGE=${id} is in no catalogue`);

export default defineConfig({
  plugins: what === undefined ? [] : [sabotage(what)],
  test: {
    include: specs,
    setupFiles: ['./spec/helpers/draws.ts'],
    reporters: ['./spec/sabotage/reporter.ts'],
    testTimeout: 20 * 60_000, // bounds hangs alone, and a hang is no catch
    hookTimeout: 20 * 60_000,
    pool: 'forks',
    maxWorkers: specs.length === 1 ? 1 : os.availableParallelism(),
    isolate: false,
    experimental: compiled === undefined ? {} : { fsModuleCache: true, fsModuleCachePath: compiled },
  },
});
