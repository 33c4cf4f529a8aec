/**
 * What a run will need, told before it begins. Bytes are computed: a step is taken in passes that fit the memory at hand,
 * or the run is refused. Seconds are measured on a few steps.
 */
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { ENGINE_VARIABLE, type EngineName } from '../engine/names.ts';
import { threadVariables } from '../engine/native/threads.ts';
import { ExplainedError } from '../explained-error.ts';
import { parameterCount } from '../model/parameters.ts';
import { optionsOfNode, ownModule } from '../own-module.ts';
import { PHASES } from '../passwords/roles.ts';
import { evaluationCount, OBJECTIVE_TRAITS, recipeOf, usesReference } from '../recipe/recipe.ts';
import type { Execution } from '../records/execution.ts';
import type { Setup } from '../setup/schema.ts';
import { inputLength, referencePasswords, scoredCounts, vocabulary } from '../setup/sizes.ts';
import type { TrialCost } from './trial-entry.ts';

/** A run that cannot fit into memory; the message has the figures. */
export class PlanError extends ExplainedError {
  override name = 'PlanError';
}

/** Models of this many parameters or more are planned for; smaller ones fit wherever Node runs. */
const LARGE = 2e7;

const FLOAT = 4;
const GIB = 2 ** 30;
/** WASM addresses 32 bits, and TensorFlow.js does not notice when it runs past them. */
const WASM_HEAP = 4 * GIB;
/** The share of a memory that is planned with: allocators keep some for themselves. */
const USABLE = 0.85;
/** The usable share of WASM's heap, which fragments: a step that should take 3.3 GiB grew it to 3.7. */
const USABLE_HEAP = 0.75;
/** Node, TensorFlow and the corpus. */
const BASE = 0.7 * GIB;

/** Numbers that each position of a sequence keeps until the gradient is done: so many times the vocabulary, and layers x width. */
const PER_VOCABULARY = 5;
const PER_LAYER = 75;

/** Bytes that a run needs at its most. */
interface Need {
  /** In the WASM heap; 0 on other engines. */
  readonly heap: number;
  /** In the process, the heap included. */
  readonly process: number;
}

/** Whether a setup is one to plan for. */
export const isLarge = (setup: Setup): boolean => parameterCount(setup) >= LARGE;

/**
 * Bytes that training a setup needs on an engine, in passes of `microBatch` sequences of each kind. The coefficients come
 * from the runs at Pythia's shapes that `npm run bench -- growth` (steps alone) and `npm run bench -- paper` (a whole run)
 * measure.
 */
export function memoryNeeded(setup: Setup, engine: EngineName, microBatch: number | null = null): Need {
  const { model, batch } = setup;
  const parameters = FLOAT * parameterCount(setup);
  const kinds = Math.max(...Object.values(recipeOf(setup)).map(({ streams }) => streams.length));
  const inPasses = microBatch !== null && microBatch < batch && !OBJECTIVE_TRAITS[setup.objective].wholeStep;
  const positions = kinds * (inPasses ? microBatch : batch) * inputLength(setup);
  const kept = PER_VOCABULARY * vocabulary(setup) + PER_LAYER * model.layers * model.hidden;
  const activations = FLOAT * positions * kept;
  // A run that is taken apart keeps the parameters from before phase 3.
  const reference = OBJECTIVE_TRAITS[setup.objective].reference === 'distributions' ? 2 * parameters : 0; // on the engine, and a copy
  const sums = (inPasses ? parameters : 0) + (setup.evaluation.dissection ? parameters : 0) + reference;
  if (engine === 'native') {
    // Values, gradients, two moments, an update; and copies of the first and the last two while a checkpoint is written.
    return { heap: 0, process: BASE + 8 * parameters + sums + activations };
  }
  if (engine === 'webgpu') {
    // What is in the GPU's memory nobody can ask for; here are the values, and copies of them and two moments at a checkpoint.
    return { heap: 0, process: BASE + 5 * parameters + (setup.evaluation.dissection ? parameters : 0) };
  }
  // The optimiser's moments and the copies of a checkpoint are outside the heap; on `cpu` its values and gradients as well.
  const table = FLOAT * vocabulary(setup) * model.hidden;
  const heap = 2 * parameters + activations + 2 * table;
  return { heap: engine === 'wasm' ? heap : 0, process: BASE + heap + 7 * parameters + sums };
}

const gib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;
const parametersText = (setup: Setup): string => `${(parameterCount(setup) / 1e6).toFixed(0)} million parameters`;

interface MemoryPlan {
  /** Sequences of each kind in a pass; null where a whole step fits. */
  readonly microBatch: number | null;
  readonly need: Need;
}

/**
 * Chooses the largest passes that fit, for all of a job's setups: a power of two, or the passes that are asked for.
 * @param available bytes for one run
 * @param asked sequences of each kind in a pass, or null
 * @throws PlanError where not even passes of one sequence fit, or not those that are asked for
 */
