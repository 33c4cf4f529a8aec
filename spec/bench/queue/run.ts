/**
 * `npm run bench -- queue`: what the queue itself costs. Runs that train nothing go from a command through the server to a
 * worker, and come back as records; both are this one process, so that it is an upper bound.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { median } from 'simple-statistics';
import { startEngine } from '../../../src/engine/engine.ts';
import { lostRun } from '../../../src/lab/local.ts';
import { runAll } from '../../../src/lab/pool.ts';
import { AttemptStore, openShared, type SharedPlace } from '../../../src/lab/shared/shared-store.ts';
import { RunStore } from '../../../src/lab/store.ts';
import { queueExecutor } from '../../../src/queue/executor.ts';
import { NO_METER } from '../../../src/queue/metrics.ts';
import { connect } from '../../../src/queue/server.ts';
import { kindHere, workOn } from '../../../src/queue/worker.ts';
import { readStudy } from '../../../src/records/study.ts';
import { setupHash } from '../../../src/setup/hash.ts';
import { PRESETS } from '../../../src/setup/presets.ts';
import { saveSection } from '../report.ts';
import { queueText } from './text.ts';

const { values } = parseArgs({
  options: {
    queue: { type: 'string', default: 'redis://localhost:6379' },
    runs: { type: 'string', default: '2000' },
    jobs: { type: 'string', default: '16' },
  },
});
const [count, jobs] = [Number(values.runs), Number(values.jobs)];
if (![count, jobs].every((value) => Number.isInteger(value) && value >= 1)) {
  process.stderr.write('error: --runs and --jobs take numbers\n');
  process.exit(2);
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-bench-'));
const quiet = () => {};
const server = await connect(values.queue, (text) => void process.stderr.write(`${text}\n`));
try {
  const store = await openShared(path.join(folder, 'store'));
  const engine = { name: 'wasm' as const, version: 'none' };
  const kind = kindHere(engine);
  const code = `bench-${process.pid}`;
  const memory = async () => Number(/used_memory:(\d+)/.exec(await server.client.info('memory'))?.[1]);
  const job = new RunStore(path.join(folder, 'job'));
  await job.open();
  const setups = Array.from({ length: count }, (_, index) => ({ ...PRESETS.pocket, seed: 1_000_000 + index }));

  const start = queueExecutor({
    server,
    store,
    kind,
    code,
    name: 'bench',
    command: 'bench',
    refresh: false,
    say: quiet,
  });
  const before = await memory();
  const began = performance.now();
  let entered = 0;
  let [bytes, stop] = [0, quiet];
  const working = new AbortController();
  let work: Promise<unknown> | undefined;
  await runAll(setups, {
    ...{ engine, store: job, jobs, processorKind: kind.processorKind },
    start: async (given) => {
      const executor = await start(given);
      entered = performance.now();
      bytes = (await memory()) - before;
      stop = () => working.abort();
      work = workOn({
        ...{ server, store, kind, code, jobs, tries: 5, lease: 30_000, untilEmpty: false, say: quiet, meter: NO_METER },
        signal: working.signal,
        train: async ({ setup, place, execution }) => {
          const own = new AttemptStore(store, place as SharedPlace);
          await own.writeRecord(lostRun(setup, { engine, execution }, new Error('it trains nothing')));
          return null;
        },
      });
      return executor;
    },
  });
  const ended = performance.now();
  stop();
  await work;
  job.close();

  // A record's size depends on the counts of a setup, and not on the size of its model.
  const { paper } = PRESETS;
  const model = { ...paper.model, ...{ pretrained: null, vocabulary: null, hidden: 16, layers: 2, heads: 2 } };
  const narrow = new RunStore(path.join(folder, 'narrow'));
  await narrow.open();
  const [{ file, record }] = await runAll([{ ...paper, model }], {
    engine: await startEngine('wasm'),
    store: narrow,
    jobs: 1,
  });
  narrow.close();
  if (record.status !== 'finished') throw new Error(record.error.message);

  const { records } = await readStudy(path.join('reports', 'records', 'pocket.jsonl.br'));
  const hash = (seed: number) => setupHash({ ...PRESETS.pocket, seed });
  const pocket = records.filter(({ setup, setupHash: own, times }) => own === hash(setup.seed) && !times.resumed);
  const { redis_version: version } = Object.fromEntries(
    (await server.client.info('server')).split('\r\n').map((line) => line.split(':')),
  );
  const section = saveSection('queue', 'npm run bench -- queue', {
    server: `Redis ${version}`,
    runs: count,
    jobs,
    enterSeconds: (entered - began) / 1000,
    carrySeconds: (ended - entered) / 1000,
    serverBytesPerRun: bytes / count,
    paperRecordBytes: statSync(file).size,
    pocketRunSeconds: median(pocket.map(({ times }) => times.wallSeconds)),
  });
  process.stdout.write(`${queueText(section)}\n`);
} finally {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}
