/** Commands about jobs: going on, taking runs from others, what there would be to do, and what is shown of a job. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { readEvents } from '../../src/lab/events.ts';
import { AT_ONCE } from '../../src/records/execution.ts';
import { comparable, parseRunRecord } from '../../src/records/record.ts';
import { noteStudy } from '../../src/records/study.ts';
import { configuration } from '../helpers/command.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { fillFolder, studySetup } from '../helpers/trained.ts';
import { written } from '../helpers/written.ts';

const runsIn = (folder: string): string[] => readdirSync(path.join(folder, 'runs')).sort();
const recordsIn = (folder: string) =>
  runsIn(folder).map((name) => {
    const file = path.join(folder, 'runs', name);
    return parseRunRecord(readFileSync(file, 'utf8'), file);
  });

const shared = sharedFolder();
const config = configuration(shared);
const reproduce = (seedList: string, out: string, ...more: string[]) =>
  written('reproduce', '--config', config, '--claims', 'main', '--seed-list', seedList, '--out', out, ...more);

/** A job of two seeds that has ended. */
const job = path.join(shared, 'job');
beforeAll(async () => {
  expect((await reproduce('1,2', job)).code).toBe(1); // two runs are too few for a verdict
});

describe('a job that has stopped', () => {
  it('goes on with `resume` and its folder alone, as it was asked for', async () => {
    const folder = path.join(temporaryFolder(), 'job');
    await fillFolder(folder, [studySetup(1)]);
    const { name } = await startEngine();
    const asked = { claims: ['main'], seeds: [1, 2], engine: name, jobs: 1, keepModels: false };
    await noteStudy(folder, studySetup(), 'npm run reproduce', AT_ONCE, asked);
    const { code, out, err } = await written('resume', folder, '--json');
    expect(code, err).toBe(1);
    expect(JSON.parse(out).runs.map(({ seed }: { seed: number }) => seed)).toEqual([1, 2]);
    expect(err).toMatch(/seed 1: kept from before/);
    expect(err).toMatch(/seed 2: finished/);
  });

  it('is refused where it does not say what it is for, and where there is none', async () => {
    const folder = path.join(temporaryFolder(), 'job');
    await fillFolder(folder, [studySetup(1)]);
    expect(await written('resume', folder)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/does not say which claims and seeds it is for/),
    });
    expect(await written('resume', path.join(folder, 'none'))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/is the folder of no job/),
    });
  });
});

describe('--reuse', () => {
  it('takes finished runs from another job, bit for bit, and names each in the report', async () => {
    const out = path.join(temporaryFolder(), 'other');
    const { err } = await reproduce('2,3', out, '--reuse', job);
    expect(err.match(/ is taken from /g)).toHaveLength(1);
    const [taken] = recordsIn(out).filter(({ setup }) => setup.seed === 2);
    const [before] = recordsIn(job).filter(({ setup }) => setup.seed === 2);
    expect(comparable(taken)).toEqual(comparable(before));
    expect(taken.times).toEqual(before.times); // it was not trained again
    const report = readFileSync(path.join(out, 'report.md'), 'utf8');
    expect(report).toMatch(/## Taken from other jobs[\s\S]*seed2-/);
    await written('report', '--from', out, '--out', path.join(out, 'report'));
    expect(readFileSync(path.join(out, 'report', 'claims.md'), 'utf8')).toMatch(
      /1 of them were trained for other jobs/,
    );
    expect((await written('verify', out)).code).toBe(0);
    // Whoever goes on there later is told as well.
    await written('resume', out);
    expect(readFileSync(path.join(out, 'report.md'), 'utf8')).toMatch(/## Taken from other jobs[\s\S]*seed2-/);
    expect(JSON.parse(readFileSync(path.join(out, 'claims.json'), 'utf8')).studies[0].taken).toHaveLength(1);
  });

  it('takes none of another setup, and none unless it is asked for', async () => {
    const folder = temporaryFolder();
    const other = configuration(folder, (setup) => {
      setup.optimiser.learningRate *= 2;
    });
    const args = ['reproduce', '--config', other, '--claims', 'main', '--seed-list', '2', '--out'];
    const { err } = await written(...args, path.join(folder, 'other'), '--reuse', job);
    expect(err).toMatch(/no finished run of another job is one of these/);
    expect((await reproduce('2', path.join(folder, 'fresh'))).err).toMatch(/seed 2: finished/);
  });

  it('refuses a folder that holds no study', async () => {
    const folder = temporaryFolder();
    expect(await reproduce('1', path.join(folder, 'out'), '--reuse', path.join(folder, 'none'))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--reuse: .*holds no study/),
    });
  });
});

