/** The sections of reports/bench.json as people read them: what a benchmark prints, and what reports/speed.md shows. */
import Table from 'cli-table3';
import { PHASES } from '../../src/passwords/roles.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import type { Cost } from './growth/measure.ts';
import type { PaperSummary } from './paper/summary.ts';
import type { WholeRun } from './whole/worker.ts';

/** Where a section was measured, and with which command. */
export interface Measured {
  readonly command: string;
  readonly environment: {
    readonly node: string;
    readonly platform: string;
    readonly processor: string;
    readonly cores: number;
    readonly memoryGiB: number;
  };
}

/** Steps of each engine, phase by phase: `npm run bench`. */
export interface Speed extends Measured {
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly {
    readonly setup: string;
    readonly phase: string;
    readonly engine: string;
    readonly millisecondsPerStep: number;
    readonly tokensPerSecond: number;
    readonly productGigaflopsPerSecond: number;
    readonly shareOfMatrixRate: number;
    readonly speedRelativeToWasm: number | null;
    readonly peakMemoryMiB: number;
  }[];
}

/** `pocket-memorising` with one thing changed at a time: `npm run bench -- growth`. */
export interface Growth extends Measured {
  readonly scoredPasswords: number;
  readonly rows: readonly {
    readonly knob: string;
    readonly value: number;
    readonly engines: Readonly<Record<string, Cost & { readonly referenceSeconds: number }>>;
  }[];
}

/** What the paper's runs would cost, from steps at smaller batches: `npm run bench -- growth`. */
export interface PaperRuns extends Measured {
  readonly engine: string;
  readonly batch: number;
  readonly rows: readonly {
    readonly size: string;
    readonly batches: readonly number[];
    readonly measured: readonly Cost[];
    readonly extrapolatedStepSeconds: readonly number[];
    readonly hours: { readonly steps: number; readonly evaluations: number; readonly reference: number };
  }[];
}

/** The same training in PyTorch and here: `npm run bench -- reference`. */
export interface Reference extends Measured {
  readonly steps: Readonly<Record<string, number>>;
  readonly reference: string;
  readonly programs: readonly {
    readonly program: string;
    readonly seconds: number;
    readonly tokens: number;
    readonly peakMiB: number;
    readonly speedRelativeToReference: number;
    readonly largestRelativeLossDifference: Readonly<Record<string, number>>;
  }[];
}

/** Steps of the same training in JAX and here, in turn: `npm run bench -- reference`. */
export interface Jax extends Measured {
  readonly steps: Readonly<Record<string, number>>;
  readonly rounds: number;
  readonly version: string;
  /** Of JAX's program, before anything is timed. */
  readonly compileSeconds: number;
  /** Of a large float32 product on all cores, by library. */
  readonly peakGigaflopsPerSecond: Readonly<Record<string, number>>;
  /** Of WebAssembly's 128-bit multiplications and additions on one core. */
  readonly vectorGigaflopsPerSecond: number;
  readonly rows: readonly {
    readonly phase: string;
    readonly program: string;
    readonly millisecondsPerStep: number;
    /** Time over that of JAX, by round. */
    readonly relativeToJax: { readonly median: number; readonly quartiles: readonly [number, number] };
    readonly productGigaflopsPerSecond: number;
    /** Of the best rate on all cores. */
    readonly shareOfPeak: number;
    /** Null where a program is not made of WebAssembly. */
    readonly shareOfVectorPeak: number | null;
    /** From the losses of JAX, in whole runs; null for JAX itself. */
    readonly largestRelativeLossDifference: number | null;
  }[];
  readonly runs: readonly {
    readonly program: string;
    readonly seconds: number;
    readonly tokens: number;
    readonly peakMiB: number;
  }[];
}

/** Where the time of whole runs of `pocket-memorising` goes: `npm run bench -- whole`. */
export interface Whole extends Measured {
  readonly rows: readonly ({ readonly engine: string; readonly every: number } & WholeRun)[];
}

/** Steps of the paper's own setup: `npm run bench -- paper`. */
export interface Paper extends Measured {
  readonly setup: { readonly batch: number; readonly microBatch: number | null };
  readonly engine: { readonly name: string; readonly version: string };
  readonly summary: PaperSummary;
}

/** Over how many first steps of each phase losses are compared with PyTorch's and JAX's. */
export const COMPARED = 100;

