/** Disks that are full, folders that cannot be written, and clocks that jump. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { run } from '../../src/lab/run.ts';
import { RunStore } from '../../src/lab/store.ts';
import { writeOwn } from '../../src/records/own-files.ts';
import { comparable } from '../../src/records/record.ts';
import { configuration, finish, jobArguments, startCommand } from '../helpers/command.ts';
import { smallDisk } from '../helpers/disk.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { fakeHub } from '../helpers/hub.ts';
import { saveTinyModel } from '../helpers/model.ts';
import { tinySetup } from '../helpers/setups.ts';

/** A command that a fault of the disk ends: a sentence, no stack, exit code 2. */
async function faulty(args: readonly string[]): Promise<string> {
  const { code, stderr } = await finish(startCommand(args));
  expect(code, stderr).toBe(2);
  expect(stderr).toMatch(/error: /);
  expect(stderr).not.toMatch(/\n {4}at /);
  return stderr;
}

const job = (folder: string, out: string) => jobArguments(configuration(folder), '1,2', out, '--resume');

describe('a disk that is full', () => {
  it('ends a job before it trains anything', async (context) => {
    const disk = smallDisk(context, 'size=1m');
    expect(await faulty(job(temporaryFolder(), path.join(disk, 'job')))).toContain('the disk is full: free some space');
  });

  it('ends a report and an archive, which leave what was there, and work once there is room', async (context) => {
    const folder = temporaryFolder();
    const study = path.join(folder, 'study');
    await finish(startCommand(job(folder, study)));
    const disk = smallDisk(context, 'size=256k');
    const old = path.join(disk, 'index.html');
    await writeOwn(disk, new Map([['index.html', 'the report of yesterday']]));
    const ballast = path.join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(232 * 1024));
    expect(await faulty(['report', '--from', study, '--out', disk])).toMatch(/disk is full: free some space/);
    expect(readFileSync(old, 'utf8')).toBe('the report of yesterday');
    expect(await faulty(['archive', study, path.join(disk, 'study.jsonl.br')])).toMatch(
      /disk is full: free some space/,
    );
    execFileSync('rm', [ballast]);
    const { code, stderr } = await finish(startCommand(['archive', study, path.join(disk, 'study.jsonl.br')]));
    expect(code, stderr).toBe(0);
  });
});

it('a disk that fills up while a model is fetched keeps what has arrived, and the rest follows once there is room', async (context) => {
  const folder = temporaryFolder();
  saveTinyModel(folder);
  const files = readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name))] as const);
  const hub = await fakeHub('someone/tiny-neox', Object.fromEntries(files));
  context.onTestFinished(() => hub.close());
  const disk = smallDisk(context, 'size=2m');
  const ballast = path.join(disk, 'ballast');
  writeFileSync(ballast, Buffer.alloc(2 ** 20));
  const fetching = () =>
    finish(startCommand(['fetch', 'someone/tiny-neox'], { HF_ENDPOINT: hub.url, HF_HUB_CACHE: disk, HF_TOKEN: '' }));
  const full = await fetching();
  expect(full.code, full.stderr).toBe(2);
  expect(full.stderr).toMatch(/disk is full: free some space. What has arrived is kept/);
  expect(full.stderr).not.toMatch(/\n {4}at /);
  execFileSync('rm', [ballast]);
  const { code, stderr } = await fetching();
  expect(code, stderr).toBe(0);
  const ranges = hub.requests
    .filter(({ path: asked }) => asked.endsWith('model.safetensors'))
    .map(({ range }) => range);
  expect(ranges.at(-1)).toMatch(/^bytes=[1-9]\d*-/);
});

describe('a folder that cannot be written', () => {
  it('is named before anything is trained, reported or archived', async (context) => {
    const folder = temporaryFolder();
    const study = path.join(folder, 'study');
    await finish(startCommand(job(folder, study)));
    const disk = smallDisk(context, 'size=64m');
    for (const name of ['job', 'report', 'explored']) mkdirSync(path.join(disk, name));
    execFileSync('mount', ['-o', 'remount,ro', disk], { stdio: 'ignore' });
    for (const args of [
      job(folder, path.join(disk, 'job')),
      ['report', '--from', study, '--out', path.join(disk, 'report')],
      ['archive', study, path.join(disk, 'study.jsonl.br')],
      ['archive', study, path.join(disk, 'new', 'study.jsonl.br')],
      ['explore', '--config', configuration(folder), '--out', path.join(disk, 'explored')],
    ]) {
      expect(await faulty(args)).toMatch(/(not writable|cannot be made): choose another/);
    }
  });
});

describe('a clock that jumps', () => {
  afterEach(() => vi.useRealTimers());

  it.each([-86_400_000, 86_400_000, 1])('by %d ms at every look changes no result and no duration', async (jump) => {
    const engine = await startEngine();
    const records = [];
    for (const jumping of [false, true]) {
      const store = new RunStore(temporaryFolder());
      await store.open();
      if (jumping) {
        let now = Date.UTC(2026, 0, 1);
        vi.spyOn(Date, 'now').mockImplementation(() => (now += jump));
        vi.useFakeTimers({ toFake: ['Date'] });
        const tick = () => vi.setSystemTime(Date.now());
        const { record } = await run(tinySetup(), engine, store, { onProgress: tick });
        vi.useRealTimers();
        vi.restoreAllMocks();
        records.push(record);
      } else records.push((await run(tinySetup(), engine, store)).record);
      store.close();
    }
    const [steady, jumped] = records;
    expect(comparable(jumped)).toEqual(comparable(steady));
    expect(jumped.times.wallSeconds).toBeGreaterThan(0);
    expect(jumped.times.wallSeconds).toBeLessThan(3_600);
    expect(jumped.times.tokensPerSecond).toBeGreaterThan(0);
  });
});
