/** Ten real steps of each phase, from the files of a model to a run record: prints what they took, as JSON. */
import { statSync } from 'node:fs';
import { median } from 'simple-statistics';
import { type Engine, startEngine } from '../../../src/engine/engine.ts';
import { run } from '../../../src/lab/run.ts';
import { RunStore } from '../../../src/lab/store.ts';
import { PHASES, type Phase } from '../../../src/passwords/roles.ts';
import { executionSchema } from '../../../src/records/execution.ts';
import { parseSetup } from '../../../src/setup/schema.ts';

export interface PaperCost {
  engine: Engine;
  /** Of each step, in order; those that an evaluation or the reference follows are in `evaluationSeconds` too. */
  stepSeconds: Record<Phase, number[]>;
  /** Scoring the three sets of passwords once, by phase. */
  evaluationSeconds: Record<Phase, number[]>;
  /** From the end of phase 1 to the first step of phase 2: a checkpoint, and the reference of every DPO password. */
  referenceSeconds: number;
  losses: Record<Phase, number[]>;
  checkpointBytes: number;
  peakBytes: number;
  wallSeconds: number;
}

const [folder, text, how] = process.argv.slice(2);
const setup = parseSetup(JSON.parse(text));
const engine = await startEngine();
const store = new RunStore(folder);
await store.open();
const seconds: Record<Phase, number[]> = { pretrain: [], dpo: [], joint: [] };
const evaluated: Record<Phase, boolean[]> = { pretrain: [], dpo: [], joint: [] };
let checkpointBytes = 0;
const began = performance.now();
let last = began;
const { record } = await run(setup, engine, store, {
  execution: executionSchema.parse(JSON.parse(how)),
  onProgress: ({ phase, step, evaluation }) => {
    const now = performance.now();
    seconds[phase].push((now - last) / 1000);
    evaluated[phase].push(evaluation !== null);
    last = now;
    const file = store.checkpointPath(setup, engine.name);
    checkpointBytes = Math.max(checkpointBytes, statSync(file, { throwIfNoEntry: false })?.size ?? 0);
    process.stderr.write(`${phase} ${step}: ${seconds[phase].at(-1)?.toFixed(1)} s\n`);
  },
});
if (record.status === 'failed') throw new Error(record.error.message);
if (record.abridged !== undefined) throw new Error('a run that was trained here has a whole record');
const of = (phase: Phase, wanted: boolean) =>
  seconds[phase].filter((_, index) => index > 0 && evaluated[phase][index] === wanted && !evaluated[phase][index - 1]);
const plain = Object.fromEntries(PHASES.map((phase) => [phase, of(phase, false)])) as Record<Phase, number[]>;
const cost: PaperCost = {
  engine,
  stepSeconds: plain,
  evaluationSeconds: Object.fromEntries(
    PHASES.map((phase) => [phase, of(phase, true).map((took) => took - median(plain[phase]))]),
  ) as Record<Phase, number[]>,
  referenceSeconds: seconds.dpo[0] - median(plain.dpo),
  losses: Object.fromEntries(PHASES.map((phase) => [phase, record.trajectories[phase].total])) as Record<
    Phase,
    number[]
  >,
  checkpointBytes,
  peakBytes: process.resourceUsage().maxRSS * 1024,
  wallSeconds: (performance.now() - began) / 1000,
};
store.close();
process.stdout.write(JSON.stringify(cost));