export const tableOf = (head: string[]) => new Table({ head, style: { head: [], border: [], compact: true } });

const percent = (share: number): string => `${Math.round(100 * share)}%`;

/** The machine, as the first line of a table says it. */
export const machine = ({ environment: { processor, cores, node } }: Measured): string =>
  `${processor}, ${cores} cores, Node ${node}`;

export function speedText(section: Speed): string {
  const table = tableOf([
    'setup',
    'phase',
    'engine',
    'ms/step',
    'tokens/s',
    'GFLOP/s',
    'matrix rate',
    'wasm = 1',
    'MiB',
  ]);
  for (const row of section.rows) {
    table.push([
      row.setup,
      row.phase,
      row.engine,
      row.millisecondsPerStep.toFixed(1),
      Math.round(row.tokensPerSecond),
      Math.round(row.productGigaflopsPerSecond),
      percent(row.shareOfMatrixRate),
      row.speedRelativeToWasm?.toFixed(2) ?? '',
      Math.round(row.peakMemoryMiB),
    ]);
  }
  const versions = Object.entries(section.versions).map(([name, version]) => `${name}: TensorFlow.js ${version}`);
  return [machine(section), ...versions, table.toString()].join('\n');
}

export function growthText(section: Growth): string {
  const engines = Object.keys(section.rows[0].engines);
  const table = tableOf([
    'pocket-memorising, but',
    'parameters',
    ...engines.flatMap((engine) => [`${engine}: ms/step`, 'scoring, ms', 'draw, s', 'reference, s', 'MiB']),
  ]);
  for (const { knob, value, engines: costs } of section.rows) {
    table.push([
      `${knob} ${value}`,
      costs[engines[0]].parameters,
      ...engines.flatMap((engine) => {
        const cost = costs[engine];
        return [
          cost.millisecondsPerStep.joint?.toFixed(1),
          cost.millisecondsPerScoring.toFixed(1),
          cost.preparationSeconds.toFixed(1),
          cost.referenceSeconds.toFixed(1),
          Math.round(cost.peakMemoryMiB),
        ];
      }),
    ]);
  }
  return `${machine(section)}
${table.toString()}
ms/step: a step of phase 3, four times the batch. scoring: ${section.scoredPasswords} passwords. draw: the corpus and the initial weights.
reference: the log-probabilities of every DPO password after phase 1, from the time of scoring. MiB: peak of the process.`;
}

export function paperRunsText(section: PaperRuns): string {
  const table = tableOf([
    'model',
    'parameters',
    'measured at batch',
    ...PHASES.map((phase) => `${phase}, s/step`),
    'evaluations, h',
    'reference, h',
    'a run, h',
    'MiB',
  ]);
  for (const { size, batches, measured, extrapolatedStepSeconds, hours } of section.rows) {
    table.push([
      size,
      measured[1].parameters,
      batches.join(', '),
      ...extrapolatedStepSeconds.map((seconds) => seconds.toFixed(1)),
      hours.evaluations.toFixed(1),
      hours.reference.toFixed(1),
      (hours.steps + hours.evaluations + hours.reference).toFixed(1),
      Math.round(measured[1].peakMemoryMiB),
    ]);
  }
  const steps = PHASES.map((phase) => `${PRESETS.paper.phases[phase].steps} ${phase}`).join(', ');
  return `${table.toString()}
EXTRAPOLATED to the paper's batch of ${section.batch} from steps measured at two smaller ones, on ${section.engine}, random weights;
${steps} steps. MiB: peak at the larger of the two batches.`;
}

/** @param size of the setup, as the command names it */
export function referenceText(size: string, section: Reference): string {
  const table = tableOf([
    'program',
    'seconds',
    'tokens/s',
    'peak MiB',
    'reference = 1',
    ...PHASES.map((phase) => `${phase}: loss apart`),
  ]);
  for (const row of section.programs) {
    table.push([
      row.program,
      row.seconds.toFixed(1),
      `${Math.round(row.tokens / row.seconds)}`,
      row.peakMiB.toFixed(0),
      row.speedRelativeToReference.toFixed(2),
      ...PHASES.map((phase) => row.largestRelativeLossDifference[phase].toExponential(1)),
    ]);
  }
  const steps = PHASES.map((phase) => section.steps[phase]).join();
  return `${machine(section)}; ${size}, ${steps} steps; the reference is ${section.reference}.
${table.toString()}
loss apart: the largest relative difference over the first ${COMPARED} steps of a phase.`;
}

