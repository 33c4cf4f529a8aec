/** Completion, as a shell asks for it. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { CLAIMS } from '../../src/claims/index.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { finish, startCommand } from '../helpers/command.ts';

/** What may come next, without descriptions and without the closing line for the shell. */
async function next(...typed: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await finish(startCommand(['complete', '--', ...typed]));
  expect(code, stderr).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t')[0]);
}

describe('complete', () => {
  it.each([
    ['a command', ['reprod'], ['reproduce']],
    ['an option', ['reproduce', '--seed-l'], ['--seed-list']],
    ['a preset', ['reproduce', '--preset', ''], Object.keys(PRESETS)],
    ['a claim', ['reproduce', '--claims', 'deca'], CLAIMS.map(({ id }) => id).filter((id) => id.startsWith('deca'))],
    ['a list', ['list', 'sch'], ['schema']],
  ])('offers %s', async (_, typed, offered) => {
    expect(await next(...typed)).toEqual(offered);
  });

  it('prints a script that the shell can read', async () => {
    const { code, stdout } = await finish(startCommand(['complete', 'bash']));
    expect(code).toBe(0);
    execFileSync('bash', ['-n'], { input: stdout });
    expect(stdout).toContain('negative-knowledge');
  });

  it('refuses a shell that it does not know', async () => {
    const { code, stderr } = await finish(startCommand(['complete', 'tcsh']));
    expect(code, stderr).toBe(2);
    expect(stderr).toMatch(/tcsh/);
  });
});
