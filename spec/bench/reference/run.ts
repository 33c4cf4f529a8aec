/**
 * `npm run bench -- reference`: the same training in JAX, in PyTorch and here, from the same data and initial weights.
 * Prints ratios, shares of what the cores can do, and how far apart the losses are; writes a section for each library.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { PHASES, type Phase } from '../../../src/passwords/roles.ts';
import { saveSection, startable } from '../report.ts';
import { jaxText, referenceText } from '../tables.ts';
import { besideJax } from './jax.ts';
import { findPython, missing } from './python.ts';
import { SIZES, setupOf } from './sizes.ts';
import { besideTorch } from './torch.ts';
import { Job } from './whole-runs.ts';

const options = new Command('npm run bench -- reference')
  .description('Trains the same setup with JAX, with PyTorch and with this program, and prints ratios.')
  .option('--size <size>', Object.keys(SIZES).join(', '), 'narrow')
  .option('--steps <a,b,c>', 'steps of the three phases (default: by size)')
  .option('--engines <names>', 'which of our engines (default: by size)')
  .option('--rounds <count>', 'rounds in which JAX and this program take turns (default: by size)')
  .parse()
  .opts<{ steps?: string; size: string; engines?: string; rounds?: string }>();

function refuse(reason: string): never {
  process.stderr.write(`error: ${reason}\n`);
  process.exit(2);
}

const { size } = options;
const chosen = Object.hasOwn(SIZES, size) ? SIZES[size] : undefined;
if (chosen === undefined) refuse(`--size: there is no ${size}; take ${Object.keys(SIZES).join(', ')}`);
const rounds = Number(options.rounds ?? chosen.rounds);
if (!(Number.isInteger(rounds) && rounds >= 1)) refuse(`--rounds: ${options.rounds} is no number of rounds`);
const counts = (options.steps ?? chosen.steps).split(',').map(Number);
const setup = setupOf(size, chosen, counts);
const steps = Object.fromEntries(PHASES.map((phase, index) => [phase, counts[index]])) as Record<Phase, number>;

const python = { jax: findPython('jax'), torch: findPython('torch') };
if (python.jax === undefined && python.torch === undefined) {
  refuse(`there is nothing to compare with: ${missing('jax')}; ${missing('torch')}`);
}
for (const library of ['jax', 'torch'] as const) {
  if (python[library] === undefined) process.stderr.write(`not compared with: ${missing(library)}\n`);
}
const engines = await startable(options.engines?.split(',') ?? chosen.engines);
if (engines.length === 0) refuse('--engines: none of them starts here');

const command = `npm run bench -- reference --size ${size}`;
const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-reference-'));
try {
  const job = new Job(folder, setup);
  const ours = new Map(engines.map((engine) => [engine, job.ours(engine)]));
  if (python.jax !== undefined) {
    const beside = await besideJax(job, python.jax, ours, rounds);
    console.log(jaxText(size, saveSection(`jax-${size}`, command, { steps, ...beside })));
  }
  if (python.torch !== undefined) {
    const beside = besideTorch(job, python.torch, ours);
    console.log(referenceText(size, saveSection(`reference-${size}`, command, { steps, ...beside })));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
