import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setups } from '../../src/properties/arbitraries.ts';
import { leaves, withValue } from '../../src/setup/fields.ts';
import { canonicalJson, remembering, setupHash } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, type Setup } from '../../src/setup/schema.ts';

/** The same content with the keys of every object in another order. */
function reordered<T>(value: T, order: (keys: string[]) => string[]): T {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const entries = order(Object.keys(value)).map((key) => [key, reordered(value[key as keyof T], order)]);
  return Object.fromEntries(entries) as T;
}

/** The nearest other value of a field: for a number the next double, so that no rounding can hide behind the hash. */
function neighbour(value: unknown): unknown {
  if (typeof value === 'number') {
    const next = value * (1 + Number.EPSILON);
    return next === value ? value + Number.MIN_VALUE : next; // 0 and the smallest numbers
  }
  if (typeof value === 'string') return `${value}x`;
  if (typeof value === 'boolean') return !value;
  return 0;
}

describe('the hash of a setup', () => {
  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(setups(), fc.infiniteStream(fc.nat()), (setup, ranks) => {
        const shuffled = reordered(setup, (keys) =>
          keys
            .map((key) => [ranks.next().value as number, key] as const)
            .sort(([a], [b]) => a - b)
            .map(([, key]) => key),
        );
        expect(setupHash(shuffled)).toBe(setupHash(setup));
        expect(setupHash(reordered(setup, (keys) => keys.toReversed()))).toBe(setupHash(setup));
      }),
    );
  });

  it('does not depend on the name, which is a label', () => {
    fc.assert(
      fc.property(setups(), fc.string(), (setup, name) => {
        expect(setupHash({ ...setup, name })).toBe(setupHash(setup));
      }),
    );
  });

  it('is another one after the smallest change to any other field', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        const fields = leaves(setup).filter(([path]) => path.join() !== 'name');
        const changed = fields.map(([path, value]) => setupHash(withValue(setup, path, neighbour(value))));
        expect(new Set([setupHash(setup), ...changed]).size).toBe(fields.length + 1);
      }),
      { numRuns: 30 },
    );
  });

  it('survives writing the setup to JSON and reading it back', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        expect(setupHash(JSON.parse(JSON.stringify(setup)))).toBe(setupHash(setup));
      }),
    );
  });

  it('is the SHA-256 of the canonical JSON without the name', () => {
    const content = { name: 'label', seed: 3, beta: 0.1, model: { layers: 2, heads: 1 } } as unknown as Setup;
    // printf '{"beta":0.1,"model":{"heads":1,"layers":2},"seed":3}' | sha256sum
    expect(setupHash(content)).toBe('9cbe04f204980297e30b943f3a6989a131e62c92e0c02bd50a7bf7ebd161cd6e');
  });
});

describe('canonical JSON', () => {
  it('reads back as what was written', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('has the keys of every object in code-unit order', () => {
    const checked = (_: string, value: unknown) => {
      if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
        // Own keys that look like array indices always come first and in numeric order; the text itself has no such rule.
        const keys = Object.keys(value).filter((key) => !/^\d+$/.test(key));
        expect(keys).toEqual(keys.toSorted());
      }
      return value;
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        JSON.parse(canonicalJson(value), checked);
      }),
    );
    expect(canonicalJson({ b: [{ z: null, Z: 'x' }], a: { '10': 1, '9': 2, é: 3 } })).toBe(
      '{"a":{"10":1,"9":2,"é":3},"b":[{"Z":"x","z":null}]}',
    );
  });

  it('keeps the order of arrays', () => {
    expect(canonicalJson([3, 1, 2])).toBe('[3,1,2]');
  });

  it('is what it was before fields were added, as long as they say what was so before', () => {
    const added = [
      ...['model.weights', 'model.parallelResidual', 'model.activation', 'model.tiedEmbeddings'],
      ...['phases.joint.usefulOrder', 'evaluation.first', 'passwords.standIns', 'evaluation.dissection'],
      ...['objective', 'margin', 'phases.dpo.stopAtHeldOutGuessRate'],
      ...['model.family', 'model.keyValueHeads'],
    ];
    const before = added.reduce(
      (setup, field) => withValue(setup, field.split('.'), undefined),
      PRESETS['pocket-memorising'],
    );
    expect(setupHash(parseSetup(before))).toBe(setupHash(PRESETS['pocket-memorising']));
    const { name: _label, ...content } = before;
    expect(setupHash(PRESETS['pocket-memorising'])).toBe(
      createHash('sha256').update(canonicalJson(content)).digest('hex'),
    );
    const inPasses = canonicalJson({ ...content, microBatch: 4 });
    expect(setupHash(PRESETS['pocket-memorising'], 4)).toBe(createHash('sha256').update(inPasses).digest('hex'));
  });
});

describe('work that is remembered', () => {
  it('is done once for equal content, and anew after any difference', () => {
    let done = 0;
    const work = remembering((argument: Record<string, unknown>) => `${++done} ${JSON.stringify(argument)}`);
    const [first, turned] = [work({ a: 1, b: [2] }), work({ b: [2], a: 1 })];
    expect(turned).toBe(first);
    expect(work({ a: 1, b: [2, 0] })).not.toBe(first);
    expect(work({ a: 1, b: ['2'] })).not.toBe(first);
    expect(done).toBe(3);
  });

  it('is remembered when it gives nothing, and not when it throws', () => {
    let done = 0;
    const work = remembering((fails: boolean) => {
      done += 1;
      if (fails) throw new Error('no');
    });
    for (const _ of [1, 2]) work(false);
    for (const _ of [1, 2]) expect(() => work(true)).toThrow('no');
    expect(done).toBe(3);
  });
});
