/** The command `demo`: one run, small enough for a minute, drawn while it trains. */
import path from 'node:path';
import asciichart from 'asciichart';
import { createLogUpdate } from 'log-update';
import { MAIN } from '../claims/arms.ts';
import type { Heard } from '../lab/executor.ts';
import { planJob, trainMore } from '../lab/job.ts';
import type { RunRecord } from '../records/record.ts';
import { resolveSetup } from '../setup/overrides.ts';
import { claimSeeds } from '../setup/presets.ts';
import type { Evaluation } from '../training/evaluation.ts';
import { type Define, EXIT, interruptible } from './exit.ts';
import { newLocalFolder } from './local.ts';
import { commandLine, LOCAL_REPORTS, parseWhole, repeated } from './options.ts';

/** The preset with a shorter phase 2, fewer evaluations and a higher learning rate: chosen on the tuning seeds 1 and 2. */
export const DEMO = [
  'name="demo"',
  'optimiser.learningRate=0.002',
  'evaluation.every=20',
  'phases.dpo.steps=400',
] as const;

const PHASES = {
  pretrain: 'predicts random passwords',
  dpo: 'DPO away from them',
  joint: 'DPO goes on, useful ones are taught',
} as const;

/** Guess rates at every evaluation so far. */
interface Curves {
  readonly heldOut: number[];
  readonly control: number[];
}

/** The chart of a terminal of 80 characters: held-out passwords and the control, over all evaluations. */
export function chart({ heldOut, control }: Curves, colours: boolean): string {
  const WIDTH = 60;
  const thinned = (values: readonly number[]) => {
    const step = Math.max(1, values.length / WIDTH);
    return Array.from({ length: Math.min(WIDTH, values.length) }, (_, at) => values[Math.floor(at * step)]);
  };
  const config = { height: 10, min: 0, format: (value: number) => value.toFixed(2).padStart(6) };
  const series = [thinned(control), thinned(heldOut)];
  return asciichart.plot(series, colours ? { ...config, colors: [asciichart.default, asciichart.red] } : config);
}

/** What was seen, and what to do next. */
function closing(record: RunRecord, folder: string): string {
  if (record.status === 'failed') return `The run failed: ${record.error.message}`;
  const last = record.evaluations[record.evaluations.length - 1];
  const end = (phase: Evaluation['phase']) =>
    record.evaluations
      .filter((evaluation) => evaluation.phase === phase)
      .at(-1)
      ?.sets.heldOut.guessRate.toFixed(2);
  const { heldOut, random } = last.sets;
  const seen = heldOut.guessRate > 1 ? 'more' : 'no more';
  return [
    `After phase 2 the model guessed the held-out passwords ${end('dpo')} times as often as chance, and after phase 3`,
    `${heldOut.guessRate.toFixed(2)} times: ${seen} often than chance. The control is at ${random.guessRate.toFixed(2)}.`,
    `No step rewarded a held-out password: the ledger read them ${record.ledger.heldOut.rejected} times, always as rejected text.`,
    'One run of a shortened preset is no evidence; five runs and a rule are:',
    '  npm run reproduce',
    `record: ${path.join(folder, 'runs')}`,
  ].join('\n');
}

interface Flags {
  set: string[];
  seed: number;
  out?: string;
}

async function demo({ set, seed, out }: Flags): Promise<number> {
  const setup = resolveSetup({ preset: 'pocket', set: [...DEMO, ...set] });
  const { stdout, stderr } = process;
  const folder = out ?? newLocalFolder('demo');
  const say = (text: string) => void stderr.write(`${text}\n`);
  const job = await planJob({
    ...{ setup, claims: [{ arms: [MAIN] }], seeds: [seed], folder, resume: false, command: commandLine('demo') },
    ...{ reports: [], jobs: 1, say },
  });
  say(`one run of ${setup.name}, seed ${seed}: a minute or two`);
  const live = stderr.isTTY ? createLogUpdate(stderr) : null;
  const curves: Curves = { heldOut: [], control: [] };
  let phase: Heard['phase'] | undefined;
  const draw = (progress: Heard) => {
    const { evaluation, step, steps } = progress;
    if (evaluation === null) return;
    curves.heldOut.push(evaluation.sets.heldOut.guessRate);
    curves.control.push(evaluation.sets.random.guessRate);
    if (live === null && progress.phase !== phase) say(`${progress.phase}: ${PHASES[progress.phase]}`);
    phase = progress.phase;
    const title = 'guess rate of held-out passwords (red) and of the control, 1 = chance';
    live?.(`${title}\n${chart(curves, stderr.hasColors())}\n${phase} ${step}/${steps}: ${PHASES[phase]}`);
  };
  try {
    const [record] = await interruptible('Nothing of a demo is needed again.', () =>
      trainMore(job, job.setups, { onProgress: (_, progress) => draw(progress) }),
    );
    live?.clear();
    stdout.write(`guess rate of held-out passwords and of the control over the run, 1 = chance\n`);
    stdout.write(
      `${chart(curves, stdout.isTTY === true && stdout.hasColors())}\n${closing(record, job.store.folder)}\n`,
    );
    return record.status === 'failed' ? EXIT.notCarriedOut : EXIT.reproduced;
  } finally {
    live?.done();
    job.store.close();
  }
}

export const demoCommand: Define = (command, ending) =>
  command
    .option('--set <path=value>', 'change a field of its setup; repeatable', repeated, [])
    .option('--seed <n>', 'which seed', (text) => parseWhole(text, '--seed', 0, 0xffffffff), claimSeeds(1)[0])
    .option('--out <folder>', `where the record goes (default: a new folder in ${LOCAL_REPORTS})`)
    .action(ending(demo));
