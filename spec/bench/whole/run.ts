/**
 * `npm run bench -- whole`: where the time of a whole run of `pocket-memorising` goes, on each engine, evaluated as often as it is and every
 * ten steps. Runs are one after the other, each in a process of its own as a job starts it.
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { threadVariables } from '../../../src/engine/native/threads.ts';
import { startWorkers } from '../../../src/lab/workers.ts';
import type { Setup } from '../../../src/setup/schema.ts';
import { compared, saveSection, startable } from '../report.ts';
import { NARROW } from '../setups.ts';
import { wholeText } from '../tables.ts';
import type { WholeRun } from './worker.ts';

const { values } = parseArgs({ options: { every: { type: 'string', default: `${NARROW.evaluation.every},10` } } });
const intervals = values.every.split(',').map(Number);
if (!intervals.every((every) => Number.isInteger(every) && every >= 1)) {
  process.stderr.write(`error: --every takes numbers of steps, such as 50,10; not ${values.every}\n`);
  process.exit(2);
}

/** Trains a setup in a process that is its own. */
async function wholeRun(setup: Setup, engine: string): Promise<WholeRun> {
  const threads = threadVariables(setup.model.hidden, os.availableParallelism());
  const workers = await startWorkers(new URL('./worker.ts', import.meta.url), 1, threads);
  try {
    return await workers.run({ setup, engine }, () => {});
  } finally {
    await workers.end();
  }
}

const rows: ({ engine: string; every: number } & WholeRun)[] = [];
for (const engine of await startable(compared())) {
  for (const every of intervals) {
    const setup = { ...NARROW, evaluation: { ...NARROW.evaluation, every } };
    rows.push({ engine, every, ...(await wholeRun(setup, engine)) });
  }
}
process.stdout.write(`${wholeText(saveSection('whole', 'npm run bench -- whole', { rows }))}\n`);
