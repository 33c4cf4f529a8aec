import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CLAIMS } from '../../src/claims/index.ts';
import { runCli } from '../../src/cli/cli.ts';
import { parseClaims, parseSeeds } from '../../src/cli/options.ts';
import { resolveSetup } from '../../src/setup/overrides.ts';
import { temporaryFolder } from '../helpers/folder.ts';

describe('a command line that cannot be carried out', () => {
  afterEach(() => vi.restoreAllMocks());

  it.each([
    [
      'an unknown preset',
      ['--preset', 'huge'],
      /--preset: there is no "huge"; presets are pocket, pocket-large, pocket-llama, pocket-memorising, paper/,
    ],
    ['a preset named like an object method', ['--preset', 'toString'], /--preset: there is no "toString"/],
    ['a count that is no number', ['--seeds', 'many'], /--seeds: "many" must be a whole number from 1 to 1000/],
    ['no seeds', ['--seeds', '0'], /--seeds: "0" must be a whole number from 1/],
    ['a list for a count', ['--seeds', '11,'], /--seeds: "11," is a list, .* --seed-list 11$/m],
    ['a count and a list', ['--seeds', '5', '--seed-list', '11'], /--seed-list .*cannot be used with .*--seeds/],
    ['a seed twice', ['--seed-list', '3,3'], /--seed-list: "3,3" names a seed twice/],
    ['a negative seed', ['--seed-list', '-1,2'], /--seed-list/],
    ['a list with nothing at its end', ['--seed-list', '11,'], /--seed-list: "" must be a whole number/],
    [
      'an unknown claim',
      ['--claims', 'mian'],
      /--claims: there is no "mian" \(did you mean "main"\?\); claims are all, main/,
    ],
    ['no workers', ['--jobs', '0'], /--jobs: "0" must be a whole number/],
    [
      'an unknown field',
      ['--set', 'model.hiden=3'],
      /--set: there is no field "model.hiden" \(did you mean "hidden"\?\); fields here are .*pretrained, hidden/,
    ],
    ['a prototype', ['--set', '__proto__.polluted=1'], /--set: there is no field "__proto__"/],
    ['a change without a value', ['--set', 'beta'], /--set: "beta" must look like path=value/],
    ['a seed by the back door', ['--set', 'seed=3'], /seeds are chosen with --seeds/],
    ['a value of the wrong type', ['--set', 'beta=strong'], /beta: .*expected number/],
    ['an impossible setup', ['--set', 'model.heads=5'], /model.heads: 5 heads do not divide the hidden size/],
    ['a missing configuration', ['--config', '/nowhere.json'], /--config: cannot read \/nowhere.json/],
    ['going on nowhere', ['--resume'], /--resume: say which folder with --out/],
    ['weights that are not there', ['--preset', 'paper'], /EleutherAI\/pythia-160m is not on this machine/],
    ['an unknown option', ['--fast'], /unknown option '--fast'/],
  ])('%s: exit code 2 and a message that names the field', async (_, args, message) => {
    const written: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    expect(await runCli(['reproduce', ...args])).toBe(2);
    expect(written.join('')).toMatch(message);
    expect(written.join('')).not.toMatch(/\n {4}at /); // a sentence, not a stack
    expect(stdout).not.toHaveBeenCalled();
  });
});

describe('options', () => {
  it('--seeds is how many, and --seed-list is which', () => {
    expect(parseSeeds({ seeds: '3' })).toEqual([201, 202, 203]);
    expect(parseSeeds({ seeds: '5', seedList: '11, 12,13' })).toEqual([11, 12, 13]);
    expect(parseSeeds({ seeds: '5', seedList: '11' })).toEqual([11]);
  });

  it('--claims takes all, or some in the order given', () => {
    expect(parseClaims('all')).toEqual(CLAIMS);
    expect(parseClaims('control,main').map(({ id }) => id)).toEqual(['control', 'main']);
  });

  it('--set and --config change the fields they name and no other, and --set has the last word', () => {
    const folder = temporaryFolder();
    const config = path.join(folder, 'c.json');
    writeFileSync(config, '{"beta": 0.7, "model": {"layers": 3}}');
    const setup = resolveSetup({ preset: 'pocket', config, set: ['beta=0.9'] });
    const plain = resolveSetup({ preset: 'pocket' });
    expect(setup).toEqual({ ...plain, name: 'pocket-custom', beta: 0.9, model: { ...plain.model, layers: 3 } });
  });
});
