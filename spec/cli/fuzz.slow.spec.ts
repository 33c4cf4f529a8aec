/** `npm run fuzz` as a process. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { PROPERTIES } from '../../src/properties/kinds.ts';
import { finish, startCommand } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/folder.ts';

const { name: engine } = await startEngine();
const environment = { NEGATIVE_KNOWLEDGE_ENGINE: engine };

describe('npm run fuzz', () => {
  it('tries as many setups of each kind as it is told, and finds nothing', async () => {
    const out = temporaryFolder();
    const args = ['fuzz', '--runs', '4', '--seed', '3', '--budget', '5m', '--jobs', '2', '--out', out];
    const { code, stdout, stderr } = await finish(startCommand(args, environment));
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(
      `4 setups' data, 4 setups trained, 0 counterexamples, held against ${PROPERTIES.length} of ${PROPERTIES.length} properties`,
    );
    expect(stderr).toContain('seed 3');
    expect(readdirSync(out)).toEqual([]);
  });

  it('ends when its time is up', async () => {
    const args = ['fuzz', '--budget', '1s', '--property', 'data/identity', '--out', temporaryFolder()];
    const { code, stdout } = await finish(startCommand(args, environment));
    expect(code).toBe(0);
    expect(stdout).toMatch(/held against 1 of \d+ properties in 0:\d\d \(done\)/);
  });

  it('interrupted with Ctrl-C, says what it has tried and exits with 130', async () => {
    const args = ['fuzz', '--budget', '10m', '--property', 'data/identity', '--out', temporaryFolder()];
    const child = startCommand(args, environment);
    let told = '';
    child.stderr?.on('data', (data) => {
      const before = told.includes("setups' data");
      told += data;
      if (!before && told.includes("setups' data")) child.kill('SIGINT'); // it is at work, and listens
    });
    const { code, stdout } = await finish(child);
    expect(code).toBe(130);
    expect(stdout).toMatch(/\d+ setups' data, .*\(interrupted; what was found is kept\)/);
  });

  it('draws one case again by its seed and path', async () => {
    const args = ['fuzz', '--property', 'data/pairs', '--seed', '12', '--path', '3', '--out', temporaryFolder()];
    const { code, stdout } = await finish(startCommand(args, environment));
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/^1 setups' data, 0 setups trained/m);
  });
});
