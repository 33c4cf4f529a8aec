/** The workflows of GitHub Actions, and what is read about this repository from outside: each names what is there. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CLAIMS } from '../../src/claims/index.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { temporaryFolder } from '../helpers/folder.ts';

const read = (file: string): string => readFileSync(file, 'utf8');
const manifest = JSON.parse(read('package.json'));

interface Step {
  name?: string;
  uses?: string;
  run?: string;
  if?: string;
  env?: Record<string, string>;
}
interface Job {
  uses?: string;
  steps?: Step[];
  env?: Record<string, string>;
  'timeout-minutes'?: number;
}
interface Workflow {
  on: { workflow_call?: { inputs: Record<string, { default: string; description: string }> } };
  permissions: Record<string, string>;
  jobs: Record<string, Job>;
}
const NAMES = ['ci', 'reproduce'] as const;
const workflow = (name: (typeof NAMES)[number]): Workflow => parse(read(`.github/workflows/${name}.yml`));
const stepsOf = ({ jobs }: Workflow): Step[] => Object.values(jobs).flatMap(({ steps }) => steps ?? []);

describe.each(NAMES)('the workflow %s', (name) => {
  it('runs scripts that package.json has', () => {
    const scripts = stepsOf(workflow(name)).flatMap(({ run }) =>
      [...(run ?? '').matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(([, script]) => script),
    );
    expect(scripts.length).toBeGreaterThan(0);
    for (const script of scripts) expect(Object.keys(manifest.scripts)).toContain(script);
  });

  it('may only read, bounds every job, and pastes nothing into a script', () => {
    const { permissions, jobs } = workflow(name);
    expect(permissions).toEqual({ contents: 'read' });
    for (const job of Object.values(jobs)) if (job.steps) expect(job['timeout-minutes']).toBeGreaterThan(0);
    for (const { run } of stepsOf(workflow(name))) expect(run ?? '').not.toContain('${{');
  });
});

describe('the reusable workflow', () => {
  const reusable = workflow('reproduce');
  const inputs = reusable.on.workflow_call?.inputs ?? {};

  it('uses each of its inputs, and no other', () => {
    const used = new Set(
      [...read('.github/workflows/reproduce.yml').matchAll(/inputs\.([\w-]+)/g)].map(([, id]) => id),
    );
    expect([...used].sort()).toEqual(Object.keys(inputs).sort());
  });

  it('has a preset and claims that there are, by default', () => {
    expect(Object.keys(PRESETS)).toContain(inputs.preset.default);
    expect(inputs.claims.default).toBe('');
  });

  /** The arguments that the step `reproduce` gives to npm, one a line. */
  async function given(env: Record<string, string>): Promise<string[]> {
    const step = stepsOf(reusable).find(({ name }) => name === 'reproduce');
    const folder = path.join(temporaryFolder(), 'bin');
    await mkdir(folder);
    await writeFile(path.join(folder, 'npm'), '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 });
    const { stdout } = await promisify(execFile)('bash', ['-e', '-o', 'pipefail', '-c', step?.run ?? 'exit 1'], {
      env: { PATH: `${folder}:${process.env.PATH}`, ...env },
    });
    return stdout.trimEnd().split('\n');
  }

  it('gives `reproduce` what it was given, and leaves out what it was not', async () => {
    const start = ['run', '--silent', 'reproduce', '--', '--preset', 'pocket'];
    expect(await given({ PRESET: 'pocket', SEEDS: '5', SEED_LIST: '', CONFIG: '', CLAIMS: '' })).toEqual([
      ...[...start, '--out', '../run', '--seeds', '5'],
    ]);
    expect(
      await given({ PRESET: 'pocket', SEEDS: '5', SEED_LIST: '1,2', CONFIG: 'a b.json', CLAIMS: CLAIMS[0].id }),
    ).toEqual([
      ...[...start, '--out', '../run', '--seed-list', '1,2'],
      ...['--config', '../caller/a b.json', '--claims', CLAIMS[0].id],
    ]);
  });

  it('runs nothing of what it was given', async () => {
    const hostile = '"; echo taken; $(echo taken) `echo taken` #';
    const args = await given({ PRESET: hostile, SEEDS: hostile, SEED_LIST: '', CONFIG: hostile, CLAIMS: hostile });
    expect(args.filter((arg) => arg === 'taken')).toEqual([]);
    expect(args.filter((arg) => arg === hostile)).toHaveLength(3);
  });
});

describe('the citation file', () => {
  const citation = parse(read('CITATION.cff'));

  it('is of this version, under its licence, and cites the paper', () => {
    expect([citation.version, citation.license]).toEqual([manifest.version, manifest.license]);
    expect(JSON.stringify(citation.references)).toContain('2306.07567');
    for (const field of ['cff-version', 'message', 'title', 'authors']) expect(citation[field], field).toBeTruthy();
  });
});

describe('the container file', () => {
  const lines = read('.github/Containerfile').split('\n');

  it('starts the program on a Node that it supports, and copies what is there', () => {
    expect(lines.find((line) => line.startsWith('FROM'))).toMatch(/^FROM node:(22|24)-/);
    expect(lines).toContain(`ENTRYPOINT ["node", "${manifest.bin['negative-knowledge'].replace('./', '')}"]`);
    const copied = lines.filter((line) => /^COPY [^.]/.test(line)).flatMap((line) => line.split(' ').slice(1, -1));
    expect(copied.length).toBeGreaterThan(2);
    for (const file of copied) expect(read(file).length, file).toBeGreaterThan(0);
  });
});
