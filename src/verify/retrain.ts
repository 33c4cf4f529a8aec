/** Trains recorded runs again, and scores kept models again. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Engine, tf } from '../engine/engine.ts';
import { type PoolOptions, runAll, type StoredRun } from '../lab/pool.ts';
import { RunStore } from '../lab/store.ts';
import { loadParameters, parametersDigest } from '../model/parameters.ts';
import { loadValues } from '../model/pretrained.ts';
import type { TokenIds } from '../passwords/tokens.ts';
import { abridge } from '../records/abridge.ts';
import { recordDigest } from '../records/journal.ts';
import { arithmeticOf, nameOf, type RunRecord, type WholeRun } from '../records/record.ts';
import { score } from '../training/scoring.ts';
import { compared, type Outcome, unknown } from './record.ts';

/** How far a letter's score may lie from the recorded one: engines and processors round differently. */
const SCORED_ALIKE = 1e-3;

/** The largest difference between two tables of numbers. */
const furthest = (some: number[][], others: number[][]): number =>
  Math.max(
    ...some.map((row, index) =>
      row.reduce((most, value, place) => Math.max(most, Math.abs(value - others[index][place])), 0),
    ),
  );

/** Checks a kept model: its digest, and what it says of every letter at the end of the run. */
export async function verifyModel(run: WholeRun, folder: string, ids: TokenIds, engine: Engine): Promise<Outcome> {
  const { setup } = run;
  const what = nameOf(run);
  const differs = (reason: string): Outcome => ({ check: 'parameters', what, result: 'differs', reason });
  const values = loadValues(setup, folder);
  if (parametersDigest(values) !== run.parametersDigest) return differs(`${folder} holds other parameters`);
  const parameters = loadParameters(setup, values);
  const reader = { engine, parameters, model: setup.model, ids, graphs: engine.newGraphs() };
  try {
    for (const { phase, prefix, sets } of run.snapshots) {
      if (phase !== 'joint') continue;
      for (const [set, recorded] of Object.entries(sets)) {
        const again = await score(reader, recorded.passwords, prefix);
        const apart = Math.max(
          furthest(again.logProbabilities, recorded.logProbabilities),
          recorded.letterShares === undefined ? 0 : furthest(again.letterShares, recorded.letterShares),
        );
        if (!(apart <= SCORED_ALIKE))
          return differs(
            `${folder} scores letters of ${set} after \`${prefix}\` up to ${apart.toFixed(3)} nats otherwise than recorded`,
          );
      }
    }
  } finally {
    tf.dispose([...parameters.values()]);
    reader.graphs.dispose();
  }
  return { check: 'parameters', what, result: 'agrees' };
}

/** What records before a version do not have, or reckoned otherwise: guess rates were a share of all tokens, not of letters. */
const SINCE: ReadonlyMap<string, number> = new Map([
  ['letterShares', 4],
  ['guessRate', 4],
  ['parameterNorm', 5],
]);

/** How far numbers may lie apart, relative to their size, that other programs' exponentials and logarithms made of the same bits. */
const OTHER_MATH = 1e-9;

/** Whether two values are the same but for the last digits of their numbers. */
function near(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number')
    return Math.abs(a - b) <= OTHER_MATH * Math.max(1, Math.abs(a), Math.abs(b));
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
  const [some, others] = [Object.entries(a), Object.entries(b)];
  return (
    some.length === others.length &&
    some.every(([key, value], index) => key === others[index][0] && near(value, others[index][1]))
  );
}

/**
 * Whether two parts of records say the same, in what both versions of a record say alike.
 * @param exact to the last digit, as where the same program computed both
 */
function sameIn(version: number, exact: boolean, some: unknown, others: unknown): boolean {
  const alike = (key: string, value: unknown) => (version < (SINCE.get(key) ?? 0) ? undefined : value);
  const [a, b] = [some, others].map((part) => JSON.stringify(part, alike));
  if (a === b) return true;
  return !exact && a !== undefined && b !== undefined && near(JSON.parse(a), JSON.parse(b));
}

/** How two records of one run differ, or undefined. */
function difference(recorded: RunRecord, again: RunRecord): string | undefined {
  if (recorded.status !== again.status) return `it ${again.status}, where the record says ${recorded.status}`;
  if (recorded.status === 'failed' || again.status === 'failed') {
    const [then, now] = [recorded, again].map((run) => (run.status === 'failed' ? run.error.message : ''));
    return then === now ? undefined : `it failed otherwise: ${now}`;
  }
  if (recorded.ledger.digest !== again.ledger.digest) return 'training was given other data';
  if (recorded.parametersDigest !== again.parametersDigest) return 'it ended in other parameters';
  const whole = recorded.abridged === undefined;
  const [a, b] = [recorded, whole ? again : abridge(again, recorded.abridged === 'cell')];
  const { schemaVersion, environment } = recorded;
  // Parameters are the same bits everywhere; Math.exp and Math.log, which scores go through, are those of one browser or Node.
  const exact = environment.node === again.environment.node;
  if (!sameIn(schemaVersion, exact, a.snapshots, b.snapshots)) return 'its scores are others';
  if (!sameIn(schemaVersion, exact, a.evaluations, b.evaluations)) return 'its evaluations are others';
  if (!sameIn(schemaVersion, exact, a.dissection, b.dissection)) return 'what it was taken apart into is another';
  return exact && whole && schemaVersion === again.schemaVersion && recordDigest(recorded) !== recordDigest(again)
    ? 'something else in its record is another'
    : undefined;
}

/**
 * Trains runs again in a temporary folder.
 * @param how on which engine, how many at once, and where, if not here
 * @param onEnd is told of each run as it ends
 */
export async function retrain(
  records: readonly RunRecord[],
  how: Pick<PoolOptions, 'engine' | 'jobs' | 'start' | 'processorKind'>,
  onEnd: (outcome: Outcome) => void,
): Promise<Outcome[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'negative-knowledge-verify-'));
  const store = new RunStore(folder);
  const byHash = new Map(records.map((record) => [record.setupHash, record]));
  const outcomes: Outcome[] = [];
  try {
    await store.open();
    const judge = ({ record: again }: StoredRun): void => {
      const recorded = byHash.get(again.setupHash) as RunRecord;
      const what = nameOf(recorded);
      const reason = difference(recorded, again);
      const [there, here] = [recorded, again].map(arithmeticOf);
      const outcome =
        reason === undefined || here === there
          ? compared('retrained', what, reason)
          : unknown(
              'retrained',
              what,
              `it was recorded with ${there}, and trained again with ${here}, whose last digits differ (${reason})`,
            );
      outcomes.push(outcome);
      onEnd(outcome);
    };
    // In the passes of the record: rounding depends on them.
    for (const microBatch of new Set(records.map(({ execution }) => execution.microBatch))) {
      const alike = records.filter(({ execution }) => execution.microBatch === microBatch);
      const setups = alike.map(({ setup }) => setup);
      await runAll(setups, { ...how, execution: { microBatch }, store, onEnd: judge });
    }
    return outcomes;
  } finally {
    store.close();
    await rm(folder, { recursive: true, force: true });
  }
}
