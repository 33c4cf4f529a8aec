/** What lies between workers: a network that is cut, a store that is full, that cannot be written, or that is gone for a while. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { smallDisk } from '../helpers/disk.ts';
import { filesIn, sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { NETWORKS, network, WITHOUT_NETWORKS } from '../helpers/networks.ts';
import { send, trainersOf } from '../helpers/processes.ts';
import {
  checkpointsIn,
  expectDone,
  PATIENT,
  recordsHere,
  type recordsIn,
  SLOWER,
  stacksIn,
  startSweep,
  startWorker,
  tinyGrid,
} from '../helpers/queue.ts';
import { PROGRAM, startServer, WITHOUT } from '../helpers/redis.ts';
import { startS3 } from '../helpers/s3.ts';

describe.skipIf(PROGRAM === undefined)(`a sweep on a queue, between its machines${WITHOUT}`, () => {
  const grid = tinyGrid(sharedFolder(), { set: SLOWER, vary: { beta: [0.1] }, seeds: [201] });
  let expected: ReturnType<typeof recordsIn>;
  beforeAll(async () => {
    expected = await recordsHere(grid);
  });
  const newOut = () => path.join(temporaryFolder(), 'out');

  it.skipIf(!NETWORKS)(
    `loses no run to a network that is cut: another worker takes it, and the one beyond the cut lets go of it when it hears again${WITHOUT_NETWORKS}`,
    async () => {
      const { host, machines } = network(3);
      const server = await startServer({ host, options: ['--protected-mode', 'no'] });
      const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
      const workers = machines.map(({ through }) => startWorker({ ...place, through }, '--lease', '5s'));
      const out = newOut();
      const sweep = startSweep(grid, out, place);
      await expect.poll(() => checkpointsIn(place.store)).not.toEqual([]);
      const cut = workers.findIndex(({ said }) => said().includes(': begins'));
      const { child, said } = workers[cut];
      const trainers = trainersOf(child.pid!);
      onTestFinished(() => {
        for (const one of trainers) send(one, 'SIGKILL');
      });
      for (const one of trainers) send(one, 'SIGSTOP'); // as if its run were one of hours
      machines[cut].link('down');
      const minute = sleep(60_000);
      await expectDone(sweep, out, expected);
      const others = workers.filter((_, worker) => worker !== cut);
      expect(others.map((one) => one.said()).join('')).toContain(': goes on');
      await expect.poll(said).toMatch(/the queue's server \S+ is lost/);
      expect(said()).not.toContain('let go of');
      await minute; // at the least: as long as some networks need to find another way
      machines[cut].link('up');
      await expect.poll(said).toContain('is there again');
      await expect.poll(said).toMatch(/let go of \((lease lost|unwanted)\)/);
      child.kill('SIGTERM');
      expect((await workers[cut].done).code, said()).toBe(0);
      expect(said()).toContain('0 runs finished here, 0 failed');
      expect(stacksIn(said())).toEqual([]);
      expect(filesIn(path.join(place.store, 'runs')).filter((name) => name.endsWith('.json'))).toHaveLength(1);
    },
  );

  it('outlives a store that is full, and then cannot be written: the run is tried until it can', async (context) => {
    const disk = smallDisk(context, 'size=32m');
    const server = await startServer();
    const place = { url: server.url, store: path.join(disk, 'store') };
    const worker = startWorker(place, '--tries', '1', ...PATIENT);
    const out = newOut();
    const sweep = startSweep(grid, out, place);
    await expect.poll(() => checkpointsIn(place.store)).not.toEqual([]);
    const filler = path.join(disk, 'filler');
    const fill = () => {
      const file = openSync(filler, 'a');
      try {
        for (;;) writeSync(file, Buffer.alloc(4096));
      } catch {
        // full
      } finally {
        closeSync(file);
      }
    };
    fill();
    const filling = setInterval(fill, 20); // a checkpoint that is removed leaves room
    await expect.poll(() => worker.said()).toContain('the disk is full: free some space');
    clearInterval(filling);
    const remount = (how: 'ro' | 'rw') =>
      expect
        .poll(() => {
          try {
            execFileSync('mount', ['-o', `remount,${how}`, disk], { stdio: 'pipe' });
            return '';
          } catch (error) {
            return String(error); // a file is being written right now
          }
        })
        .toBe('');
    rmSync(filler);
    await remount('ro');
    await expect.poll(() => worker.said()).toMatch(/not writable|may not be written/);
    await expect.poll(() => worker.said().match(/not writable|may not be written/g)?.length ?? 0).toBeGreaterThan(2);
    await remount('rw');
    const { stderr } = await expectDone(sweep, out, expected);
    expect(stderr).toMatch(/does not take .*the disk is full/);
    const told = stderr.match(/does not take .*/g)?.map((line) => line.replaceAll(/[0-9a-f-]{8,}/g, ''));
    expect(told, 'once for each fault, however often the run is tried').toEqual([...new Set(told)]);
    expect(worker.said()).toContain(': goes on');
  });

  it('may keep its records and checkpoints in S3, which may be gone for a while', async () => {
    const files = temporaryFolder();
    let storage = await startS3(files);
    onTestFinished(() => storage.close());
    const { port } = new URL(storage.url);
    const env = {
      ...{ AWS_ENDPOINT_URL: storage.url, AWS_REGION: 'us-east-1' },
      ...{ AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' },
    };
    const server = await startServer();
    const place = { url: server.url, store: 's3://runs/mine', env };
    const worker = startWorker(place, '--tries', '1', ...PATIENT);
    const out = newOut();
    const sweep = startSweep(grid, out, place);
    await expect
      .poll(() => filesIn(files).some((name) => /checkpoints.*-[0-9a-f]{8}\._S3rver_object$/.test(name)))
      .toBe(true);
    await storage.close(); // whatever is under way breaks off
    await expect.poll(() => worker.said()).toMatch(/seed 201: Cannot .*s3:\/\/runs/);
    storage = await startS3(files, { port: Number(port) });
    const { stderr } = await expectDone(sweep, out, expected);
    expect(worker.said()).toContain(': goes on');
    expect(stacksIn(stderr + worker.said())).toEqual([]);
    expect(filesIn(files).filter((name) => /checkpoints.*-.*_object/.test(name))).toEqual([]);
  });
});
