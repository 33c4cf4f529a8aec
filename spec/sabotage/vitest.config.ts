import { defineConfig } from 'vitest/config';
import { SABOTAGES } from './catalogue.ts';
import { sabotage } from './plugin.ts';

// One sabotage, named by SABOTAGE, and the spec that has to catch it.
const what = SABOTAGES.find(({ id }) => id === process.env.SABOTAGE);
if (what === undefined) throw new Error(`SABOTAGE=${process.env.SABOTAGE} is in no catalogue`);

export default defineConfig({
  plugins: [sabotage(what)],
  test: {
    include: [what.caughtBy.spec],
    setupFiles: ['./spec/helpers/draws.ts'],
    testTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 1,
    isolate: false,
  },
});