export function planMemory(
  setups: readonly Setup[],
  engine: EngineName,
  available: number,
  asked: number | null = null,
): MemoryPlan {
  const whole = (setup: Setup) => memoryNeeded(setup, engine).process;
  const setup = setups.reduce((largest, one) => (whole(one) > whole(largest) ? one : largest));
  const fits = ({ heap, process }: Need) => heap <= USABLE_HEAP * WASM_HEAP && process <= USABLE * available;
  const choices: (number | null)[] = [asked];
  if (asked === null) {
    for (let size = 2 ** Math.floor(Math.log2(Math.max(1, setup.batch - 1))); size >= 1; size /= 2) choices.push(size);
  }
  const plans = choices.map((microBatch) => ({ microBatch, need: memoryNeeded(setup, engine, microBatch) }));
  const plan = plans.find(({ need }) => fits(need));
  if (plan !== undefined) return plan;
  const { microBatch, need } = plans.at(-1)!;
  const passes =
    microBatch === null ? 'a step at once' : `passes of ${microBatch} sequence${microBatch === 1 ? '' : 's'}`;
  const parameters = parametersText(setup);
  if (need.heap > USABLE_HEAP * WASM_HEAP) {
    throw new PlanError(
      `${setup.name} (${parameters}) needs ${gib(need.heap)} of WASM memory in ${passes}, and there are ${gib(WASM_HEAP)}, of which ` +
        `${gib(USABLE_HEAP * WASM_HEAP)} can be used; the native engine has no such bound: "npx negative-knowledge engine native" builds it`,
    );
  }
  throw new PlanError(
    `${setup.name} (${parameters}) needs ${gib(need.process)} of memory in ${passes} on ${engine}, and a run has ${gib(USABLE * available)}; ` +
      'free some, use fewer --jobs, a smaller model or a larger machine',
  );
}

/** Memory that is free for runs now, in bytes. */
export const availableMemory = (): number =>
  (process as { availableMemory?: () => number }).availableMemory?.() ?? os.freemem();

/** What a run is expected to cost. */
interface Expectation {
  readonly secondsPerStep: Readonly<Record<'pretrain' | 'dpo' | 'joint', number>>;
  readonly runSeconds: number;
  /** Peak of the process that took the measured steps. */
  readonly peakBytes: number;
}

/** Passwords that a run scores: the reference's, then all evaluations'. */
function passwordsScored(setup: Setup): number {
  const each = Object.values(scoredCounts(setup)).reduce((sum, count) => sum + count, 0);
  const { phases } = setup;
  const evaluations = PHASES.reduce((sum, phase) => sum + evaluationCount(setup, phases[phase].steps), 0);
  const reference = usesReference(setup) ? referencePasswords(setup) : 0;
  return reference + each * evaluations;
}

/** A setup whose steps cost what passes of `setup` do, with few of them: setups that cost the same have the same one. */
export function trialOf(setup: Setup, microBatch: number | null): Setup {
  const { phases } = setup;
  return {
    ...setup,
    name: 'trial',
    seed: 0,
    batch: Math.min(setup.batch, microBatch ?? setup.batch),
    model: { ...setup.model, pretrained: null, weights: null },
    passwords: { ...setup.passwords, negativeBatches: 2, heldBatches: 1, repeats: 1 },
    phases: { pretrain: { steps: 1 }, dpo: { ...phases.dpo, steps: 1 }, joint: { ...phases.joint, steps: 1 } },
    evaluation: { ...setup.evaluation, heldOut: 1, useful: 1, random: 1 },
  };
}

/** Takes a few steps of a trial in a process of its own. @throws PlanError when that process fails */
function takeTrial(trial: Setup, name: string, engine: EngineName): TrialCost {
  const { status, stdout, stderr, signal } = spawnSync(
    process.execPath,
    [...optionsOfNode(), fileURLToPath(ownModule('./trial-entry', import.meta.url))],
    {
      env: {
        ...threadVariables(trial.model.hidden, os.availableParallelism()),
        ...process.env,
        [ENGINE_VARIABLE]: engine,
      },
      input: JSON.stringify(trial),
      encoding: 'utf8',
    },
  );
  if (status === 0) return JSON.parse(stdout);
  const reason = signal ?? stderr.trim().split('\n').at(-1);
  throw new PlanError(`a few steps of ${name}, taken to see what a run costs, failed: ${reason}`);
}

