/** A whole run in a process of its own, as a job starts it, with the time that each part of it takes. */
import { sum } from 'simple-statistics';
import { type EngineName, startEngine } from '../../../src/engine/engine.ts';
import { buildCorpus } from '../../../src/passwords/corpus.ts';
import type { Phase } from '../../../src/passwords/roles.ts';
import type { Setup } from '../../../src/setup/schema.ts';
import { Session } from '../../../src/training/session.ts';
import { trainToEnd } from '../../../src/training/trainer.ts';

/** Seconds of each part. */
export interface Parts {
  /** From the start of the process until it can compute. */
  readonly start: number;
  /** Drawing the corpus. */
  readonly corpus: number;
  /** The first step of each phase, in which graphs are made. */
  readonly first: number;
  /** All other steps. */
  readonly steps: Readonly<Record<Phase, number>>;
  /** The reference model's log-probabilities. */
  readonly reference: number;
  readonly evaluations: number;
  /** The evaluations that end phases, with the closer look at the model then. */
  readonly ends: number;
  readonly whole: number;
}

export interface WholeRun {
  readonly parts: Parts;
  /** Evaluations but those that end a phase. */
  readonly evaluated: number;
}

/** Adds up the seconds that a method takes, by its first argument. */
function timed(method: 'begin' | 'step', add: (seconds: number) => void): void {
  const original = Session.prototype[method] as (...args: unknown[]) => Promise<unknown>;
  const measured = async function (this: Session, ...args: unknown[]) {
    const began = performance.now();
    try {
      return await original.apply(this, args);
    } finally {
      add((performance.now() - began) / 1000);
    }
  };
  Object.assign(Session.prototype, { [method]: measured });
}

export default async function work({ setup, engine: name }: { setup: Setup; engine: EngineName }): Promise<WholeRun> {
  const engine = await startEngine(name);
  const start = process.uptime();
  let began = performance.now();
  /** Seconds since it was last asked. */
  const lap = () => {
    const before = began;
    began = performance.now();
    return (began - before) / 1000;
  };

  const corpus = buildCorpus(setup);
  const drawn = lap();
  let [reference, inStep, first] = [0, 0, 0];
  timed('begin', (seconds) => {
    reference += seconds;
  });
  timed('step', (seconds) => {
    inStep = seconds;
    lap(); // what follows is the evaluation, where one is due
  });
  const steps = { pretrain: 0, dpo: 0, joint: 0 };
  const evaluated: { phase: Phase; seconds: number }[] = [];
  await trainToEnd(setup, { engine, corpus }, (event) => {
    if (event.kind !== 'step') return;
    const seconds = lap();
    const { phase, step, evaluation } = event.progress;
    if (step === 1) first += inStep;
    else steps[phase] += inStep;
    if (evaluation !== null) evaluated.push({ phase, seconds });
  });
  const isLast = ({ phase }: { phase: Phase }, place: number) => evaluated[place + 1]?.phase !== phase;
  const within = evaluated.filter((evaluation, place) => !isLast(evaluation, place));
  return {
    parts: {
      start,
      corpus: drawn,
      first,
      steps,
      reference,
      evaluations: sum(within.map(({ seconds }) => seconds)),
      ends: sum(evaluated.filter(isLast).map(({ seconds }) => seconds)),
      whole: process.uptime(),
    },
    evaluated: within.length,
  };
}
