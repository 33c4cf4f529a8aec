/** The command line as processes: jobs that are killed, interrupted, resumed and reported on. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { run } from '../../src/lab/run.ts';
import { RunStore } from '../../src/lab/store.ts';
import { comparable, parseRunRecord } from '../../src/records/record.ts';
import { configuration, finish, startCommand as startProcess } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { tinySetup } from '../helpers/setups.ts';

const { name: ENGINE } = await startEngine();

const startCommand = (...args: string[]): ChildProcess => startProcess(args, { NEGATIVE_KNOWLEDGE_ENGINE: ENGINE });
const start = (...args: string[]): ChildProcess => startCommand('reproduce', ...args);

const recordsIn = (folder: string) =>
  readdirSync(path.join(folder, 'runs')).map((name) => {
    const file = path.join(folder, 'runs', name);
    return parseRunRecord(readFileSync(file, 'utf8'), file);
  });

describe('reproduce', () => {
  it('--json prints one document and nothing else on standard output; claims on few runs are not reproduced: exit code 1', async () => {
    const folder = temporaryFolder();
    const out = path.join(folder, 'job');
    const { code, stdout, stderr } = await finish(
      start('--config', configuration(folder), '--seed-list', '1,2', '--claims', 'main', '--json', '--out', out),
    );
    expect(code, stderr).toBe(1);
    const document = JSON.parse(stdout);
    expect(Object.keys(document)).toEqual(['claims', 'runs', 'engine', 'prediction']);
    expect(document.prediction).toBeNull(); // the reference report has no runs of this setup
    expect(document.engine).toBe(ENGINE);
    expect(document.claims).toEqual([
      {
        id: 'main',
        verdict: 'inconclusive',
        estimate: expect.any(Number),
        interval: [expect.any(Number), expect.any(Number)],
        seeds: [1, 2],
      },
    ]);
    expect(document.runs.map(({ seed, status }: { seed: number; status: string }) => [seed, status])).toEqual([
      [1, 'finished'],
      [2, 'finished'],
    ]);
    for (const { record } of document.runs) expect(existsSync(record)).toBe(true);
    expect(existsSync(path.join(out, 'report.md'))).toBe(true);
    expect(stderr.startsWith(`engine: ${ENGINE} `)).toBe(true);
    expect(stderr).toMatch(/joint 8\/8 +held-out .* useful .* control .* loss .*tokens\/s/);

    // The same folder again: refused without --resume, and kept as it is with it.
    const again = await finish(
      start('--config', configuration(folder), '--seed-list', '1,2', '--claims', 'main', '--out', out),
    );
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/--out: .* already holds run records; go on there with --resume/);
  });

  it('gives the same records however many runs go on at once', async () => {
    const folder = temporaryFolder();
    const config = configuration(folder);
    const records = async (jobs: string) => {
      const out = path.join(folder, jobs);
      await finish(
        start(...['--config', config, '--seed-list', '1,2', '--claims', 'main', '--jobs', jobs, '--out', out]),
      );
      return recordsIn(out).map((record) => JSON.stringify(comparable(record)));
    };
    const [one, both] = [await records('1'), await records('2')];
    expect(one).toHaveLength(2);
    expect(both).toEqual(one);
  });

  it('killed at any moment and resumed, it ends with the record of an uninterrupted run', async () => {
    const folder = temporaryFolder();
    const slow = (setup: ReturnType<typeof tinySetup>) => {
      setup.phases.dpo.steps = 100;
      setup.evaluation.every = 10;
    };
    const args = [
      '--config',
      configuration(folder, slow),
      '--seed-list',
      '5',
      '--claims',
      'main',
      '--jobs',
      '1',
      '--out',
      folder,
    ];
    const child = start(...args);
    const checkpoints = path.join(folder, 'checkpoints');
    await vi.waitUntil(
      () => existsSync(checkpoints) && readdirSync(checkpoints).some((name) => name.endsWith('.safetensors')),
      {
        timeout: 600_000,
      },
    );
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(recordsIn(folder)).toEqual([]);
    const { code, stderr } = await finish(start(...args, '--resume'));
    expect(code, stderr).toBe(1);
    const [resumed] = recordsIn(folder);
    expect(resumed.times.resumed).toBe(true);
    const store = new RunStore(path.join(folder, 'whole'));
    await store.open();
    await run(resumed.setup, await startEngine(), store);
    const [uninterrupted] = recordsIn(store.folder);
    expect(JSON.stringify(comparable(resumed))).toBe(JSON.stringify(comparable(uninterrupted)));
  });

  // With one job the second run waits when the only process dies; with two, both are at work.
  it.runIf(existsSync('/proc')).each([
    [1, ['seed 5']],
    [2, ['seed 5', 'seed 6']],
  ])('of whose %d processes one is killed, has a failed run, and the others go on', async (jobs, under) => {
    const folder = temporaryFolder();
    const slow = (setup: ReturnType<typeof tinySetup>) => {
      setup.phases.dpo.steps = 300;
    };
    const child = start(
      ...[
        '--config',
        configuration(folder, slow),
        '--seed-list',
        '5,6',
        '--claims',
        'main',
        '--jobs',
        String(jobs),
        '--out',
        folder,
      ],
    );
    /** Process ids of the children of the command. */
    const workers = () =>
      readdirSync('/proc').filter((id) => {
        if (!/^\d+$/.test(id) || !existsSync(`/proc/${id}/stat`)) return false;
        const parent = /\) \S (\d+) /.exec(readFileSync(`/proc/${id}/stat`, 'utf8'))?.[1];
        return parent === `${child.pid}` && readFileSync(`/proc/${id}/cmdline`, 'utf8').includes('tinypool');
      });
    let progress = '';
    child.stderr?.on('data', (chunk) => {
      progress += chunk;
    });
    await vi.waitUntil(() => under.every((seed) => progress.includes(seed)), { timeout: 600_000 });
    expect(workers()).toHaveLength(jobs);
    process.kill(Number(workers()[0]), 'SIGKILL');
    const { code, stdout, stderr } = await finish(child);
    expect(code, stderr).toBe(1);
    expect(stdout).toContain('1 of 2 runs failed; their records say why.');
    const statuses = recordsIn(folder).map(({ status }) => status);
    expect(statuses.sort()).toEqual(['failed', 'finished']);
  });

  it('interrupted with Ctrl-C, it says how to go on and exits with 130', async () => {
    const folder = temporaryFolder();
    const long = (setup: ReturnType<typeof tinySetup>) => {
      setup.phases.dpo.steps = 100_000;
    };
    const child = start(
      '--config',
      configuration(folder, long),
      '--seed-list',
      '5',
      '--claims',
      'main',
      '--out',
      folder,
    );
    let told = '';
    child.stderr?.on('data', (data) => {
      const before = told.includes('seed 5');
      told += data;
      if (!before && told.includes('seed 5')) child.kill('SIGINT'); // a run has told of itself, so the job listens
    });
    const { code, stderr } = await finish(child);
    expect(code).toBe(130);
    expect(stderr).toMatch(/Interrupted.*"npx negative-knowledge resume .*" goes on/);
  });
});