/** What a run costs, by what a few of its steps do. */
export function expectationOf(setup: Setup, cost: TrialCost, microBatch: number | null): Expectation {
  const passes = Math.ceil(setup.batch / Math.min(setup.batch, microBatch ?? setup.batch));
  const secondsPerStep = {
    pretrain: passes * cost.seconds.pretrain,
    dpo: passes * cost.seconds.dpo,
    joint: passes * cost.seconds.joint,
  };
  const steps = PHASES.reduce((sum, phase) => sum + setup.phases[phase].steps * secondsPerStep[phase], 0);
  const runSeconds = steps + passwordsScored(setup) * cost.secondsPerPassword;
  return { secondsPerStep, runSeconds, peakBytes: cost.peakBytes };
}

/**
 * Takes a few steps of each phase, each one pass at random weights, and computes what a run costs.
 * @throws PlanError where they cannot be taken
 */
export const measureRun = (setup: Setup, engine: EngineName, microBatch: number | null): Expectation =>
  expectationOf(setup, takeTrial(trialOf(setup, microBatch), setup.name, engine), microBatch);

/**
 * Seconds that runs take one after the other: setups whose steps cost the same are measured once.
 * @throws PlanError where the steps cannot be taken
 */
export function measureRuns(setups: readonly Setup[], engine: EngineName, microBatch: number | null): number {
  const costs = new Map<string, TrialCost>();
  let seconds = 0;
  for (const setup of setups) {
    const trial = trialOf(setup, microBatch);
    const key = JSON.stringify(trial);
    const cost = costs.get(key) ?? takeTrial(trial, setup.name, engine);
    costs.set(key, cost);
    seconds += expectationOf(setup, cost, microBatch).runSeconds;
  }
  return seconds;
}

/** A time as people say it. */
export function inWords(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} seconds`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} minutes`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} hours`;
  return `${(seconds / 86_400).toFixed(1)} days`;
}

/** What a reader wants to know before days of training begin. */
export function expectationText(
  setup: Setup,
  engine: EngineName,
  runs: number,
  { microBatch, need }: MemoryPlan,
  { secondsPerStep, runSeconds, peakBytes }: Expectation,
): string {
  const passes =
    microBatch === null
      ? 'each step at once'
      : `each step in ${Math.ceil(setup.batch / microBatch)} passes of ${microBatch} sequences of each kind`;
  const per = PHASES.map((phase) => `${phase} ${secondsPerStep[phase].toFixed(1)}`).join(', ');
  const faster =
    engine === 'native' || engine === 'webgpu'
      ? `This is the quickest engine here; more cores shorten a run, and runs can be divided among machines: --seed-list.`
      : `The engine ${engine} is several times slower at this size than native, which "npx negative-knowledge engine native" builds.`;
  return [
    `${setup.name}: ${parametersText(setup)}, ${passes}`,
    `memory: ${gib(need.process)} planned for a run${need.heap > 0 ? `, ${gib(need.heap)} of it in WASM's ${gib(WASM_HEAP)}` : ''}; measured steps took ${gib(peakBytes)}`,
    `time, from a few measured steps: ${per} seconds a step; ${inWords(runSeconds)} a run, ${inWords(runs * runSeconds)} for ${runs} like it`,
    faster,
  ].join('\n');
}

/**
 * The passes that runs are taken in: as asked, or for large models the largest that fit.
 * @throws PlanError when a run cannot fit
 */
export const passesOf = (
  setups: readonly Setup[],
  engine: EngineName,
  jobs: number,
  asked: number | null,
): number | null =>
  setups.some(isLarge) ? planMemory(setups, engine, availableMemory() / jobs, asked).microBatch : asked;

/** Cores that runs may have. */
export const availableCores = (): number => os.availableParallelism();

/** Runs at once, unless told: one a core, or one alone where a model is large. */
export const defaultJobs = (setups: readonly Setup[]): number => (setups.some(isLarge) ? 1 : availableCores());

/**
 * Plans the memory of large models' runs, and says what they will cost.
 * @param setups all that will be trained
 * @param jobs how many at once
 * @param asked sequences of each kind in a pass, or null
 * @param say takes what a reader wants to know before days of training begin
 * @throws PlanError when a run cannot fit
 */
export function planRuns(
  setups: readonly Setup[],
  engine: EngineName,
  jobs: number,
  asked: number | null,
  say: (text: string) => void,
): Execution {
  if (!setups.some(isLarge)) return { microBatch: asked };
  const [setup] = setups;
  const memory = planMemory(setups, engine, availableMemory() / jobs, asked);
  say('measuring a few steps');
  say(expectationText(setup, engine, setups.length, memory, measureRun(setup, engine, memory.microBatch)));
  return { microBatch: memory.microBatch };
}

/**
 * Refuses runs that do not fit, in the passes that they are to be taken in.
 * @throws PlanError with the figures
 */
export function assertFits(
  setups: readonly Setup[],
  engine: EngineName,
  jobs: number,
  { microBatch }: Execution,
): void {
  if (setups.some(isLarge)) planMemory(setups, engine, availableMemory() / jobs, microBatch);
}
