/**
 * `npm run bench:reference`: the same training in PyTorch, written as people would write it, and here, in turn; prints
 * ratios of whole runs and how far apart the losses are. Both sides get the same data and initial weights.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { Command } from 'commander';
import { ENGINES, type EngineError, startEngine } from '../../../src/engine/engine.ts';
import { describeEnvironment } from '../../../src/runs/environment.ts';
import { PRESETS } from '../../../src/setup/presets.ts';
import { parseSetup, type Setup } from '../../../src/setup/schema.ts';
import { PHASES } from '../../../src/training/trainer.ts';
import { writeJob } from './job.ts';

interface Result {
  seconds: number;
  tokens: number;
  peakMiB: number;
  losses: Record<string, number[]>;
}

/** How many first steps of each phase the losses are compared over. */
const COMPARED = 100;
const HERE = path.dirname(fileURLToPath(import.meta.url));

/** A command's JSON; its errors are shown as they come. */
function measured(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Result {
  const { status, stdout } = spawnSync(command, args, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${command} ${args[0]} ended with ${status}`);
  return JSON.parse(stdout);
}

/** A Python that has torch. */
function findPython(): string {
  const candidates = process.env.PYTHON ? [process.env.PYTHON] : ['python3', '/usr/bin/python3'];
  const found = candidates.find((python) => spawnSync(python, ['-c', 'import torch']).status === 0);
  if (found !== undefined) return found;
  process.stderr.write(
    `error: none of ${candidates.join(', ')} can import torch, which this command compares with; install PyTorch, or name a Python that has it in PYTHON\n`,
  );
  process.exit(2);
}

const { steps, size } = new Command('npm run bench:reference --')
  .description('Trains the same setup with PyTorch and with this program, and prints ratios.')
  .option('--steps <a,b,c>', 'steps of the three phases', '100,200,200')
  .option('--size <size>', 'pocket, or wide: 256 wide, 6 layers', 'pocket')
  .parse()
  .opts<{ steps: string; size: string }>();
const [pretrain, dpo, joint] = steps.split(',').map(Number);
const { phases, model } = PRESETS.pocket;
const setup: Setup = parseSetup({
  ...PRESETS.pocket,
  name: `reference-${size}`,
  model: size === 'wide' ? { ...model, hidden: 256, layers: 6, heads: 8 } : model,
  phases: {
    pretrain: { ...phases.pretrain, steps: pretrain },
    dpo: { ...phases.dpo, steps: dpo },
    joint: { ...phases.joint, steps: joint, stopAtUsefulGuessRate: null },
  },
});

const engines: string[] = [];
for (const engine of ENGINES.filter((name) => name !== 'cpu')) {
  await startEngine(engine).then(
    () => engines.push(engine),
    (error: EngineError) => process.stderr.write(`not measured: ${error.message}\n`),
  );
}
const python = findPython();
const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-reference-'));
try {
  writeJob(folder, setup);
  writeFileSync(path.join(folder, 'setup.json'), JSON.stringify(setup));
  const torch = (threads: number) =>
    measured(python, [path.join(HERE, 'train.py'), folder, `${threads}`], { OMP_WAIT_POLICY: 'passive' });
  const ours = (engine: string) =>
    measured(process.execPath, ['--import', 'tsx', path.join(HERE, 'ours.ts'), path.join(folder, 'setup.json')], {
      NEGATIVE_KNOWLEDGE_ENGINE: engine,
    });
  const rows: [string, Result][] = [
    ['PyTorch, 1 thread', torch(1)],
    ...engines.map((engine): [string, Result] => [`ours, ${engine}`, ours(engine)]),
    ['PyTorch, 2 threads', torch(2)],
  ];
  const reference = rows
    .filter(([name]) => name.startsWith('PyTorch'))
    .reduce((a, b) => (a[1].seconds < b[1].seconds ? a : b));
  const differences = ({ losses }: Result) =>
    PHASES.map((phase) =>
      Math.max(
        ...losses[phase].slice(0, COMPARED).map((loss, step) => Math.abs(loss / reference[1].losses[phase][step] - 1)),
      ),
    );
  const table = new Table({
    head: [
      'program',
      'seconds',
      'tokens/s',
      'peak MiB',
      'speed, reference = 1',
      ...PHASES.map((phase) => `${phase}: loss apart`),
    ],
    style: { head: [], border: [] },
  });
  for (const [name, result] of rows) {
    table.push([
      name,
      result.seconds.toFixed(1),
      `${Math.round(result.tokens / result.seconds)}`,
      result.peakMiB.toFixed(0),
      (reference[1].seconds / result.seconds).toFixed(2),
      ...differences(result).map((difference) => difference.toExponential(1)),
    ]);
  }
  const { processor, cores } = describeEnvironment();
  console.log(`${processor}, ${cores} cores; ${size}, ${steps} steps; the reference is ${reference[0]}.`);
  console.log(table.toString());
  console.log(`loss apart: the largest relative difference over the first ${COMPARED} steps of a phase.`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