describe('--dry-run', () => {
  it('says what there is to train and how long it takes on each engine, and writes nothing', async () => {
    const out = path.join(temporaryFolder(), 'out');
    const { code, out: text } = await reproduce('2,3', out, '--dry-run', '--reuse', job);
    expect(code).toBe(0);
    expect(text).toMatch(/^2 runs of .*:\n {2}main: 2 runs\ntaken from other jobs: 1\nto train: 1, /);
    expect(text).toMatch(/ {2}wasm +about \d+ .*, by a few steps measured now/);
    expect(existsSync(out)).toBe(false);
  });

  it('is refused where the command itself would be', async () => {
    expect(await reproduce('3', job, '--dry-run')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/already holds run records/),
    });
  });

  it('of a job that goes on counts what is there', async () => {
    const before = runsIn(job).map((name) => statSync(path.join(job, 'runs', name)).mtimeMs);
    const { out } = await written('resume', job, '--dry-run');
    expect(out).toContain(`already in ${job}: 2\nto train: 0`);
    expect(runsIn(job).map((name) => statSync(path.join(job, 'runs', name)).mtimeMs)).toEqual(before);
  });
});

describe('events.jsonl', () => {
  it('tells when the runs began, every evaluation, and how each run ended; in their order', () => {
    const events = readEvents(job);
    expect(events[0]).toMatchObject({ event: 'started', runs: 2 });
    expect(events.at(-1)).toMatchObject({ event: 'ended', finished: 2, failed: 0 });
    const evaluations = recordsIn(job).flatMap((record) => (record.status === 'finished' ? record.evaluations : []));
    expect(events.filter(({ event }) => event === 'evaluated')).toHaveLength(evaluations.length);
    const ended = events.flatMap((event) => (event.event === 'run-ended' ? [`${event.run}.json`] : []));
    expect(ended.sort()).toEqual(runsIn(job));
    const times = events.map(({ time }) => time);
    expect(times).toEqual([...times].sort());
  });

  it('is only added to, and a line that was cut off is left out', async () => {
    const out = path.join(temporaryFolder(), 'job');
    await reproduce('1', out);
    const file = path.join(out, 'events.jsonl');
    appendFileSync(file, '{"time":"2026');
    const before = readFileSync(file, 'utf8');
    const events = readEvents(out).length;
    await reproduce('1', out, '--resume');
    expect(readFileSync(file, 'utf8').startsWith(before)).toBe(true);
    expect(readEvents(out).length).toBeGreaterThan(events);
  });

  it('of someone else is left as it is, and the job goes on without one', async () => {
    const out = path.join(temporaryFolder(), 'job');
    mkdirSync(out);
    writeFileSync(path.join(out, 'events.jsonl'), 'mine\n');
    const { code, err } = await reproduce('1', out);
    expect(code).toBe(1);
    expect(err.match(/events\.jsonl cannot be added to \(it was not written by a job\)/g)).toHaveLength(1);
    expect(readFileSync(path.join(out, 'events.jsonl'), 'utf8')).toBe('mine\n');
  });
});

describe('what is shown of a job', () => {
  it('by `watch`, its claims; it ends when all runs have', async () => {
    const { code, out } = await written('watch', job);
    expect(code).toBe(0);
    expect(out).toMatch(/│ inconclusive +│ main [\s\S]*2 of 2 runs ended/);
  });

  it('by `diff`, what two studies differ in', async () => {
    const folder = temporaryFolder();
    const changed = configuration(folder, (setup) => {
      setup.beta = 0.7;
    });
    const other = path.join(folder, 'other');
    await written('reproduce', '--config', changed, '--claims', 'main', '--seed-list', '1,2', '--out', other);
    const { code, out } = await written('diff', job, other);
    expect(code).toBe(0);
    expect(out).toMatch(/\| beta \| `[\d.]+` \| `0.7` \|/);
    expect(out).toMatch(/\| main \| [\d.]+ \[.*\], 2 runs \| [\d.]+ \[.*\], 2 runs \| inconclusive \|/);
    expect((await written('diff', job, job)).out).toMatch(/The setups are the same\.[\s\S]*No verdict differs\./);
  });

  it('by `report --gate`, with the exit code of its verdicts', async () => {
    const out = path.join(temporaryFolder(), 'report');
    expect((await written('report', '--from', job, '--out', out)).code).toBe(0);
    expect((await written('report', '--from', job, '--out', out, '--gate')).code).toBe(1);
  });
});

describe('demo', () => {
  const small = [
    'model.hidden=16',
    'model.heads=2',
    'model.layers=2',
    'passwords.negativeBatches=4',
    'passwords.heldBatches=1',
  ];
  const short = ['phases.pretrain.steps=2', 'phases.dpo.steps=8', 'phases.joint.steps=8'];

  it('trains one run, draws it, and says what was seen and what to run next', async () => {
    const folder = path.join(temporaryFolder(), 'demo');
    const sets = [...small, ...short].flatMap((set) => ['--set', set]);
    const { code, out } = await written('demo', '--seed', '1', '--out', folder, ...sets);
    expect(code).toBe(0);
    expect(out).toMatch(/┤/);
    expect(out).toMatch(/After phase 2 the model guessed the held-out passwords [\d.]+ times as often as chance/);
    expect(out).toMatch(/npm run reproduce/);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
    expect(runsIn(folder)).toHaveLength(1);
  });
});
