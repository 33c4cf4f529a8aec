/** Processes that are killed or held up in the middle of a sweep on a queue: its records are those of a sweep left alone. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFailed, onTestFinished } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { send, TELLS, trainersOf } from '../helpers/processes.ts';
import { recordsIn, SLOWER, startSweep, startWorker, superviseWorkers, tinyGrid } from '../helpers/queue.ts';
import { PROGRAM, startServer, WITHOUT } from '../helpers/redis.ts';
import { KILLS } from '../hostile/counts.ts';

const STACK = /\n {4}at /;

/** Files in a folder and those in it, or none. */
const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
    : [];

describe.skipIf(PROGRAM === undefined || !TELLS)(`a sweep on a queue, with faults${WITHOUT}`, () => {
  const folder = sharedFolder();
  const grid = tinyGrid(folder, { set: SLOWER });
  let expected: ReturnType<typeof recordsIn>;
  beforeAll(async () => {
    const here = path.join(folder, 'here');
    const { code, stderr } = await startSweep(grid, here, null).done;
    expect(code, stderr).toBe(1); // too few runs for any verdict but this
    expected = recordsIn(here);
    expect(Object.keys(expected)).toHaveLength(4);
  });
  /** The half of it. */
  const pair = tinyGrid(sharedFolder(), { set: SLOWER, vary: { beta: [0.1] } });
  const ofPair = () => Object.fromEntries(Object.entries(expected).filter(([name]) => name.includes('beta-0-1-')));

  /** Whether a sweep's folder and store hold every run once, as a sweep left alone has them, and nothing else. */
  const expectWhole = (out: string, store: string, records = expected): void => {
    expect(recordsIn(out)).toEqual(records);
    expect(filesIn(path.join(store, 'runs'))).toHaveLength(Object.keys(records).length);
    expect(filesIn(path.join(store, 'checkpoints'))).toEqual([]);
    expect(filesIn(path.join(store, 'conflicts'))).toEqual([]);
  };

  it(`outlives kill -9 of workers, of the processes of runs, and of the server, ${KILLS.workers} times`, async () => {
    const seed = Number(process.env.PROPERTY_SEED ?? 2306);
    onTestFailed(() => process.stderr.write(`kills were drawn with PROPERTY_SEED=${seed}\n`));
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
      expectWhole(out, place.store);
      expect(server.cli('keys', '*:failed'), 'no run has failed').toBe('');
      const events = readFileSync(path.join(out, 'events.jsonl'), 'utf8');
      expect(events.match(/"run-ended"/g)).toHaveLength(4);
      expect(`${stderr}${supervised.said()}`).not.toMatch(STACK);
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
      const sweep = startSweep(pair, out, place);
      await expect.poll(() => filesIn(path.join(place.store, 'checkpoints'))).not.toEqual([]);
      const trainers = withRuns ? trainersOf(still.child.pid!) : [];
      onTestFinished(() => {
        for (const one of trainers) send(one, 'SIGKILL'); // it cannot notice that its worker is gone
      });
      for (const one of [still.child.pid!, ...trainers]) send(one, 'SIGSTOP');
      const other = startWorker(place);
      const { code, stderr } = await sweep.done;
      expect(code, stderr).toBe(1);
      expect(other.said()).toMatch(/: goes on|: begins, try 2/);
      send(still.child.pid!, 'SIGCONT');
      await expect.poll(() => still.said()).toMatch(withRuns ? /let go of \(lease lost\)/ : /let go of|: finished/);
      expectWhole(out, place.store, ofPair());
      for (const one of [still, other]) one.child.kill('SIGTERM');
      expect((await still.done).code, still.said()).toBe(0);
      await other.done;
      expect(still.said()).toContain('0 runs finished here, 0 failed');
      expect(other.said()).toContain('2 runs finished here, 0 failed');
      expect(still.said() + other.said()).not.toMatch(STACK);
    });
});
