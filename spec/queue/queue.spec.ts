/** A sweep on a queue, as it is typed, with workers that are processes of their own. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, startCommand } from '../helpers/command.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { recordsIn, startSweep, startWorker, tinyGrid } from '../helpers/queue.ts';
import { PROGRAM, startServer, WITHOUT } from '../helpers/redis.ts';

const cli = (...args: string[]) => finish(startCommand(args, { NEGATIVE_KNOWLEDGE_ENGINE: 'wasm' }));

describe.skipIf(PROGRAM === undefined)(`a sweep on a queue${WITHOUT}`, () => {
  const folder = sharedFolder();
  const grid = tinyGrid(folder);
  const here = path.join(folder, 'here');
  let expected: ReturnType<typeof recordsIn>;
  let verdicts: unknown;
  beforeAll(async () => {
    const { code, stdout, stderr } = await startSweep(grid, here, null).done;
    expect(code, stderr).toBe(1); // too few runs for any verdict but this
    expected = recordsIn(here);
    verdicts = JSON.parse(stdout).cells;
  });

  it('ends with the records of a sweep in one process, and with its verdicts', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const workers = [1, 2, 3].map(() => startWorker(place));
    const out = path.join(temporaryFolder(), 'out');
    const { code, stdout, stderr } = await startSweep(grid, out, place).done;
    expect(code, stderr).toBe(1);
    expect(recordsIn(out)).toEqual(expected);
    expect(JSON.parse(stdout).cells).toEqual(verdicts);
    expect(stderr).not.toContain('warning');
    // Nothing is left in the queue, of the sweep, or of checkpoints.
    expect(server.cli('keys', '*:r-*')).toBe('');
    expect(server.cli('hlen', 'negative-knowledge:sweeps')).toBe('0');
    const checkpoints = path.join(place.store, 'checkpoints');
    expect(existsSync(checkpoints) ? readdirSync(checkpoints) : []).toEqual([]);
    for (const { child, done, said } of workers) {
      child.kill('SIGTERM');
      expect((await done).code, said()).toBe(0);
    }
  });

  it('takes what the store has, and trains again what it is told to', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const worker = startWorker(place);
    await startSweep(grid, path.join(temporaryFolder(), 'out'), place).done;
    const begun = () => worker.said().match(/: begins/g)?.length;
    expect(begun()).toBe(4);
    const second = path.join(temporaryFolder(), 'out');
    expect((await startSweep(grid, second, place).done).code).toBe(1);
    expect(recordsIn(second)).toEqual(expected);
    expect(begun(), 'runs that the store has are not trained').toBe(4);
    const third = path.join(temporaryFolder(), 'out');
    expect((await startSweep(grid, third, place, '--refresh').done).code).toBe(1);
    expect(recordsIn(third)).toEqual(expected);
    expect(begun(), 'with --refresh they are').toBe(8);
  });

  it('shouts where the same run ends otherwise', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    startWorker(place);
    await startSweep(grid, path.join(temporaryFolder(), 'out'), place).done;
    const [code] = readdirSync(path.join(place.store, 'runs'));
    const [name] = readdirSync(path.join(place.store, 'runs', code));
    const file = path.join(place.store, 'runs', code, name);
    const record = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...record, parametersDigest: '0'.repeat(64) }));
    const again = await startSweep(grid, path.join(temporaryFolder(), 'out'), place, '--refresh').done;
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('CONTRADICT each other');
    expect(readdirSync(path.join(place.store, 'conflicts'))).toHaveLength(1);
  });

  it('is left to the workers, and gone on with', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const out = path.join(temporaryFolder(), 'out');
    const first = startSweep(grid, out, place);
    await expect.poll(() => first.said()).toContain('no worker takes runs');
    first.child.kill('SIGINT');
    expect((await first.done).code).toBe(130);
    expect(first.said()).toMatch(/the workers of redis:\S+ go on with its runs/);
    const worker = startWorker(place, '--until-empty');
    expect((await worker.done).code, worker.said()).toBe(0);
    expect(worker.said()).toContain('4 runs finished here, 0 failed');
    const { code, stderr } = await startSweep(grid, out, place, '--resume').done;
    expect(code, stderr).toBe(1);
    expect(recordsIn(out)).toEqual(expected);
  });

  it('is shown, held back, let go on, and cancelled', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const on = ['--queue', place.url];
    const none = await cli('sweep', 'status', ...on, '--store', place.store);
    expect(none.code, 'to look makes no store').toBe(2);
    expect(none.stderr).toContain(`--store: ${place.store} is no store of runs`);
    expect(existsSync(place.store)).toBe(false);
    const status = async () => {
      const { code, stdout, stderr } = await cli('sweep', 'status', ...on, '--store', place.store, '--json');
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout);
    };
    const out = path.join(temporaryFolder(), 'out');
    const sweep = startSweep(grid, out, place);
    await expect.poll(() => sweep.said()).toContain('no worker takes runs');
    await expect.poll(async () => (await status()).sweeps[0]).toMatchObject({ ended: 0, running: 0, waiting: 4 });
    expect((await cli('sweep', 'pause', ...on)).code).toBe(0);
    const worker = startWorker(place);
    await expect.poll(async () => (await status()).workers).toMatchObject([{ jobs: 1, running: [] }]);
    await sleep(3_000);
    expect(worker.said(), 'no run of a sweep that pauses').not.toContain('begins');
    const text = await cli('sweep', 'status', ...on, '--store', place.store);
    expect(text.stdout).toMatch(/grid.*paused/);
    expect((await cli('sweep', 'go-on', ...on)).code).toBe(0);
    await expect.poll(() => worker.said()).toContain('finished');
    expect((await cli('sweep', 'cancel', ...on)).code).toBe(0);
    const { code, stderr } = await sweep.done;
    expect(code).toBe(2);
    expect(stderr).toContain('it was cancelled');
    expect((await status()).sweeps).toEqual([]);
    // What is done is kept, and the rest can still be had.
    const kept = readdirSync(path.join(out, 'runs')).length;
    expect(kept).toBeGreaterThan(0);
    const soFar = path.join(temporaryFolder(), 'so-far');
    const gather = ['sweep', grid, '--gather', '--store', place.store, '--out', soFar];
    expect((await cli(...gather)).code, 'there is no verdict yet').toBe(2);
    expect(readFileSync(path.join(soFar, 'sweep.md'), 'utf8')).toContain('**The sweep is not done');
    expect((await startSweep(grid, out, place, '--resume').done).code).toBe(1);
    expect(recordsIn(out)).toEqual(expected);
    const gathered = await cli(...gather, '--json');
    expect(gathered.code, gathered.stderr).toBe(1);
    expect(JSON.parse(gathered.stdout)).toMatchObject({ cells: verdicts, missing: [] });
  });

  it('may be two at once that want the same runs: each is trained once', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const workers = [startWorker(place), startWorker(place)];
    const outs = [1, 2].map(() => path.join(temporaryFolder(), 'out'));
    const ended = await Promise.all(outs.map((out) => startSweep(grid, out, place).done));
    expect(ended.map(({ code }) => code)).toEqual([1, 1]);
    for (const out of outs) expect(recordsIn(out)).toEqual(expected);
    const begun = workers.map(({ said }) => said().match(/: begins/g)?.length ?? 0);
    expect(begun[0] + begun[1]).toBe(4);
  });

  it('gives no run to a worker of other code, of another store, or with too little memory', async () => {
    const server = await startServer();
    const store = path.join(temporaryFolder(), 'store');
    const place = { url: server.url, store };
    const elsewhere = startWorker({ ...place, store: path.join(temporaryFolder(), 'other') });
    const small = startWorker(place, '--memory', '0.5');
    const other = startWorker({ ...place, env: { NEGATIVE_KNOWLEDGE_ENGINE: 'cpu' } });
    const out = path.join(temporaryFolder(), 'out');
    const sweep = startSweep(grid, out, place);
    await expect.poll(() => elsewhere.said()).toContain('give --store the same place');
    await expect.poll(() => small.said()).toMatch(/not taken: .* needs 0\.7 GiB of memory/);
    await expect.poll(() => other.said()).toMatch(/not taken: the runs of grid .* are for wasm/);
    await expect.poll(() => sweep.said()).toContain('does not take');
    expect(readdirSync(path.join(store, 'setups'))).toHaveLength(4);
    startWorker(place);
    expect((await sweep.done).code).toBe(1);
    expect(recordsIn(out)).toEqual(expected);
    expect([elsewhere, small, other].map(({ said }) => said().includes('begins'))).toEqual([false, false, false]);
  });

  it('is computed as another worker computes, where that is asked for', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const worker = startWorker(place);
    await expect.poll(() => worker.said()).toContain('takes runs for wasm');
    const [, id] = /^worker (\S+) takes/m.exec(worker.said()) ?? [];
    const elsewhere = { ...place, env: { NEGATIVE_KNOWLEDGE_ENGINE: 'cpu' } };
    const out = path.join(temporaryFolder(), 'out');
    const { code, stderr } = await startSweep(grid, out, elsewhere, '--like', id).done;
    expect(code, stderr).toBe(1);
    expect(recordsIn(out)).toEqual(expected);
    const nobody = await startSweep(grid, path.join(temporaryFolder(), 'out'), elsewhere, '--like', 'nobody').done;
    expect(nobody.code).toBe(2);
    expect(nobody.stderr).toContain(`--like: there is no worker nobody; there are: ${id}`);
  });

  it('is what `reproduce` and `verify --retrain` can use as well', async () => {
    const server = await startServer();
    const place = { url: server.url, store: path.join(temporaryFolder(), 'store') };
    const worker = startWorker(place);
    const set = Object.entries(JSON.parse(readFileSync(grid, 'utf8')).set).flatMap(([field, value]) => [
      '--set',
      `${field}=${value}`,
    ]);
    const on = ['--queue', place.url, '--store', place.store];
    const out = path.join(temporaryFolder(), 'out');
    const made = await cli('reproduce', '--claims', 'main', '--seed-list', '201,202', '--out', out, ...set, ...on);
    expect(made.code, made.stderr).toBe(1);
    expect(worker.said().match(/: begins/g)).toHaveLength(2);
    const verified = await cli('verify', out, '--retrain', '2', ...on);
    expect(verified.code, verified.stderr).toBe(0);
    expect(verified.stdout).toMatch(/2 runs? .*trained again|retrained/i);
    expect(worker.said().match(/: begins/g), 'they are trained once more, not looked up').toHaveLength(4);
    rmSync(out, { recursive: true });
  });
});
