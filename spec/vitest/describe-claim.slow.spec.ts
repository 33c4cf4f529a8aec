/** A claim of someone's own as tests: it trains what the claim needs, and its verdict decides. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { defineArm, defineClaim, estimate, guessRatesOf, MAIN } from '../../src/index.ts';
import { describeClaim } from '../../src/vitest/describe-claim.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { studySetup } from '../helpers/trained.ts';

const OTHER = defineArm('other', 'another beta', (setup) => {
  setup.beta *= 2;
});

/** Its rule asks for runs alone, so that what is tested here is how they come about. */
const finishes = defineClaim({
  id: 'finishes',
  statement: 'Runs of both arms finish.',
  rule: 'Reproduced if five runs of each arm finished.',
  measure: 'held-out guess rate (1 = chance)',
  arms: [MAIN, OTHER],
  decide({ main }) {
    const heldOut = estimate('finishes', guessRatesOf(main, 'joint', 'heldOut'));
    return { verdict: 'reproduced', reason: 'they did', estimate: heldOut, p: null, findings: [] };
  },
});

const folder = path.join(sharedFolder(), 'runs');
describeClaim(finishes, { preset: studySetup(), seeds: [1, 2, 3, 4, 5], jobs: 2, folder }, (trained) => {
  it('further tests read what was trained', () => {
    const { job, result } = trained();
    expect(job.store.folder).toBe(folder);
    expect(result.runs.map(({ record }) => record.setup.seed)).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    expect(result.judgements).toMatchObject([{ id: 'finishes', verdict: 'reproduced', seeds: [1, 2, 3, 4, 5] }]);
  });
});

it('options that fit no setup are refused when the claim is described', () => {
  expect(() => describeClaim(finishes, { preset: 'pockett' })).toThrow(/did you mean "?pocket/i);
  expect(() => describeClaim(finishes, { preset: studySetup(), set: ['beta=1'] })).toThrow(/change the setup itself/);
  expect(() => describeClaim([])).toThrow(/no claim to describe/);
});

it('a claim that is not reproduced is a test that fails, with the reason, and stands in the table', () => {
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'spec/vitest/claims.config.ts'];
  const env = { ...process.env, CLAIM_FOLDER: path.join(temporaryFolder(), 'runs') };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  const told = stripVTControlCharacters(`${stdout}${stderr}`);
  expect(status, told).toBe(1);
  expect(told).toMatch(/the claim refuted is not reproduced: they are not/);
  expect(told).toMatch(/│ not reproduced │ refuted +│/);
  expect(told).toMatch(/Tests +1 failed \| 1 passed/); // that the runs are there is a test of its own
});
