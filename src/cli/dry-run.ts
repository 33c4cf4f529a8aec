/** What a command would train and how long that takes on each engine here, without training. */
import { type Engine, startEngine, WORTH_A_GPU } from '../engine/engine.ts';
import { ENGINES, type EngineName } from '../engine/names.ts';
import { describeGpu } from '../engine/webgpu/device.ts';
import { assertUnused, distinctSetups, type JobRequest, planSetups, widest } from '../lab/job.ts';
import { defaultJobs, inWords, measureRuns, PlanError, passesOf } from '../lab/plan.ts';
import { RunStore } from '../lab/store.ts';
import type { Elsewhere, lookElsewhere } from '../lab/take.ts';
import type { Execution } from '../records/execution.ts';
import { notedExecution } from '../records/study.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';

/** Why an engine is not measured; null where it is. */
async function whyNot(name: EngineName, setups: readonly Setup[]): Promise<string | null> {
  const forChecks = 'many times longer: it is for checks';
  if (name !== 'webgpu') return name === 'cpu' ? forChecks : null;
  if (widest(setups) < WORTH_A_GPU) return `not measured: it is for models ${WORTH_A_GPU} wide or more`;
  const gpu = await describeGpu().catch(() => null);
  return gpu?.software ? forChecks : null;
}

/** How long runs take on each engine, or why one cannot take them here. */
export async function timesText(setups: readonly Setup[], jobs: number, microBatch: number | null): Promise<string[]> {
  const reasons = await Promise.all(ENGINES.map((name) => whyNot(name, setups)));
  return ENGINES.map((name, index) => {
    if (reasons[index] !== null) return `  ${name.padEnd(7)} ${reasons[index]}`;
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
  const engine: Engine = await startEngine(undefined, widest(setups));
  const records = resume ? await Promise.all(setups.map((one) => store.readRecord(one, engine.name))) : [];
  const left = setups.filter((_, index) => !records[index]);
  const found = look === null ? null : await look({ engine, execution, setups: left, jobs, store });
  const todo = left.filter((one) => !found?.runs.has(setupHash(one)));
  const arms = [...plan].map(([arm, own]) => `  ${arm}: ${own.length} ${own.length === 1 ? 'run' : 'runs'}`);
  return [
    `${setups.length} runs of ${setup.name}${setups.length < [...plan.values()].flat().length ? ', some of them shared by arms' : ''}:`,
    ...arms,
    ...(resume ? [`already in ${folder}: ${setups.length - left.length}`] : []),
    ...(found === null ? [] : [`taken from other jobs: ${left.length - todo.length}`]),
    `to train: ${todo.length}, ${jobs} at once`,
    ...(todo.length === 0 ? [] : await timesText(todo, jobs, execution.microBatch)),
    'nothing was trained or written',
  ].join('\n');
}

/** What runs like those of a setup take, for a command that chooses its setups as it goes. */
export const forecastOf = async (
  what: string,
  setup: Setup,
  runs: number,
  jobs = defaultJobs([setup]),
): Promise<string> =>
  [
    `${what}; were they all like ${setup.name}, ${jobs} at once:`,
    ...(await timesText(Array(runs).fill(setup), jobs, null)),
    'nothing was trained or written',
  ].join('\n');
