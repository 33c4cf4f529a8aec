/**
 * `npm run bench -- paper`: the paper's own setup at Pythia-160M's true shapes, random weights in place of Pythia's: ten steps
 * of each phase at the paper's batch, from the files of a model to a run record. Prints a table and writes a section of
 * reports/bench.json. `--steps 3` takes fewer, `--size 70m` a smaller model.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startEngine } from '../../../src/engine/engine.ts';
import { threadVariables } from '../../../src/engine/native/threads.ts';
import { availableMemory, planMemory } from '../../../src/lab/plan.ts';
import { initialValues } from '../../../src/model/parameters.ts';
import { modelDigest, saveModel } from '../../../src/model/pretrained.ts';
import { PRESETS, type PresetName } from '../../../src/setup/presets.ts';
import { parseSetup, type Setup } from '../../../src/setup/schema.ts';
import { saveSection } from '../report.ts';
import { paperText } from '../tables.ts';
import type { PaperCost } from './job.ts';
import { summarise } from './summary.ts';

const { values: flags } = parseArgs({
  options: { steps: { type: 'string', default: '10' }, size: { type: 'string', default: '160m' } },
});
const steps = Number(flags.steps);
const preset = PRESETS[(flags.size === '160m' ? 'paper' : `paper-${flags.size}`) as PresetName];
const command = ['npm run bench -- paper', ...process.argv.slice(2)].join(' ');

const scratch = path.join('reports', 'local', 'bench-paper');
const folder = path.join(scratch, 'model');
rmSync(scratch, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
process.stderr.write('drawing a model of random weights\n');
const scratchSetup = { ...preset, model: { ...preset.model, pretrained: null } };
saveModel(
  folder,
  scratchSetup,
  initialValues(scratchSetup),
  fileURLToPath(new URL('../../../fixtures/tokenizer', import.meta.url)),
);

const engine = await startEngine();
const { microBatch } = planMemory([preset], engine.name, availableMemory());
const { phases, passwords } = preset;
const setup: Setup = parseSetup({
  ...preset,
  name: `${preset.name}-${steps}-steps`,
  model: { ...preset.model, pretrained: folder, weights: modelDigest(folder) },
  passwords: { ...passwords, repeats: Math.ceil(steps / passwords.negativeBatches) },
  phases: {
    pretrain: { ...phases.pretrain, steps },
    dpo: { ...phases.dpo, steps },
    joint: { ...phases.joint, steps },
  },
});
const { status, stdout } = spawnSync(
  process.execPath,
  [
    '--import',
    'tsx',
    fileURLToPath(new URL('./job.ts', import.meta.url)),
    path.join(scratch, 'job'),
    JSON.stringify(setup),
    JSON.stringify({ microBatch }),
  ],
  {
    env: { ...threadVariables(setup.model.hidden, os.availableParallelism()), ...process.env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
if (status !== 0) throw new Error(`the steps ended with ${status}`);
const cost: PaperCost = JSON.parse(stdout);

const summary = summarise(preset, setup, cost);
const section = saveSection(`paper-${flags.size}`, command, {
  setup: { preset: preset.name, steps, batch: setup.batch, microBatch, weights: 'random' },
  ...cost,
  summary,
});
process.stdout.write(`${paperText(section)}\n`);
