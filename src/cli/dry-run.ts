/** What a command would train and how long that takes on each engine here, without training. */
import { type Engine, startEngine } from '../engine/engine.ts';
import { ENGINES } from '../engine/names.ts';
import { assertUnused, distinctSetups, type JobRequest, planSetups } from '../lab/job.ts';
import { defaultJobs, inWords, measureRuns, PlanError, passesOf } from '../lab/plan.ts';
import { RunStore } from '../lab/store.ts';
import type { Elsewhere, lookElsewhere } from '../lab/take.ts';
import type { Execution } from '../records/execution.ts';
import { notedExecution } from '../records/study.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';

/** An engine that is there for checks: no one would wait for it, nor for its measurement. */
const FOR_CHECKS = 'cpu';

/** How long runs take on each engine, or why one cannot take them here. */
export function timesText(setups: readonly Setup[], jobs: number, microBatch: number | null): string[] {
  return ENGINES.map((name) => {
    if (name === FOR_CHECKS) return `  ${name.padEnd(7)} many times longer: it is for checks`;
    try {
      const passes = passesOf(setups, name, jobs, microBatch);
      const seconds = measureRuns(setups, name, passes) / Math.min(jobs, setups.length);
      return `  ${name.padEnd(7)} about ${inWords(seconds)}, by a few steps measured now`;
    } catch (error) {
      if (!(error instanceof PlanError)) throw error;
      return `  ${name.padEnd(7)} not here: ${error.message}`;
    }
  });
}

type Asked = Pick<JobRequest, 'setup' | 'claims' | 'seeds' | 'folder' | 'resume' | 'jobs' | 'microBatch'>;

/** @param look finds runs of other jobs, where they are to be reused */
export async function forecast(
  { setup, claims, seeds, folder, resume, jobs: asked, microBatch }: Asked,
  look: ((job: Parameters<typeof lookElsewhere>[0]) => Promise<Elsewhere>) | null,
): Promise<string> {
  const plan = planSetups(setup, claims, seeds);
  const setups = distinctSetups(plan);
  const jobs = asked ?? defaultJobs(setups);
  const store = new RunStore(folder);
  const execution: Execution = { microBatch: microBatch ?? notedExecution(folder)?.microBatch ?? null };
  if (!resume) await assertUnused(store);
  const engine: Engine = await startEngine();
  const records = resume ? await Promise.all(setups.map((one) => store.readRecord(one, engine.name))) : [];
  const left = setups.filter((_, index) => !records[index]);
  const found = look === null ? null : await look({ engine, execution, setups: left, store });
  const todo = left.filter((one) => !found?.runs.has(setupHash(one)));
  const arms = [...plan].map(([arm, own]) => `  ${arm}: ${own.length} ${own.length === 1 ? 'run' : 'runs'}`);
  return [
    `${setups.length} runs of ${setup.name}${setups.length < [...plan.values()].flat().length ? ', some of them shared by arms' : ''}:`,
    ...arms,
    ...(resume ? [`already in ${folder}: ${setups.length - left.length}`] : []),
    ...(found === null ? [] : [`taken from other jobs: ${left.length - todo.length}`]),
    `to train: ${todo.length}, ${jobs} at once`,
    ...(todo.length === 0 ? [] : timesText(todo, jobs, execution.microBatch)),
    'nothing was trained or written',
  ].join('\n');
}

/** What runs like those of a setup take, for a command that chooses its setups as it goes. */
export const forecastOf = (what: string, setup: Setup, runs: number, jobs = defaultJobs([setup])): string =>
  [
    `${what}; were they all like ${setup.name}, ${jobs} at once:`,
    ...timesText(Array(runs).fill(setup), jobs, null),
    'nothing was trained or written',
  ].join('\n');
