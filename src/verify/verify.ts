/** `verify` on the command line: works out again what records say, and tells what could not be checked. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { group } from 'd3-array';
import { type EngineName, startEngine } from '../engine/engine.ts';
import type { Remote } from '../lab/job.ts';
import { RunStore } from '../lab/store.ts';
import { ModelError } from '../model/config.ts';
import { locateModel } from '../model/hub.ts';
import { idsFor } from '../model/pretrained.ts';
import { scratchTokenIds, type TokenIds } from '../passwords/tokens.ts';
import { stream } from '../random/streams.ts';
import { nameOf, type RunRecord } from '../records/record.ts';
import { type PooledStudy, readStudies } from '../records/study.ts';
import type { Setup } from '../setup/schema.ts';
import { CHECKS, type Check, type Outcome, sharedWork, unknown, verifyRecord } from './record.ts';
import { retrain, verifyModel } from './retrain.ts';
import { readVerdicts, verifyVerdicts } from './verdicts.ts';

export interface VerifyOptions {
  /** Archives, or folders that `reproduce` has filled. */
  readonly sources: readonly string[];
  /** A claims.json whose verdicts are checked; that of the folder when absent. */
  readonly against?: string;
  /** How many runs are trained again, chosen at random. */
  readonly retrain: number;
  /** What they are chosen with. */
  readonly seed: number;
  /** How many of them at once. */
  readonly jobs: number;
  /** Machines that train them, of the kind that made a record; this one, when absent. */
  readonly remote?: (engine: RunRecord['engine'], recorded: RunRecord) => Remote;
  /** Takes what a reader wants to know while runs are trained again. */
  readonly say: (text: string) => void;
}

function tokensOf(setup: Setup): TokenIds | { unknown: string } {
  const { pretrained, vocabulary } = setup.model;
  if (pretrained === null || vocabulary === null) return scratchTokenIds(setup);
  try {
    return idsFor(setup, locateModel(pretrained));
  } catch (error) {
    if (error instanceof ModelError) return { unknown: error.message };
    throw error;
  }
}

/** Models that were kept beside a folder's records. */
async function verifyModels(study: PooledStudy, sources: readonly string[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const run of study.records) {
    if (run.status === 'failed' || run.abridged !== undefined) continue;
    const folder = sources
      .map((source) => new RunStore(source).modelPath(run.setup, run.engine.name))
      .find((kept) => existsSync(kept));
    const ids = tokensOf(run.setup);
    const why = folder === undefined ? 'no model was kept' : 'unknown' in ids ? ids.unknown : undefined;
    if (why !== undefined) outcomes.push(unknown('parameters', nameOf(run), why));
    else {
      outcomes.push(await verifyModel(run, folder as string, ids as TokenIds, await startEngine()));
    }
  }
  return outcomes;
}

/** Trains `options.retrain` of the records again, each on the engine of its record. */
async function retrained(records: readonly RunRecord[], options: VerifyOptions): Promise<Outcome[]> {
  const count = Math.min(options.retrain, records.length);
  const chosen = stream(options.seed, 'verify/retrain').permutation(records.length).slice(0, count);
  const picked = chosen.map((place) => records[place]);
  const outcomes: Outcome[] = [];
  // Here the processor is the one that is here; elsewhere there may be those that made the records.
  const kindOf = ({ engine, environment }: RunRecord): string =>
    options.remote === undefined ? engine.name : `${engine.name} on ${environment.processorKind}`;
  for (const own of group(picked, kindOf).values()) {
    const { name } = own[0].engine;
    const engine = await startEngine(name as EngineName);
    options.say(`training ${own.length} of ${records.length} runs again on ${name}: ${own.map(nameOf).join('; ')}`);
    const remote = options.remote?.(engine, own[0]);
    outcomes.push(
      ...(await retrain(own, { engine, jobs: options.jobs, ...remote }, ({ what, result, reason }) => {
        options.say(`${what}: ${result}${reason === undefined ? '' : `, ${reason}`}`);
      })),
    );
  }
  return outcomes;
}

/** How many outcomes of each check agree, differ and could not be checked. */
export function tally(outcomes: readonly Outcome[]) {
  const count = (check: Check, result: Outcome['result']) =>
    outcomes.filter((outcome) => outcome.check === check && outcome.result === result).length;
  return Object.fromEntries(
    (Object.keys(CHECKS) as Check[]).map((check) => [
      check,
      { agree: count(check, 'agrees'), differ: count(check, 'differs'), notChecked: count(check, 'unknown') },
    ]),
  ) as Record<Check, { agree: number; differ: number; notChecked: number }>;
}

/** The reasons for what could not be checked, each once, with how many. */
export function reasons(outcomes: readonly Outcome[]): string[] {
  const groups = new Map<string, number>();
  for (const { check, reason } of outcomes.filter(({ result }) => result === 'unknown')) {
    const line = `${check}: ${reason}`;
    groups.set(line, (groups.get(line) ?? 0) + 1);
  }
  return [...groups].map(([line, times]) => `${line}${times > 1 ? ` (${times} times)` : ''}`);
}

/** The verdicts that a study's records are held against; null alone where there are none. */
function verdictsOf(study: PooledStudy, { sources, against }: VerifyOptions): ReturnType<typeof readVerdicts>[] {
  const beside = sources
    .filter((source) => study.source.split(' + ').includes(source))
    .map((source) => path.join(source, 'claims.json'));
  const found = (against === undefined ? beside : [against]).map(readVerdicts).filter((document) => document !== null);
  return found.length === 0 ? [null] : found;
}

/**
 * Verifies the records of studies.
 * @throws RecordError where records cannot be read, EngineError where an engine is asked for that is not here
 */
export async function verifyStudies(options: VerifyOptions): Promise<{ studies: PooledStudy[]; outcomes: Outcome[] }> {
  const studies = await readStudies(options.sources);
  // Before what takes long: a file that is no claims.json is told at once.
  const verdicts = new Map(studies.map((study) => [study, verdictsOf(study, options)]));
  const outcomes: Outcome[] = [];
  for (const [study, documents] of verdicts) {
    const shared = sharedWork();
    for (const run of study.records) outcomes.push(...verifyRecord(run, tokensOf(run.setup), shared));
    outcomes.push(...(await verifyModels(study, options.sources)));
    for (const document of documents) outcomes.push(...verifyVerdicts(study, document));
  }
  const records = studies.flatMap((study) => study.records);
  if (options.retrain > 0) outcomes.push(...(await retrained(records, options)));
  else outcomes.push(unknown('retrained', 'all runs', '--retrain N trains N of them again'));
  return { studies, outcomes };
}
