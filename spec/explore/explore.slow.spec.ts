/** `explore` as a process. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { configuration, finish, startCommand } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/folder.ts';

it('on the command line it trains, tells every setup, draws the map, and takes what is there already', async () => {
  const folder = temporaryFolder();
  const out = path.join(folder, 'explored');
  const options = ['--seeds', '1', '--knobs', 'beta', '--map', 'share,beta', '--budget', '5m', '--out', out];
  const args = ['explore', '--config', configuration(folder), ...options];
  const first = await finish(startCommand(args));
  expect(first.code, first.stderr).toBe(0);
  expect(first.stdout).toMatch(
    /the weakest beta: the setup itself, at 0.3 beta, does not show the effect\n5 setups tried; report: .*explored.md/,
  );
  const inOut = (name: string) => readFileSync(path.join(out, name), 'utf8');
  const log = inOut('explored.jsonl');
  expect(JSON.parse(log.split('\n')[0])).toMatchObject({ at: { beta: 0.3 }, seeds: [201], failed: 0 });
  expect(inOut('map.svg')).toMatch(/<svg.*batches held out/s);
  expect(inOut('explored.md')).toContain('![batches held out by beta](map.svg)');
  expect(inOut('explored.md').match(/^\| (share 1, )?beta/gm)).toHaveLength(5);
  const again = await finish(startCommand(args));
  expect(again.code, again.stderr).toBe(0);
  expect(inOut('explored.jsonl')).toBe(log);
  const other = await finish(startCommand([...args, '--set', 'beta=0.7']));
  expect(other.code).toBe(2);
  expect(other.stderr).toContain('holds runs of another setup');
});
