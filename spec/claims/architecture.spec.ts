/** The claim about another family of models: its arm, and each of its verdicts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { llama } from '../../src/claims/architecture.ts';
import { armSetup, LLAMA } from '../../src/claims/arms.ts';
import { findingOf } from '../../src/claims/claim.ts';
import { main } from '../../src/claims/main.ts';
import { parameterCount } from '../../src/model/parameters.ts';
import { setups } from '../../src/properties/arbitraries.ts';
import { differences } from '../../src/setup/fields.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { effect, type Knowledge, madeUpView } from '../helpers/records.ts';

describe('the arm `llama`', () => {
  it('turns pocket into pocket-llama', () => {
    expect(setupHash(armSetup(PRESETS.pocket, LLAMA))).toBe(setupHash(PRESETS['pocket-llama']));
  });

  it.each(['pocket', 'pocket-large', 'pocket-memorising'] as const)('changes the model of %s alone', (preset) => {
    const changed = armSetup(PRESETS[preset], LLAMA);
    const fields = differences(changed, PRESETS[preset]).map((difference) => difference.split('=')[0]);
    expect(fields.toSorted()).toEqual([
      ...['model.activation', 'model.family', 'model.intermediateFactor'],
      ...['model.parallelResidual', 'model.rotaryFraction', 'name'],
    ]);
    expect(Math.abs(parameterCount(changed) / parameterCount(PRESETS[preset]) - 1)).toBeLessThan(0.02);
  });

  it('leaves a Llama as it is', () => {
    fc.assert(fc.property(setups({ family: 'llama' }), (setup) => armSetup(setup, LLAMA) === setup));
  });

  it('of a pretrained model is SmolLM2, with its own vocabulary where the whole vocabulary is kept', () => {
    const { model } = armSetup(PRESETS.paper, LLAMA);
    expect(model).toMatchObject({ pretrained: 'HuggingFaceTB/SmolLM2-135M', vocabulary: 49_152, hidden: 576 });
    expect(parameterCount({ ...PRESETS.paper, model })).toBe(134_515_008);
    const few = { ...PRESETS.paper, model: { ...PRESETS.paper.model, vocabulary: null } };
    expect(armSetup(few, LLAMA).model.vocabulary).toBeNull();
  });
});

describe('the claim `llama`', () => {
  const weigh = (joint: Knowledge['joint'], seeds = [1, 2, 3, 4, 5, 6]) =>
    llama.weigh({ [LLAMA.id]: seeds.map((seed) => madeUpView(seed, { ...effect, joint })) });

  it.each<[string, Knowledge['joint'], string]>([
    ['held-out passwords are above chance, and random ones at chance', effect.joint, 'reproduced'],
    ['held-out passwords are at chance', { heldOut: 1, useful: 2.5, random: 1 }, 'not reproduced'],
    ['random passwords are as far above chance', { heldOut: 1.12, useful: 2.5, random: 1.12 }, 'not reproduced'],
    ['useful negatives did not rise', { heldOut: 1.12, useful: 0.5, random: 1 }, 'inconclusive'],
  ])('where %s', (_, joint, verdict) => {
    const judgement = weigh(joint);
    expect(judgement.verdict, judgement.reason).toBe(verdict);
  });

  it('has the rule of `main`, and says how far held-out and random passwords lie apart', () => {
    expect(llama.rule).toBe(main.rule);
    expect(findingOf(weigh(effect.joint), 'held-out-minus-control').value).toBeGreaterThan(0);
  });

  it('is inconclusive on four runs', () => {
    expect(weigh(effect.joint, [1, 2, 3, 4]).verdict).toBe('inconclusive');
  });
});
