import { describe, expect, it } from 'vitest';
import {
  ABLATION,
  ARMS,
  armSetup,
  DISSECTED,
  DOSE,
  HELD_OUT_SHARES,
  MAIN,
  MAPS,
  MILDER_WEIGHTS,
  MODEL_SIZES,
  SWEEPS,
} from '../../src/claims/arms.ts';
import { CLAIMS } from '../../src/claims/index.ts';
import { distinctSetups, planSetups } from '../../src/lab/job.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, SetupError } from '../../src/setup/schema.ts';
import { heldOut, pairs, useful } from '../../src/setup/sizes.ts';

const presets = Object.entries(PRESETS);

describe.each(presets)('at the preset %s', (_, preset) => {
  it('every arm has a setup that the schema accepts', () => {
    for (const arm of ARMS) {
      const setup = armSetup(preset, arm);
      expect(parseSetup(setup), arm.id).toEqual(setup);
    }
  });

  it('no two cells of a grid are the same setup', () => {
    for (const grid of [
      ...[HELD_OUT_SHARES, MODEL_SIZES, Object.values(ABLATION), SWEEPS.lrbeta, SWEEPS.weights, DOSE],
      ...Object.values(MAPS).map((rows) => rows.flatMap(({ cells }) => cells.map(({ arm }) => arm))),
    ]) {
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

it('the maps vary one field beside the decay, and what has to follow it', () => {
  const rows = (map: keyof typeof MAPS) =>
    MAPS[map].map(({ cells }) => {
      const setups = cells.map(({ arm }) => armSetup(PRESETS.pocket, arm));
      expect(setups.map(({ optimiser }) => optimiser.weightDecay)).toEqual([0.01, 0.1, 1]);
      const [{ name: _first, optimiser: _own, ...rest }, ...others] = setups;
      for (const { name: _name, optimiser: _decay, ...other } of others) expect(other).toEqual(rest);
      return rest;
    });
  expect(rows('width').map(({ model }) => [model.hidden, model.heads, model.layers])).toEqual([
    [64, 4, 4],
    [96, 6, 4],
    [128, 8, 4],
  ]);
  // Phase 2 stays one pass over the pairs, as many as there were, or a few more.
  expect(
    rows('useful').map((setup) => [useful(setup), heldOut(setup), pairs(setup), setup.phases.dpo.steps * setup.batch]),
  ).toEqual([
    [16, 16, 12_800, 12_800],
    [64, 16, 12_800, 12_800],
    [240, 16, 12_800, 12_800],
    [1_024, 16, 13_520, 12_800],
  ]);
  expect(
    rows('repeats').map(({ passwords, phases }) => [passwords.repeats, phases.dpo.steps, phases.joint.steps]),
  ).toEqual([
    [10, 160, 160],
    [25, 400, 400],
    [50, 800, 800],
    [100, 1_600, 1_600],
  ]);
});

it('of a pretrained model the widths are those of three Pythia models', () => {
  const models = MAPS.width.map(({ cells }) => armSetup(PRESETS['paper-1b'], cells[0].arm).model);
  expect(models.map(({ pretrained, hidden }) => [pretrained, hidden])).toEqual([
    ['EleutherAI/pythia-70m', 512],
    ['EleutherAI/pythia-160m', 768],
    ['EleutherAI/pythia-410m', 1024],
  ]);
});

it('milder weights change the loss weights alone', () => {
  const { phases, name: _, ...rest } = armSetup(PRESETS.pocket, MILDER_WEIGHTS);
  expect(phases.joint.weights).toEqual({ dpo: 1, useful: 0.5, random: 0.5, randomReverse: 0 });
  const { phases: own, name: _own, ...others } = PRESETS.pocket;
  expect([rest, { ...phases, joint: { ...phases.joint, weights: null } }]).toEqual([
    others,
    { ...own, joint: { ...own.joint, weights: null } },
  ]);
});

it('what is taken apart is evaluated otherwise and trained alike, but where an evaluation ends phase 3', () => {
  const { evaluation, name: _, ...rest } = armSetup(PRESETS.pocket, DISSECTED);
  const { evaluation: own, name: _own, ...others } = PRESETS.pocket;
  expect(rest).toEqual(others);
  expect(evaluation).toEqual({ ...own, dissection: true, random: 512, every: 1_000_000, first: null });
  const stopped = PRESETS['pocket-memorising'];
  expect(armSetup(stopped, DISSECTED).evaluation).toEqual({ ...stopped.evaluation, dissection: true, random: 512 });
});

it('all claims of a preset are planned in one go, and arms that change nothing share its runs', () => {
  const plan = planSetups(PRESETS.pocket, CLAIMS, [201]);
  const arms = new Set(CLAIMS.flatMap((claim) => claim.arms.map(({ id }) => id)));
  expect([...plan.keys()].sort()).toEqual([...arms].sort());
  // main is one held-out share, one size, one ablation, one dose and one cell of a grid as well.
  const same = ['held-out-1', 'size-2', 'freeze-and-prefix', 'dose:decay=1', 'weights:1/0.2/0.2,lr*1,phase-2'];
  // A row of each map is the preset at three decays, which are cells of the dose.
  const rows = [MAPS.width[1], MAPS.useful[2], MAPS.repeats[2]];
  expect(distinctSetups(plan)).toHaveLength(arms.size - same.length - 3 * rows.length);
  for (const { decay, arm } of rows.flatMap(({ cells }) => cells))
    expect(
      plan.get(arm.id)?.map((setup) => setupHash(setup)),
      arm.id,
    ).toEqual(plan.get(`dose:decay=${decay}`)?.map((setup) => setupHash(setup)));
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
