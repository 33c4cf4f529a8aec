/** The claims about other objectives than DPO, on made-up runs; and their arms. */
import { describe, expect, it } from 'vitest';
import { AVOIDED, armSetup, OBJECTIVE_ARMS, PUSHES } from '../../src/claims/arms.ts';
import { CLAIMS, findingOf } from '../../src/claims/index.ts';
import type { Views } from '../../src/records/view.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { OBJECTIVES } from '../../src/setup/schema.ts';
import { effect, failedRun, type Knowledge, madeUpView } from '../helpers/records.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const IDS = OBJECTIVES.map((objective) => `objective-${objective}`);
const avoiding = (joint: Knowledge['joint'], heldOut = 0.25): Knowledge => ({ dpo: { ...effect.dpo, heldOut }, joint });
const flipped = avoiding(effect.joint);
/** exp(-0.1^2 / 2) undoes what the made-up spread of the letters adds on average. */
const nothing = avoiding({ ...effect.joint, heldOut: Math.exp(-0.005) });

/** @param knows of the arm that is claimed about, by run; the others are flipped */
const judged = (id: string, knows: (run: number) => Knowledge) => {
  const views: Views = Object.fromEntries(
    IDS.map((arm) => [arm, SEEDS.map((seed, run) => madeUpView(seed, arm === id ? knows(run) : flipped, 'main', 8))]),
  );
  return CLAIMS.find((claim) => claim.id === id)!.weigh(views);
};

describe.each(IDS)('%s', (id) => {
  it('is reproduced where held-out passwords end above chance', () => {
    expect(judged(id, () => flipped).verdict).toBe('reproduced');
  });

  it('is not reproduced where they do not, whatever the other objectives do', () => {
    expect(judged(id, () => nothing).verdict).toBe('not reproduced');
  });

  it('is inconclusive where nothing was learned that could be flipped', () => {
    const { verdict, reason } = judged(id, () => avoiding({ heldOut: 1.12, useful: 1.1, random: 1 }));
    expect(verdict).toBe('inconclusive');
    expect(reason).toContain('cannot be read');
  });

  it('is inconclusive where nothing comes back and most runs did not come to avoid the passwords', () => {
    const never = avoiding(nothing.joint, 0.5);
    const { verdict, reason } = judged(id, (run) => (run < 5 ? never : nothing));
    expect(verdict).toBe('inconclusive');
    expect(reason).toContain('avoided in 3 of 8 runs');
    expect(judged(id, (run) => (run < 4 ? never : nothing)).verdict).toBe('not reproduced');
    expect(judged(id, () => avoiding(effect.joint, 0.5)).verdict, 'what comes back does so').toBe('reproduced');
  });

  it('tells how far and how fast phase 2 went', () => {
    const judgement = judged(id, () => flipped);
    expect(findingOf(judgement, 'after-phase-2').value).toBeCloseTo(0.25, 1);
    expect(findingOf(judgement, 'phase-2-steps').value).toBe(10);
  });
});

it('an objective none of whose runs finished is inconclusive', () => {
  const views = Object.fromEntries(IDS.map((arm) => [arm, SEEDS.map((seed) => madeUpView(seed, flipped, 'main', 8))]));
  const [claim] = CLAIMS.filter(({ id }) => id === 'objective-npo');
  const { verdict, failed } = claim.weigh({ ...views, 'objective-npo': SEEDS.map(failedRun) });
  expect([verdict, failed]).toEqual(['inconclusive', 8]);
});

it('is inconclusive where phase 2 was skipped', () => {
  const skipped = (seed: number) => {
    const run = madeUpView(seed, flipped, 'no-dpo', 8);
    const dpo = { ...run.setup.phases.dpo, steps: 0 };
    return { ...run, setup: { ...run.setup, phases: { ...run.setup.phases, dpo } } };
  };
  const views = Object.fromEntries(IDS.map((arm) => [arm, SEEDS.map(skipped)]));
  const [claim] = CLAIMS.filter(({ id }) => id === 'objective-npo');
  expect(claim.weigh(views)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('phase 2 was skipped'),
  });
});

it('the arms change the objective, its constants and weight, and when phase 2 ends, and nothing else', () => {
  for (const objective of OBJECTIVES) {
    const { name: _, beta, margin, phases, ...rest } = armSetup(PRESETS.pocket, OBJECTIVE_ARMS[objective]);
    const { name: __, beta: own, margin: ___, phases: before, ...same } = PRESETS.pocket;
    expect(rest).toEqual({ ...same, objective });
    const { dpo: weight, ...weights } = phases.joint.weights;
    const { dpo: ownWeight, ...ownWeights } = before.joint.weights;
    expect(weights).toEqual(ownWeights);
    expect(phases).toEqual({
      ...before,
      dpo: { ...before.dpo, steps: 1_600, stopAtHeldOutGuessRate: AVOIDED },
      joint: { ...before.joint, weights: phases.joint.weights },
    });
    expect(weight * PUSHES[objective]({ beta, margin }, 8, 1 / 26)).toBeCloseTo(
      ownWeight * PUSHES.dpo({ beta: own, margin: 0 }, 8, 1 / 26),
      9,
    );
    if (objective === 'dpo') expect([beta, margin]).toEqual([own, 0]);
    expect(margin > 0).toBe(objective === 'simpo');
  }
});
