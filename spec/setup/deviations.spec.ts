import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setups } from '../../src/properties/arbitraries.ts';
import { deviations } from '../../src/setup/deviations.ts';
import { withValue } from '../../src/setup/fields.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import type { Setup } from '../../src/setup/schema.ts';

describe('what differs from the paper', () => {
  it('is nothing in the paper’s own setup, whatever its seed', () => {
    expect(deviations({ ...PRESETS.paper, name: 'mine', seed: 7 })).toEqual([]);
  });

  it('is the model alone in another size of Pythia', () => {
    for (const { field } of deviations(PRESETS['paper-410m'])) expect(field).toMatch(/^model\./);
  });

  it.each(Object.values(PRESETS))('has a reason for every field of the preset $name', (preset) => {
    for (const { field, why } of deviations(preset)) expect(why, field).toBeTypeOf('string');
  });

  it('has no reason for what no preset changed', () => {
    const other = { ...PRESETS.paper, optimiser: { ...PRESETS.paper.optimiser, clipNorm: 2 } };
    expect(deviations(other)).toEqual([{ field: 'optimiser.clipNorm', paper: 1, here: 2, why: null }]);
  });

  it('put back, gives the paper’s setup again: no field is left out', () => {
    fc.assert(
      fc.property(setups({ size: 'any' }), (setup) => {
        const back = deviations(setup).reduce<Setup>(
          (changed, { field, paper }) => withValue(changed, field.split('.'), paper),
          { ...setup, seed: PRESETS.paper.seed },
        );
        expect(setupHash({ ...back, model: { ...back.model, weights: null } })).toBe(setupHash(PRESETS.paper));
      }),
    );
  });
});
