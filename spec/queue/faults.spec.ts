/** Processes that are killed or held up in the middle of a sweep on a queue: its records are those of a sweep left alone. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFailed, onTestFinished } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import { startCommand } from '../helpers/command.ts';
import { filesIn, sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { send, TELLS, trainersOf } from '../helpers/processes.ts';
import {
  checkpointsIn,
  expectDone,
  type Heard,
  heard,
  PATIENT,
  type Place,
  recordsHere,
  recordsIn,
  SLOWER,
  stacksIn,
  startSweep,
  startWorker,
  superviseWorkers,
  tinyGrid,
} from '../helpers/queue.ts';
import { PROGRAM, startServer, WITHOUT } from '../helpers/redis.ts';
import { KILLS } from '../hostile/counts.ts';

describe.skipIf(PROGRAM === undefined || !TELLS)(`a sweep on a queue, with faults${WITHOUT}`, () => {
  const grid = tinyGrid(sharedFolder(), { set: SLOWER });
  /** One run of it, and two short ones. */
  const single = tinyGrid(sharedFolder(), { set: SLOWER, vary: { beta: [0.1] }, seeds: [201] });
  const quick = tinyGrid(sharedFolder(), { vary: { beta: [0.1] } });
  let [expected, ofSingle, ofQuick]: ReturnType<typeof recordsIn>[] = [];
  beforeAll(async () => {
    [expected, ofQuick] = [await recordsHere(grid), await recordsHere(quick)];
    ofSingle = Object.fromEntries(Object.entries(expected).filter(([name]) => name.includes('beta-0-1-seed201')));
    expect([expected, ofSingle, ofQuick].map((records) => Object.keys(records).length)).toEqual([4, 1, 2]);
  });

  /** Whether a sweep's folder and store hold every run once, as a sweep left alone has them, and nothing else. */
  const expectWhole = (out: string, store: string, records: typeof expected): void => {
    expect(recordsIn(out)).toEqual(records);
    expect(filesIn(path.join(store, 'runs'))).toHaveLength(Object.keys(records).length);
    expect(filesIn(path.join(store, 'checkpoints'))).toEqual([]);
    expect(filesIn(path.join(store, 'conflicts'))).toEqual([]);
  };

  it(`outlives kill -9 of workers, of the processes of runs, and of the server, ${KILLS.workers} times`, async () => {
    const seed = Number(process.env.PROPERTY_SEED ?? 2306);
    onTestFailed(() => void process.stderr.write(`kills were drawn with PROPERTY_SEED=${seed}\n`));
    const { below } = stream(seed, 'faults/kills of workers');
    const kills = { worker: 0, process: 0, server: 0 };
    const count = () => kills.worker + kills.process + kills.server;
    let wentOn = 0;
    // A sweep that comes to its end under these kills is followed by another one.
    while (count() < KILLS.workers) {
      const server = await startServer();
      const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
      const out = path.join(temporaryFolder(), 'out');
      // No run may be given up here, however often it is hit before it has come further.
      const supervised = superviseWorkers(place, 3, '--tries', '1000');
      const sweep = startSweep(grid, out, place);
      await expect.poll(() => supervised.said()).toContain(': begins'); // a sweep that finds no server is none
      let over = false;
      const ended = sweep.done.finally(() => {
        over = true;
      });
      const trainers = () => supervised.workers().map(({ child }) => [child.pid!, trainersOf(child.pid!)] as const);
      while (!over && count() < KILLS.workers) {
        await sleep(200 + below(2_000));
        const draw = below(10);
        const busy = trainers().filter(([, children]) => children.length > 0);
        const [worker, children] = busy.at(below(Math.max(1, busy.length))) ?? [0, []];
        if (over) break;
        if (draw < 2) {
          await server.kill();
          await sleep(below(2_000));
          await server.start();
          kills.server += 1;
        } else if (worker === 0) {
        } else if (draw < 5) {
          for (const child of children) send(child, 'SIGKILL');
          kills.process += 1;
        } else {
          for (const victim of [worker, ...children]) send(victim, 'SIGKILL');
          kills.worker += 1;
        }
      }
      const { code, stderr } = await ended;
      expect(code, `${stderr}\n${supervised.said()}`).toBe(1);
      expectWhole(out, place.store, expected);
      expect(server.cli('keys', '*:failed'), 'no run has failed').toBe('');
      const events = readFileSync(path.join(out, 'events.jsonl'), 'utf8');
      expect(events.match(/"run-ended"/g)).toHaveLength(4);
      expect(stacksIn(`${stderr}${supervised.said()}`)).toEqual([]);
      wentOn += supervised.said().match(/: goes on/g)?.length ?? 0;
    }
    expect(wentOn, 'runs went on from checkpoints').toBeGreaterThan(0);
    for (const [victim, times] of Object.entries(kills)) expect(times, victim).toBeGreaterThan(0);
  });

  for (const [what, withRuns] of [
    ['a worker that stands still with its runs', true],
    ['a worker that stands still while its runs go on', false],
  ] as const)
    it(`${what} loses them to another worker, notices it when it goes on, and counts them no second time`, async () => {
      const server = await startServer();
      const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
      const out = path.join(temporaryFolder(), 'out');
      const still = startWorker(place);
      const sweep = startSweep(single, out, place);
      await expect.poll(() => checkpointsIn(place.store)).not.toEqual([]);
      const trainers = withRuns ? trainersOf(still.child.pid!) : [];
      onTestFinished(() => {
        for (const one of trainers) send(one, 'SIGKILL'); // it cannot notice that its worker is gone
      });
      for (const one of [still.child.pid!, ...trainers]) send(one, 'SIGSTOP');
      const other = startWorker(place);
      await expectDone(sweep);
      if (withRuns) expect(other.said()).toContain(': goes on'); // else whichever of the two is the first to end it
      send(still.child.pid!, 'SIGCONT');
      await expect
        .poll(() => still.said())
        .toMatch(withRuns ? /let go of \((lease lost|unwanted)\)/ : /let go of|: finished/);
      expectWhole(out, place.store, ofSingle);
      for (const one of [still, other]) one.child.kill('SIGTERM');
      expect((await still.done).code, still.said()).toBe(0);
      await other.done;
      expect(still.said()).toContain('0 runs finished here, 0 failed');
      expect(other.said()).toMatch(
        withRuns ? /\b1 runs finished here, 0 failed/ : /\b[01] runs finished here, 0 failed/,
      );
      expect(stacksIn(still.said() + other.said())).toEqual([]);
    });

  /** What a sweep says of its runs, by seed. */
  const endsOf = (stdout: string): Record<number, string> =>
    Object.fromEntries(
      (JSON.parse(stdout).runs as { seed: number; status: string }[]).map(({ seed, status }) => [seed, status]),
    );
  /** Of the pair's two runs, the first was given up: it says so, the other is trained, and both can be trained well. */
  const expectGivenUp = async (place: Place, out: string, sweep: Heard): Promise<void> => {
    const { code, stdout, stderr } = await sweep.done;
    expect(code, stderr).toBe(1); // as where a run fails here: what is left is judged
    expect(stderr).toMatch(/seed 201: FAILED: .*it ended its worker 2 times/);
    expect(endsOf(stdout)).toEqual({ 201: 'failed', 202: 'finished' });
    const failed = /"error":.*it ended its worker 2 times and came no further/;
    const records = recordsIn(out);
    const [[lost, text], [other]] = Object.entries(records);
    expect([lost, other]).toEqual(Object.keys(ofQuick));
    expect(text).toMatch(failed);
    expect(records[other]).toBe(ofQuick[other]);
    startWorker(place);
    const again = path.join(temporaryFolder(), 'again');
    await expectDone(startSweep(quick, again, place, '--refresh'));
    expectWhole(again, place.store, ofQuick);
  };

  it('a run whose process is killed every time is given up after so many tries, and its sweep goes on', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const killer = path.join(temporaryFolder(), 'killer.cjs');
    // As a run does that takes more memory than there is.
    writeFileSync(
      killer,
      `const { emit } = process;
       process.emit = function (event, message) {
         const isTold = process.env.TINYPOOL_WORKER_ID && event === 'message';
         if (isTold && /"seed":201\\b/.test(JSON.stringify(message))) process.kill(process.pid, 'SIGKILL');
         return emit.apply(this, arguments);
       };`,
    );
    const worker = startWorker({ ...place, env: { NODE_OPTIONS: `--require ${killer}` } }, '--tries', '2', ...PATIENT);
    const out = path.join(temporaryFolder(), 'out');
    const sweep = startSweep(quick, out, place);
    await expect.poll(() => worker.said()).toMatch(/seed 201: FAILED/);
    expect(worker.said()).toMatch(/seed 201: its process ended .*try 1 of 2/);
    await sweep.done;
    worker.child.kill('SIGTERM');
    expect((await worker.done).code, worker.said()).toBe(0);
    expect(worker.said()).toContain('1 runs finished here, 1 failed');
    await expectGivenUp(place, out, sweep);
  });

  it('a run that kills its worker every time is given up after so many tries, and its sweep goes on', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const supervised = superviseWorkers(place, 1, '--tries', '2', '--lease', '5s');
    const out = path.join(temporaryFolder(), 'out');
    const sweep = startSweep(quick, out, place);
    const killed = new Set<Heard>();
    const kill = setInterval(() => {
      for (const worker of supervised.workers()) {
        if (killed.has(worker) || !/seed 201: begins/.test(worker.said())) continue;
        killed.add(worker);
        for (const one of [worker.child.pid!, ...trainersOf(worker.child.pid!)]) send(one, 'SIGKILL');
      }
    }, 5);
    await sweep.done;
    clearInterval(kill);
    expect(killed.size).toBe(2);
    await expectGivenUp(place, out, sweep);
  });

  it('processes that all die as they start hang no worker: their runs are given up', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const killer = path.join(temporaryFolder(), 'killer.cjs');
    writeFileSync(killer, `process.env.TINYPOOL_WORKER_ID && process.kill(process.pid, 'SIGKILL');`);
    startWorker({ ...place, env: { NODE_OPTIONS: `--require ${killer}` } }, '--tries', '1');
    const { code, stdout, stderr } = await startSweep(quick, path.join(temporaryFolder(), 'out'), place).done;
    expect(code, stderr).not.toBe(0);
    expect(endsOf(stdout)).toEqual({ 201: 'failed', 202: 'failed' });
  });

  it('a worker that is asked to stop gives its run back at once, and another goes on from its last checkpoint', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const out = path.join(temporaryFolder(), 'out');
    // Nobody would wait for the end of this lease.
    const first = startWorker(place, '--lease', '60m');
    const sweep = startSweep(single, out, place);
    await expect.poll(() => checkpointsIn(place.store)).not.toEqual([]);
    const second = startWorker(place, '--lease', '60m');
    first.child.kill('SIGTERM');
    expect((await first.done).code, first.said()).toBe(0);
    expect(first.said()).toContain('goes back to the queue');
    await expectDone(sweep);
    expect(second.said()).toContain(': goes on');
    expectWhole(out, place.store, ofSingle);
  });

  it('a worker that is asked to stop ends though the server does not answer, and at once where it is asked twice', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const workers = [startWorker(place), startWorker(place)];
    for (const { said } of workers) await expect.poll(() => said()).toContain('takes runs');
    server.signal('SIGSTOP');
    await sleep(2_500); // each has asked the server something
    for (const { child } of workers) child.kill('SIGINT');
    for (const { said } of workers) await expect.poll(() => said()).toContain('stopping');
    workers[1].child.kill('SIGINT');
    expect((await workers[1].done).code).toBe(130);
    const { code, stderr } = await workers[0].done;
    expect(code, stderr).toBe(0);
  });

  it('a `reproduce` that is killed is gone on with, and has the records that were made meanwhile', async () => {
    const set = Object.entries(JSON.parse(readFileSync(quick, 'utf8')).set).flatMap(([field, value]) => [
      '--set',
      `${field}=${value}`,
    ]);
    const start = (out: string, ...args: string[]): Heard => {
      const job = ['reproduce', '--claims', 'main', '--seed-list', '201,202', '--out', out, ...set, ...args];
      const child = startCommand(job, { NEGATIVE_KNOWLEDGE_ENGINE: 'wasm' });
      onTestFinished(() => void child.kill('SIGKILL'));
      return heard(child);
    };
    const [here, out] = ['here', 'out'].map((name) => path.join(temporaryFolder(), name));
    const alone = await start(here).done;
    expect(alone.code, alone.stderr).toBe(1);
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const on = ['--queue', place.url, '--store', place.store];
    const worker = startWorker(place, ...PATIENT);
    const first = start(out, ...on);
    await expect.poll(() => worker.said()).toContain(': begins');
    first.child.kill('SIGKILL');
    await first.done;
    await expect.poll(() => worker.said().match(/: finished/g)).toHaveLength(2);
    const { code, stderr } = await start(out, ...on, '--resume').done;
    expect(code, stderr).toBe(1);
    expectWhole(out, place.store, recordsIn(here));
    expect(worker.said().match(/: begins/g), 'each is trained once').toHaveLength(2);
    expect(server.cli('hlen', 'negative-knowledge:sweeps')).toBe('0');
  });
});
