import { describe, expect, it } from 'vitest';
import { ABLATION, ARMS, armSetup, HELD_OUT_SHARES, MAIN, MODEL_SIZES, SWEEPS } from '../../src/claims/arms.ts';
import { CLAIMS } from '../../src/claims/index.ts';
import { distinctSetups, planSetups } from '../../src/lab/job.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, SetupError } from '../../src/setup/schema.ts';

const presets = Object.entries(PRESETS);

describe.each(presets)('at the preset %s', (_, preset) => {
  it('every arm has a setup that the schema accepts', () => {
    for (const arm of ARMS) {
      const setup = armSetup(preset, arm);
      expect(parseSetup(setup), arm.id).toEqual(setup);
    }
  });

  it('no two cells of a grid are the same setup', () => {
    for (const grid of [HELD_OUT_SHARES, MODEL_SIZES, Object.values(ABLATION), SWEEPS.lrbeta, SWEEPS.weights]) {
      const hashes = grid.map((arm) => setupHash(armSetup(preset, arm)));
      expect(new Set(hashes).size).toBe(grid.length);
    }
  });

  it('an arm leaves the preset itself as it was', () => {
    const before = JSON.stringify(preset);
    for (const arm of ARMS) armSetup(preset, arm);
    expect(JSON.stringify(preset)).toBe(before);
  });
});

it('held-out shares are the reference grid: 1 to 9 batches', () => {
  expect(HELD_OUT_SHARES.map((arm) => armSetup(PRESETS.paper, arm).passwords.heldBatches)).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9,
  ]);
});

it('sizes are the Pythia ladder where the weights are Pythia, and a ladder from scratch elsewhere', () => {
  const shapes = (preset: typeof PRESETS.paper) =>
    MODEL_SIZES.map((arm) => armSetup(preset, arm).model).map(({ pretrained, layers, hidden, heads }) => [
      pretrained,
      layers,
      hidden,
      heads,
    ]);
  expect(shapes(PRESETS.paper)).toEqual([
    ['EleutherAI/pythia-70m', 6, 512, 8],
    ['EleutherAI/pythia-160m', 12, 768, 12],
    ['EleutherAI/pythia-410m', 24, 1024, 16],
    ['EleutherAI/pythia-1b', 16, 2048, 8],
  ]);
  expect(shapes(PRESETS.pocket)).toEqual([
    [null, 2, 48, 3],
    [null, 4, 96, 6],
    [null, 6, 144, 9],
    [null, 8, 192, 12],
  ]);
});

it('the ablation changes freezing and prefixes, each by itself, and has all four cells', () => {
  const cells = Object.values(ABLATION).map((arm) => armSetup(PRESETS.paper, arm));
  expect(cells.map(({ prefixes, phases }) => [phases.dpo.trainable, prefixes])).toEqual([
    ['first-half', true],
    ['first-half', false],
    ['all', true],
    ['all', false],
  ]);
});

it('the tuning grids cross their factors: 2 x 3 x 2 x 2 and 7 x 2 x 2 cells', () => {
  expect([SWEEPS.lrbeta.length, SWEEPS.weights.length]).toEqual([24, 28]);
  const skipped = SWEEPS.weights
    .map((arm) => armSetup(PRESETS.pocket, arm))
    .filter(({ phases }) => phases.dpo.steps === 0);
  expect(skipped).toHaveLength(14);
});

it('all claims of a preset are planned in one go, and arms that change nothing share its runs', () => {
  const plan = planSetups(PRESETS.pocket, CLAIMS, [201]);
  const arms = new Set(CLAIMS.flatMap((claim) => claim.arms.map(({ id }) => id)));
  expect([...plan.keys()].sort()).toEqual([...arms].sort());
  // main is one held-out share, one size, one ablation, one dose and one cell of a grid as well.
  const same = ['held-out-1', 'size-2', 'freeze-and-prefix', 'dose:decay=1', 'weights:1/0.2/0.2,lr*1,phase-2'];
  expect(distinctSetups(plan)).toHaveLength(arms.size - same.length);
  for (const id of same) expect(plan.get(id), id).toEqual(plan.get(MAIN.id));
});

it('an arm that a setup cannot have is refused under its own name', () => {
  const small = { ...PRESETS.pocket, passwords: { ...PRESETS.pocket.passwords, negativeBatches: 5 } };
  const [, , , , five] = HELD_OUT_SHARES;
  expect(() => armSetup(small, five)).toThrow(SetupError);
  expect(() => armSetup(small, five)).toThrow(
    /^The arm held-out-5: This setup cannot be run:\n {2}passwords.heldBatches: 5 of 5/,
  );
});

it('an arm is named after its setup and itself, in letters and digits, never too long for a name', () => {
  expect(armSetup(PRESETS.pocket, SWEEPS.weights[1]).name).toBe('pocket-weights-1-0-2-0-05-lr-0-3-skip-phase-2');
  const named = { ...PRESETS.pocket, name: 'x'.repeat(60) };
  expect(armSetup(named, SWEEPS.weights[1]).name).toBe(`${'x'.repeat(60)}-wei`);
});

it('a digest of files stays with the model that they are of', () => {
  const found = { ...PRESETS.paper, model: { ...PRESETS.paper.model, weights: 'a'.repeat(64) } };
  expect(MODEL_SIZES.map((arm) => armSetup(found, arm).model.weights)).toEqual([null, 'a'.repeat(64), null, null]);
});
