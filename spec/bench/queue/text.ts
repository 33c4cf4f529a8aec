/** What the queue costs, as a table; and what ten thousand runs of the paper's size would need, on paper. */

import { parameterCount } from '../../../src/model/specifications.ts';
import { PRESETS } from '../../../src/setup/presets.ts';
import { operationsOf } from '../../../src/sweep/cost.ts';
import { type Measured, machine, type PaperRuns, tableOf } from '../tables.ts';

export interface QueueBench extends Measured {
  readonly server: string;
  readonly runs: number;
  /** Of the worker at once. */
  readonly jobs: number;
  readonly enterSeconds: number;
  readonly carrySeconds: number;
  readonly serverBytesPerRun: number;
  /** Of a record with the paper's counts. */
  readonly paperRecordBytes: number;
  /** Median of the reference runs of `pocket`. */
  readonly pocketRunSeconds: number;
}

export function queueText(section: QueueBench): string {
  const { server, runs, jobs, enterSeconds, carrySeconds, serverBytesPerRun, pocketRunSeconds } = section;
  const each = (enterSeconds + carrySeconds) / runs;
  const table = tableOf([
    'runs',
    'entered, s',
    'carried out, s',
    'runs a second',
    'ms a run',
    'bytes a run in the server',
    'share of a run of pocket',
  ]);
  table.push([
    ...[runs, enterSeconds.toFixed(1), carrySeconds.toFixed(1), (1 / each).toFixed(0), (1000 * each).toFixed(1)],
    ...[serverBytesPerRun.toFixed(0), `${((100 * each) / pocketRunSeconds).toFixed(3)}%`],
  ]);
  return `${machine(section)}; ${server}; a worker of ${jobs} runs at once
${table.toString()}
Runs that train nothing, from the command over the server to the worker and back as records in the job's folder; both are one process.
A run of pocket took ${pocketRunSeconds.toFixed(0)} s: the median of those in the reference report, two at a time and beside other work.`;
}

const RUNS = 10_000;
const GIB = 2 ** 30;
const HOURS = 24;

/** What ten thousand runs of Pythia-410M need: measured numbers, multiplied. */
export function tenThousandText(queue: QueueBench, paperRuns: PaperRuns): string {
  const { hours } = paperRuns.rows.find(({ size }) => size === '410m')!;
  const each = hours.steps + hours.evaluations + hours.reference;
  const checkpoint = 3 * 4 * parameterCount(PRESETS['paper-410m']);
  const table = tableOf(['machines', 'days', 'checkpoints, TiB', 'a checkpoint each in an hour, GB/s']);
  for (const machines of [100, 1_000, 10_000]) {
    table.push([
      machines,
      ((RUNS * each) / machines / HOURS).toFixed(0),
      ((2 * machines * checkpoint) / (1024 * GIB)).toFixed(1),
      ((machines * checkpoint) / 3600 / 1e9).toFixed(2),
    ]);
  }
  const entries = (queue.serverBytesPerRun * RUNS) / 2 ** 20;
  return `${table.toString()}
${RUNS} runs, ${each.toFixed(1)} h each on a machine as above, ${operationsOf(PRESETS['paper-410m']).toPrecision(2)} operations. In the server: ${entries.toFixed(0)} MiB. Records:
${((RUNS * queue.paperRecordBytes) / GIB).toFixed(0)} GiB. checkpoints: two of each run at work, while one replaces the other, ${(checkpoint / GIB).toFixed(1)} GiB each.`;
}
