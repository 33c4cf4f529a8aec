/** Run records made up for specs of claims: what a run would record if its passwords were known so well. */
import { half, type Measures, measure, type Scores } from '../../src/measure/measures.ts';
import { stream } from '../../src/random/streams.ts';
import { halves, type Parts, partCount, patches, readings } from '../../src/recipe/dissection.ts';
import type { FailedRun, WholeRun } from '../../src/records/record.ts';
import { type RunView, viewOf } from '../../src/records/view.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import type { Setup } from '../../src/setup/schema.ts';

export interface Knowledge {
  /** Mean guess rate (1 = chance) of each set at the end of phase 2 and of phase 3. */
  dpo: { heldOut: number; useful: number; random: number };
  joint: { heldOut: number; useful: number; random: number };
}

/** What the paper's claim looks like at a small scale. */
export const effect: Knowledge = {
  dpo: { heldOut: 0.35, useful: 0.35, random: 0.97 },
  joint: { heldOut: 1.12, useful: 2.5, random: 1 },
};

const PASSWORDS = 32;
const LETTERS = 8;
const LETTERS_OF_ALPHABET = 26;

/**
 * A finished run whose letters have, on average, the guess rates asked for.
 * @param size passwords of each set; the time of a judgement grows with them
 */
export function madeUpRun(
  seed: number,
  knowledge: Knowledge,
  arm: 'main' | 'no-dpo' = 'main',
  size = PASSWORDS,
): WholeRun {
  const source = stream(seed, 'made-up');
  const setup: Setup = { ...PRESETS['pocket-memorising'], seed, name: arm };
  const scores = (rate: number) => {
    const run = rate * (1 + source.normal(0.01));
    return {
      passwords: Array.from({ length: size }, (_, index) => `p${index}`),
      logProbabilities: Array.from({ length: size }, () =>
        Array.from({ length: LETTERS }, () => Math.log((run * Math.exp(source.normal(0.1))) / 26)),
      ),
      ranks: Array.from({ length: size }, () => Array(LETTERS).fill(1)),
      lens: [],
      calibrated: {
        inverseTemperatures: [0, 0] as [number, number],
        logLikelihoods: Array<number>(size).fill(-Math.log(LETTERS_OF_ALPHABET)),
      },
    };
  };
  const sets = (rates: Knowledge['dpo']) => ({
    heldOut: scores(rates.heldOut),
    useful: scores(rates.useful),
    random: scores(rates.random),
  });
  const snapshot = (phase: 'dpo' | 'joint') => ({
    phase,
    step: 10,
    prefix: phase === 'dpo' ? ('regular' as const) : ('reverse' as const),
    sets: sets(knowledge[phase]),
  });
  const measured = (set: Scores) => ({
    ...measure(set, LETTERS_OF_ALPHABET),
    halves: [measure(half(set, 0), LETTERS_OF_ALPHABET), measure(half(set, 1), LETTERS_OF_ALPHABET)] as [
      Measures,
      Measures,
    ],
  });
  const empty = { total: [], dpo: [], useful: [], random: [], randomReverse: [], gradientNorm: [] };
  const phases = arm === 'main' ? (['dpo', 'joint'] as const) : (['joint'] as const);
  const snapshots = phases.map(snapshot);
  return {
    schemaVersion: 2,
    status: 'finished',
    setup,
    setupHash: setupHash(setup),
    engine: { name: 'wasm', version: '0' },
    execution: { microBatch: null },
    environment: {
      node: '',
      platform: '',
      processor: '',
      cores: 1,
      memoryGiB: 1,
      package: '',
      commit: null,
      dirty: null,
    },
    times: { startedAt: '', finishedAt: '', wallSeconds: 1, cpuSeconds: 1, tokensPerSecond: 1, resumed: false },
    trajectories: { pretrain: empty, dpo: empty, joint: empty },
    evaluations: snapshots.map(({ phase, step, sets: { heldOut, useful, random } }) => ({
      phase,
      step,
      sets: { heldOut: measured(heldOut), useful: measured(useful), random: measured(random) },
    })),
    snapshots,
    ledger: {
      clean: true,
      sequences: { chosen: 1, rejected: 1, imitated: 1 },
      heldOut: { chosen: 0, rejected: 1, imitated: 0 },
      useful: { chosen: 0, rejected: 1, imitated: 1 },
      heldOutRejections: { fewest: 1, most: 1 },
      digest: '',
    },
    overlap: [],
    parametersDigest: '',
  };
}

/** A view of a made-up run that was taken apart: no half alone flips, and `reverse` turns the direction down. */
export function takenApart(run: RunView, heldOut = { none: 0.5, first: 0.9, second: 0.5, whole: 1.5 }): RunView {
  const count = partCount(run.setup.model);
  const { first, second } = halves(run.setup.model);
  const rateOf = ({ from, to }: Parts): number => {
    if (to === from) return heldOut.none;
    if (to - from === count) return heldOut.whole;
    if (to === first.to && from === first.from) return heldOut.first;
    return from === second.from && to === second.to ? heldOut.second : 0.7;
  };
  const noise = stream(run.setup.seed, 'taken-apart');
  const rates = (guessRate: number) => ({
    logLikelihood: -3,
    perf: 0,
    topRate: 1,
    guessRate: guessRate + noise.normal(0.01),
  });
  return {
    ...run,
    dissection: {
      patched: patches(run.setup.model).map((parts) => ({
        ...parts,
        sets: { heldOut: rates(rateOf(parts)), useful: rates(1), random: rates(1) },
      })),
      separations: readings(run.setup).map(({ moment, prefix }) => ({
        moment,
        prefix,
        auc: Array.from(
          { length: run.setup.model.layers + 1 },
          () => (moment === 'before' ? 0.6 : prefix === 'reverse' ? 0.65 : 0.85) + noise.normal(0.01),
        ),
      })),
    },
  };
}

/** The same as a claim views it. */
export const madeUpView = (...made: Parameters<typeof madeUpRun>): RunView => viewOf(madeUpRun(...made));

/** The same run, failed. */
export function failedRun(seed: number): FailedRun {
  const { schemaVersion, setup, setupHash: hash, engine, execution, environment, times } = madeUpRun(seed, effect);
  return {
    schemaVersion,
    setup,
    setupHash: hash,
    engine,
    execution,
    environment,
    times,
    status: 'failed',
    error: { name: 'Error', message: 'boom' },
  };
}
