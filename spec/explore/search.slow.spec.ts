/** `search` as a process. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { configuration, finish, startCommand } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/folder.ts';

it('on the command line it trains, halves, confirms, draws its figures, and takes what is there already', async () => {
  const folder = temporaryFolder();
  const out = path.join(folder, 'searched');
  const args = [
    ...['search', '--config', configuration(folder), '--vary', 'optimiser.weightDecay=0.01..2'],
    ...['--draws', '4', '--confirm', '2', '--out', out],
  ];
  const first = await finish(startCommand(args));
  expect(first.code, first.stderr).toBe(0);
  expect(first.stdout).toMatch(
    /^The best draw is number \d: optimiser.weightDecay=.* over 2 fresh ones \(1001 to 1002\): .*The claim `main` on the fresh seeds: inconclusive.*\n4 setups drawn; report: .*search.md\n$/,
  );
  const inOut = (name: string) => readFileSync(path.join(out, name), 'utf8');
  // Four draws on one seed, two on a second, one on two more, and again; then the fresh ones.
  const records = readdirSync(path.join(out, 'runs'));
  expect(records).toHaveLength(4 + 2 + 2 + 2 + 2);
  expect(inOut('search.jsonl').trimEnd().split('\n')).toHaveLength(4);
  expect(inOut('search.md').match(/^\| \d \|/gm)).toHaveLength(4);
  for (const figure of ['parallel.svg', 'effects.svg']) expect(inOut(figure)).toMatch(/^<svg/);

  const [draws, page] = [inOut('search.jsonl'), inOut('search.md')];
  const again = await finish(startCommand(args));
  expect(again.code, again.stderr).toBe(0);
  expect([inOut('search.jsonl'), inOut('search.md'), again.stdout]).toEqual([draws, page, first.stdout]);
  expect(readdirSync(path.join(out, 'runs'))).toEqual(records);
});

it.each([
  [['--objective', 'luck'], /^error: --objective: there is no "luck"; objectives are held-out-minus-random, /],
  [['--vary', 'beta=2..1'], /^error: --vary: "beta=2..1" must be a range from low to high/],
  [['--vary', 'beta=0.1|0.2', '--vary', 'beta=1..2'], /^error: --vary: a field is named twice/],
  [['--draws', '0'], /^error: --draws: "0" must be a whole number from 1/],
])('%j is refused with one sentence', async (args, message) => {
  const { code, stderr, stdout } = await finish(
    startCommand(['search', ...args, '--out', path.join(temporaryFolder(), 'out')]),
  );
  expect(stderr).toMatch(message);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});
