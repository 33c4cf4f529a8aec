/**
 * `npm run bench -- reference`: the same training in PyTorch, written as people would write it, and here, in turn; prints
 * ratios of whole runs and how far apart the losses are. Both sides get the same data and initial weights.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { ENGINE_VARIABLE } from '../../../src/engine/engine.ts';
import { threadVariables } from '../../../src/engine/native/threads.ts';
import { PHASES } from '../../../src/passwords/roles.ts';
import { PRESETS } from '../../../src/setup/presets.ts';
import { parseSetup, type Setup } from '../../../src/setup/schema.ts';
import { saveSection, startable } from '../report.ts';
import { COMPARED, referenceText } from '../tables.ts';
import { writeJob } from './job.ts';

interface Result {
  seconds: number;
  tokens: number;
  peakMiB: number;
  losses: Record<string, number[]>;
}

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

const { pocket, paper } = PRESETS;
const negatives = (of: Setup['passwords'], negativeBatches: number, repeats: number) => ({
  passwords: { ...of, negativeBatches, repeats },
});

/**
 * What is trained: the model, and as many steps as its pairs last for, as in a whole run. (Both sides compare with the
 * reference model; ours asks it once for every pair.)
 */
const SIZES: Record<string, { change: Partial<Setup>; steps: string; engines?: string }> = {
  pocket: { change: negatives(pocket.passwords, 16, 12), steps: '100,192,192' },
  wide: {
    change: {
      model: { ...pocket.model, hidden: 256, layers: 6, heads: 8 },
      ...negatives(pocket.passwords, 16, 3),
    },
    steps: '48,48,48',
  },
  '160m': {
    // Pythia-160M's shapes with random weights; a batch of 8 in place of 128, so that a step takes seconds.
    change: {
      model: { ...paper.model, pretrained: null },
      ...negatives(paper.passwords, 3, 1),
      batch: 8,
      evaluation: { every: 5, heldOut: 8, useful: 8, random: 8 },
    },
    steps: '3,3,3',
    engines: 'native', // on WASM a step takes a minute
  },
};

const options = new Command('npm run bench -- reference')
  .description('Trains the same setup with PyTorch and with this program, and prints ratios.')
  .option('--size <size>', Object.keys(SIZES).join(', '), 'pocket')
  .option('--steps <a,b,c>', 'steps of the three phases (default: by size)')
  .option('--engines <names>', 'which of our engines (default: by size)')
  .parse()
  .opts<{ steps?: string; size: string; engines?: string }>();
const { size } = options;
const chosen = SIZES[size];
if (chosen === undefined) {
  process.stderr.write(`error: --size: there is no ${size}; take ${Object.keys(SIZES).join(', ')}\n`);
  process.exit(2);
}
const steps = options.steps ?? chosen.steps;
const [pretrain, dpo, joint] = steps.split(',').map(Number);
const { phases } = PRESETS.pocket;
const setup: Setup = parseSetup({
  ...PRESETS.pocket,
  ...chosen.change,
  name: `reference-${size}`,
  phases: {
    pretrain: { ...phases.pretrain, steps: pretrain },
    dpo: { ...phases.dpo, steps: dpo },
    joint: { ...phases.joint, steps: joint, stopAtUsefulGuessRate: null },
  },
});

const engines = await startable((options.engines ?? chosen.engines ?? 'native,wasm').split(','));
const python = findPython();
const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-reference-'));
try {
  writeJob(folder, setup);
  writeFileSync(path.join(folder, 'setup.json'), JSON.stringify(setup));
  const torch = (threads: number) =>
    measured(python, [path.join(HERE, 'train.py'), folder, `${threads}`], { OMP_WAIT_POLICY: 'passive' });
  const ours = (engine: string) =>
    measured(process.execPath, ['--import', 'tsx', path.join(HERE, 'ours.ts'), path.join(folder, 'setup.json')], {
      ...threadVariables(setup.model.hidden, os.availableParallelism()),
      [ENGINE_VARIABLE]: engine,
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
  const section = saveSection(`reference-${size}`, `npm run bench -- reference --size ${size}`, {
    steps: { pretrain, dpo, joint },
    reference: reference[0],
    programs: rows.map(([program, result]) => {
      const { losses: _, ...measured } = result;
      const apart = differences(result);
      return {
        program,
        ...measured,
        speedRelativeToReference: reference[1].seconds / result.seconds,
        largestRelativeLossDifference: Object.fromEntries(PHASES.map((phase, index) => [phase, apart[index]])),
      };
    }),
  });
  console.log(referenceText(size, section));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