/** @param size of the setup, as the command names it */
export function jaxText(size: string, section: Jax): string {
  const table = tableOf([
    'phase',
    'program',
    'ms/step',
    'JAX = 1',
    'quartiles',
    'GFLOP/s',
    'of all cores',
    'of 128 bits',
    'loss apart',
  ]);
  for (const row of section.rows) {
    const { median, quartiles } = row.relativeToJax;
    table.push([
      row.phase,
      row.program,
      row.millisecondsPerStep.toFixed(1),
      median.toFixed(2),
      quartiles.map((quartile) => quartile.toFixed(2)).join(' to '),
      row.productGigaflopsPerSecond.toFixed(0),
      percent(row.shareOfPeak),
      row.shareOfVectorPeak === null ? '' : percent(row.shareOfVectorPeak),
      row.largestRelativeLossDifference?.toExponential(1) ?? '',
    ]);
  }
  const rates = Object.entries(section.peakGigaflopsPerSecond).map(([name, rate]) => `${name} ${rate.toFixed(0)}`);
  const runs = section.runs.map(
    ({ program, seconds, peakMiB }) => `${program} ${seconds.toFixed(1)} s, ${peakMiB.toFixed(0)} MiB`,
  );
  const steps = PHASES.map((phase) => section.steps[phase]).join();
  return `${machine(section)}; ${size}, ${section.rounds} rounds; JAX ${section.version}
${table.toString()}
a product of 2048 x 2048 matrices on all cores, GFLOP/s: ${rates.join(', ')}; 128-bit multiply and add on one core: ${section.vectorGigaflopsPerSecond.toFixed(0)}
whole runs (${steps} steps): ${runs.join('; ')}; JAX compiled for ${section.compileSeconds.toFixed(1)} s before
loss apart: the largest relative difference from JAX over the first ${COMPARED} steps of a phase, in whole runs.`;
}

export function wholeText(section: Whole): string {
  const table = tableOf([
    'engine',
    'evaluated every',
    'start',
    'corpus',
    'first steps',
    ...PHASES,
    'reference',
    'ends of phases',
    'evaluations',
    'of the run',
    'whole, s',
  ]);
  for (const { engine, every, evaluated, parts } of section.rows) {
    const { start, corpus, first, steps, reference, ends, evaluations, whole } = parts;
    const before = [start, corpus, first, ...PHASES.map((phase) => steps[phase]), reference, ends];
    table.push([
      engine,
      `${every} steps`,
      ...before.map((seconds) => seconds.toFixed(2)),
      `${evaluated}: ${evaluations.toFixed(2)}`,
      percent(evaluations / whole),
      whole.toFixed(1),
    ]);
  }
  return `${machine(section)}\n${table.toString()}`;
}

export function paperText(section: Paper): string {
  const { summary, engine, setup } = section;
  const table = tableOf([
    'phase',
    'steps',
    's/step',
    'first loss',
    'last loss',
    'steps of the paper',
    'extrapolated, h',
  ]);
  for (const { phase, steps, secondsPerStep, firstLoss, lastLoss, paperSteps, hours } of summary.rows) {
    table.push([
      phase,
      steps,
      secondsPerStep.toFixed(1),
      firstLoss.toFixed(2),
      lastLoss.toFixed(2),
      paperSteps,
      hours.toFixed(1),
    ]);
  }
  return [
    `${machine(section)}; ${engine.name} (TensorFlow.js ${engine.version}); batches of ${setup.batch}, in passes of ${setup.microBatch ?? setup.batch} of each kind`,
    table.toString(),
    `an evaluation ${summary.evaluationSeconds.toFixed(1)} s; the reference of ${summary.passwordsReferenced} passwords ${summary.referenceSeconds.toFixed(0)} s; a checkpoint ${summary.checkpointGiB.toFixed(1)} GiB`,
    `peak memory ${summary.peakGiB.toFixed(1)} GiB (planned: ${summary.plannedGiB.toFixed(1)} GiB); ${summary.wallMinutes.toFixed(0)} minutes in all`,
    `EXTRAPOLATED: a whole run takes ${summary.runHours.toFixed(0)} hours here, eight seeds ${summary.daysForEightSeeds.toFixed(1)} days`,
  ].join('\n');
}
