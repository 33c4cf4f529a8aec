/** kill -9 at random moments of a run and of a report: nothing that was finished is lost, and the end is the same. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { stream } from '../../src/random/streams.ts';
import { comparable, parseRunRecord } from '../../src/runs/record.ts';
import { RunStore } from '../../src/runs/store.ts';
import { readStudy } from '../../src/runs/study.ts';
import { configuration, finish, startCommand } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { KILLS } from '../hostile/counts.ts';

const { name: engine } = await startEngine();
const environment = { NEGATIVE_KNOWLEDGE_ENGINE: engine };

/** Every file of a folder and of those in it, by its path there. */
function contents(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files
      .map(({ parentPath, name }) => path.join(parentPath, name))
      .sort()
      .map((file) => [path.relative(folder, file), createHash('sha256').update(readFileSync(file)).digest('hex')]),
  );
}

/** Records of a folder by file name, as text in which nothing but times and machine is left out. */
function recordsIn(folder: string): Map<string, string> {
  const runs = path.join(folder, 'runs');
  if (!existsSync(runs)) return new Map();
  const names = readdirSync(runs).filter((name) => name.endsWith('.json'));
  return new Map(
    names.map((name) => [
      name,
      JSON.stringify(comparable(parseRunRecord(readFileSync(path.join(runs, name), 'utf8'), name))),
    ]),
  );
}

/** Starts a command and kills it, process and all, after a random time. @returns whether it was still at work */
async function killed(args: readonly string[], milliseconds: number): Promise<boolean> {
  const child = startCommand(args, environment);
  const ended = finish(child);
  await Promise.race([ended, sleep(milliseconds)]);
  child.kill('SIGKILL');
  return (await ended).code === null;
}

/** How long a whole command takes, and how long until it tells of its first run; milliseconds. */
async function timed(args: readonly string[]): Promise<{ whole: number; start: number }> {
  const began = performance.now();
  const child = startCommand(args, environment);
  let start = Number.NaN;
  child.stderr?.on('data', (data) => {
    if (Number.isNaN(start) && String(data).includes('seed')) start = performance.now() - began;
  });
  const { code, stderr } = await finish(child);
  expect(code, stderr).not.toBe(2);
  return { whole: performance.now() - began, start };
}

/** Long enough to be killed in every phase and while a checkpoint is written, with two runs at once. */
const slow = (folder: string) =>
  configuration(folder, (setup) => {
    setup.passwords.repeats = 20;
    setup.phases.pretrain.steps = 40;
    setup.phases.dpo.steps = 150;
    setup.phases.joint.steps = 150;
  });

describe('kill -9 at random moments', () => {
  it(`of a run, ${KILLS.runs} times: no record is lost or damaged, and the final ones are those of a run left alone`, async () => {
    const folder = temporaryFolder();
    const job = (out: string) => [
      'reproduce',
      '--config',
      slow(folder),
      '--seeds',
      '1,2,3,4',
      '--claims',
      'main',
      '--jobs',
      '2',
      '--out',
      out,
      '--resume',
    ];
    const { whole, start } = await timed(job(path.join(folder, 'whole')));
    const expected = recordsIn(path.join(folder, 'whole'));
    expect(expected.size).toBe(4);
    const { uniform } = stream(5, 'faults/kills of runs');
    let kills = 0;
    let rounds = 0;
    while (kills < KILLS.runs) {
      const out = path.join(folder, `killed-${rounds}`);
      let before = new Map<string, string>();
      // A job that is killed again and again still comes to its end; then another one begins.
      for (let working = true; working && kills < KILLS.runs; ) {
        // While it starts, or at work: for so long that all kills together come to about one whole run.
        working = await killed(
          job(out),
          start * (0.3 + 0.8 * uniform()) + (2 * uniform() * (whole - start)) / KILLS.runs,
        );
        if (working) kills += 1;
        const now = recordsIn(out); // reads every record: a damaged one throws
        for (const [name, record] of before) expect(now.get(name), `${name} was lost or changed`).toBe(record);
        before = now;
        await sleep(300); // workers notice that they work for no one
      }
      await finish(startCommand(job(out), environment));
      expect(recordsIn(out)).toEqual(expected);
      expect(readdirSync(path.join(out, 'checkpoints')).filter((name) => name.endsWith('.safetensors'))).toEqual([]);
      expect((await readStudy(out)).records).toHaveLength(4);
      rounds += 1;
    }
    expect(kills).toBe(KILLS.runs);
  }, 1_200_000);

  it(`of a report, ${KILLS.reports} times: what it reads is untouched, and the next report is that of one left alone`, async () => {
    const folder = temporaryFolder();
    const study = path.join(folder, 'study');
    await timed([
      'reproduce',
      '--config',
      configuration(folder),
      '--seeds',
      '1,2,3,4,5',
      '--claims',
      'main,no-dpo',
      '--out',
      study,
    ]);
    const report = (out: string) => ['report', '--from', study, '--out', out];
    const { whole } = await timed(report(path.join(folder, 'whole')));
    const [records, expected] = [contents(study), contents(path.join(folder, 'whole'))];
    const { uniform } = stream(5, 'faults/kills of reports');
    const out = path.join(folder, 'killed');
    let kills = 0;
    while (kills < KILLS.reports) {
      if (await killed(report(out), (0.1 + 0.85 * uniform()) * whole)) kills += 1;
      expect(contents(study)).toEqual(records);
    }
    await timed(report(out));
    const made = contents(out);
    // The command that made it is part of a report.
    for (const [name, digest] of expected) {
      if (/\.(svg|png|csv)$/.test(name)) expect(made.get(name), name).toBe(digest);
      else expect(made.has(name), name).toBe(true);
    }
  }, 1_200_000);
});

it('a second job in the folder of one that is at work is refused, and is let in once that is gone', async () => {
  const folder = temporaryFolder();
  const out = path.join(folder, 'job');
  const args = [
    'reproduce',
    '--config',
    slow(folder),
    '--seeds',
    '1,2',
    '--claims',
    'main',
    '--jobs',
    '1',
    '--out',
    out,
    '--resume',
  ];
  const first = startCommand(args, environment);
  const ended = finish(first);
  while (!existsSync(path.join(out, 'study.json'))) await sleep(20);
  const second = await finish(startCommand(args, environment));
  expect(second.code).toBe(2);
  expect(second.stderr).toContain(`${out} is in use by another job (process ${first.pid})`);
  expect(second.stderr).not.toMatch(/\n {4}at /);
  first.kill('SIGKILL');
  await ended;
  const third = await finish(startCommand(args, environment));
  expect(third.code, third.stderr).toBe(1); // two runs are too few for a verdict
  const store = new RunStore(out);
  await store.open();
  store.close();
});