describe('report and archive', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-'));
  const job = path.join(folder, 'job');
  const inReport = (name: string, of = job) => readFileSync(path.join(of, name), 'utf8');

  beforeAll(async () => {
    const args = ['--config', configuration(folder), '--seed-list', '1,2', '--claims', 'main,no-dpo', '--out', job];
    await finish(start(...args));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('make of a job, and equally of its archive, every file of a report; of GitHub Actions they annotate every claim', async () => {
    const summary = path.join(folder, 'summary.md');
    writeFileSync(summary, 'of a step before\n');
    vi.stubEnv('GITHUB_ACTIONS', 'true');
    vi.stubEnv('GITHUB_STEP_SUMMARY', summary);
    const reported = await finish(startCommand('report', '--from', job));
    vi.unstubAllEnvs();
    expect(reported.code, reported.stderr).toBe(0);
    expect(reported.stdout).toContain(`open ${path.join(job, 'index.html')}`);
    expect(reported.stdout).toMatch(/^::warning title=tiny%3A main inconclusive::Held-out passwords/m);
    expect(readFileSync(summary, 'utf8')).toMatch(/^of a step before\n[\s\S]*^\| main \|.*\| inconclusive \|$/m);
    const names = ['index.html', 'claims.md', 'claims.json', 'claims.xml', 'runs.csv', 'figures/curves.svg'];
    for (const name of names) expect(existsSync(path.join(job, name)), name).toBe(true);

    const file = path.join(folder, 'job.jsonl.br');
    const archived = await finish(startCommand('archive', job, file));
    expect(archived.stdout).toMatch(/^4 records of tiny in .*job\.jsonl\.br, \d+ KiB/);
    const again = path.join(folder, 'again');
    expect((await finish(startCommand('report', '--from', file, '--out', again))).code).toBe(0);
    const verdicts = (of: string) =>
      JSON.parse(inReport('claims.json', of)).studies[0].claims.map(
        ({ id, verdict }: { id: string; verdict: string }) => [id, verdict],
      );
    expect(verdicts(again)).toEqual(verdicts(job));
    expect(verdicts(job)).toContainEqual(['no-dpo', 'inconclusive']);
  });

  it('name runs that failed, and report on the rest', async () => {
    const broken = path.join(folder, 'broken');
    cpSync(job, broken, { recursive: true });
    const name = readdirSync(path.join(broken, 'runs')).find((record) => record.startsWith('tiny-seed1'));
    const file = path.join(broken, 'runs', name as string);
    const { trajectories, evaluations, snapshots, ledger, overlap, digests, parametersDigest, ...about } = JSON.parse(
      readFileSync(file, 'utf8'),
    );
    writeFileSync(file, JSON.stringify({ ...about, status: 'failed', error: { name: 'Error', message: 'boom' } }));
    rmSync(path.join(broken, 'journal.jsonl')); // which would say that it was changed
    expect((await finish(startCommand('report', '--from', broken))).code).toBe(0);
    for (const document of ['claims.md', 'index.html', 'runs.csv', 'claims.json'])
      expect(inReport(document, broken), document).toContain('boom');
    expect(inReport('claims.md', broken)).toContain('1 of 4 runs failed: tiny, seed 1 (boom)');
  });

  it.each([
    ['a folder that is no job', ['report', '--from', 'src'], /src holds no study: give an archive/],
    ['an archive that is none', ['report', '--from', 'package.json.br'], /package\.json\.br holds no study/],
    ['archiving nothing', ['archive', 'src', 'nothing.jsonl.br'], /src holds no study/],
  ])('%s: exit code 2 and a message that says what to give', async (_, args, message) => {
    const { code, stderr } = await finish(startCommand(...args));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});
