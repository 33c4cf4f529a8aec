/** kill -9 at every moment of a run and of a report: nothing that was finished is lost, and the end is the same. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { RunStore } from '../../src/lab/store.ts';
import { stream } from '../../src/random/streams.ts';
import { comparable, parseRunRecord } from '../../src/records/record.ts';
import { readStudy } from '../../src/records/study.ts';
import { configuration, finish, jobArguments, startCommand } from '../helpers/command.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { childrenOf, isAlive } from '../helpers/processes.ts';
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

/**
 * Starts a command and kills it, process and all, once it has come so far.
 * @param reached whether it has, by what it said on standard error or by what it has written
 * @returns whether it was still at work
 */
async function killedAt(args: readonly string[], reached: (said: string) => boolean): Promise<boolean> {
  const child = startCommand(args, environment);
  const ended = finish(child);
  let said = '';
  let over = false;
  let workers: number[] = [];
  const look = () => {
    if (over || !reached(said)) return;
    over = true;
    workers = childrenOf(child.pid as number);
    child.kill('SIGKILL');
  };
  child.stderr?.on('data', (data) => {
    said += data;
    look();
  });
  const poll = setInterval(look, 5);
  const { code } = await ended;
  clearInterval(poll);
  // Its workers notice that they work for no one, in their own time.
  while (workers.some(isAlive)) await sleep(20);
  return code === null;
}

/** Where in a run a kill comes: before its first evaluation, in each phase, or as its record is written. */
const MOMENTS = ['start', 'pretrain', 'dpo', 'joint', 'end'] as const;
type Moment = (typeof MOMENTS)[number];

/** Whether a job that goes on has got to a moment of a run that it takes up, and so many evaluations further. */
function reachedMoment(moment: Moment, further: number): (said: string) => boolean {
  if (moment === 'start') return (said) => said.includes('engine:');
  if (moment === 'end') return (said) => said.split(': finished').length > 1;
  return (said) => said.split(`  ${moment} `).length > 1 + further;
}

/** Long enough to be killed in every phase and while a checkpoint is written, with two runs at once. */
const slow = (folder: string) =>
  configuration(folder, (setup) => {
    setup.passwords.repeats = 20;
    setup.phases.pretrain.steps = 40;
    setup.phases.dpo.steps = 150;
    setup.phases.joint.steps = 150;
  });

// At once, as each of them has one process at work at a time.
describe.concurrent('kill -9', () => {
  const [ofRuns, ofReports] = [sharedFolder(), sharedFolder()];

  it(`of a run, ${KILLS.runs} times: no record is lost or damaged, and the final ones are those of a run left alone`, async () => {
    const folder = ofRuns;
    const job = (out: string) => jobArguments(slow(folder), '1,2,3,4', out, '--jobs', '2', '--resume');
    const alone = await finish(startCommand(job(path.join(folder, 'whole')), environment));
    expect(alone.code, alone.stderr).not.toBe(2);
    const expected = recordsIn(path.join(folder, 'whole'));
    expect(expected.size).toBe(4);
    const { below } = stream(5, 'faults/kills of runs');
    const spread = new Map<Moment, number>(MOMENTS.map((moment) => [moment, 0]));
    let kills = 0;
    let rounds = 0;
    while (kills < KILLS.runs) {
      const out = path.join(folder, `killed-${rounds}`);
      let before = new Map<string, string>();
      // A job that is killed again and again still comes to its end; then another one begins.
      for (let working = true; working && kills < KILLS.runs; ) {
        // The moment that was met least often so far, and some evaluations further.
        const moment = MOMENTS.reduce((least, one) => (spread.get(one)! < spread.get(least)! ? one : least));
        working = await killedAt(job(out), reachedMoment(moment, below(3)));
        if (working) {
          kills += 1;
          spread.set(moment, spread.get(moment)! + 1);
        }
        const now = recordsIn(out); // reads every record: a damaged one throws
        for (const [name, record] of before) expect(now.get(name), `${name} was lost or changed`).toBe(record);
        before = now;
      }
      await finish(startCommand(job(out), environment));
      expect(recordsIn(out)).toEqual(expected);
      expect(readdirSync(path.join(out, 'checkpoints')).filter((name) => name.endsWith('.safetensors'))).toEqual([]);
      expect((await readStudy(out)).records).toHaveLength(4);
      rounds += 1;
    }
    expect(kills).toBe(KILLS.runs);
    // Spread over the whole run: each of five moments had its share.
    for (const [moment, times] of spread) expect(times, moment).toBe(KILLS.runs / MOMENTS.length);
  });

  it(`of a report, ${KILLS.reports} times: what it reads is untouched, and the next report is that of one left alone`, async () => {
    const folder = ofReports;
    const study = path.join(folder, 'study');
    const job = await finish(
      startCommand(
        [
          'reproduce',
          '--config',
          configuration(folder),
          '--seed-list',
          '1,2,3,4,5',
          '--claims',
          'main,no-dpo',
          '--out',
          study,
        ],
        environment,
      ),
    );
    expect(job.code, job.stderr).not.toBe(2);
    const report = (out: string) => ['report', '--from', study, '--out', out];
    const alone = await finish(startCommand(report(path.join(folder, 'whole')), environment));
    expect(alone.code, alone.stderr).toBe(0);
    const [records, expected] = [contents(study), contents(path.join(folder, 'whole'))];
    const out = path.join(folder, 'killed');
    const made = (): number => (existsSync(out) ? readdirSync(out, { recursive: true }).length : 0);
    let kills = 0;
    let most = 0;
    // Before it writes anything, then after more and more files; what an interruption leaves is taken as its own.
    while (kills < KILLS.reports) {
      const begun = made();
      const more = kills < 3 ? 0 : Math.ceil((expected.size * (kills - 2)) / KILLS.reports);
      const enough = Math.min(expected.size, Math.max(begun, more));
      const working = await killedAt(report(out), () => more === 0 || made() >= enough);
      if (working) kills += 1;
      most = Math.max(most, made());
      expect(contents(study)).toEqual(records);
      if (!working && made() >= expected.size) rmSync(out, { recursive: true }); // it came to its end: once more from the start
    }
    expect(most).toBeGreaterThan(0);
    const last = await finish(startCommand(report(out), environment));
    expect(last.code, last.stderr).toBe(0);
    const files = contents(out);
    // The command that made it is part of a report.
    for (const [name, digest] of expected) {
      if (/\.(svg|png|csv)$/.test(name)) expect(files.get(name), name).toBe(digest);
      else expect(files.has(name), name).toBe(true);
    }
  });
});

it('a second job in the folder of one that is at work is refused, and is let in once that is gone', async () => {
  const folder = temporaryFolder();
  const out = path.join(folder, 'job');
  const args = jobArguments(slow(folder), '1,2', out, '--jobs', '1', '--resume');
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
