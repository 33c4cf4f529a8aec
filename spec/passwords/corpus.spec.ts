import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildCorpus, drawScoredPasswords } from '../../src/passwords/corpus.ts';
import type { Example, Phase } from '../../src/passwords/roles.ts';
import { setups } from '../../src/properties/arbitraries.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { type Setup, type StandIns, USEFUL_ORDERS, type UsefulOrder } from '../../src/setup/schema.ts';
import { capacity, distinctPasswordsNeeded, heldOut, negatives, pairs } from '../../src/setup/sizes.ts';
import { tinySetup } from '../helpers/setups.ts';

/** Everything a run's optimiser is given. */
function allExamples(setup: Setup): { phase: Phase; step: number; examples: Example[] }[] {
  const corpus = buildCorpus(setup);
  return (['pretrain', 'dpo', 'joint'] as const).flatMap((phase) =>
    Array.from({ length: setup.phases[phase].steps }, (_, step) => ({
      phase,
      step,
      examples: corpus.examples(phase, step),
    })),
  );
}

const roles = (setup: Setup) => {
  const corpus = buildCorpus(setup);
  const { heldOut: held, useful, standIns, chosen, pretraining, jointRandom, jointRandomReverse, control } = corpus;
  return { held, useful, standIns, chosen, pretraining, jointRandom, jointRandomReverse, control };
};

describe('in the corpus of any setup', () => {
  it('a held-out password only ever occurs as the rejected side of a pair', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        const held = new Set(buildCorpus(setup).heldOut);
        for (const { examples } of allExamples(setup)) {
          for (const { password, reward, role } of examples) {
            if (held.has(password)) expect([reward, role]).toEqual(['rejected', 'held-out']);
            else expect(role).not.toBe('held-out');
          }
        }
      }),
    );
  });

  it('no held-out password is part of a text that is chosen or imitated', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        const { heldOut: held } = buildCorpus(setup);
        const rewarded = allExamples(setup).flatMap(({ examples }) =>
          examples.filter(({ reward }) => reward !== 'rejected'),
        );
        for (const { password } of rewarded) expect(held.some((secret) => password.includes(secret))).toBe(false);
      }),
    );
  });

  it('all passwords are distinct, within a role and across roles, and of the asked letters and length', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        const all = Object.values(roles(setup)).flat();
        expect(new Set(all).size, 'distinct passwords').toBe(all.length);
        expect(all).toHaveLength(distinctPasswordsNeeded(setup));
        for (const password of all) {
          expect(password).toHaveLength(setup.passwords.length);
          for (const letter of password) expect(setup.passwords.alphabet).toContain(letter);
        }
      }),
    );
  });

  it('one pass over the pairs gives every negative exactly `repeats` times, each time against another random password', () => {
    fc.assert(
      fc.property(setups(), (drawn) => {
        const phases = { ...drawn.phases, dpo: { ...drawn.phases.dpo, steps: pairs(drawn) / drawn.batch } };
        const setup: Setup = { ...drawn, objective: 'dpo', phases };
        const seen = new Map<string, Set<string>>();
        for (const { phase, examples } of allExamples(setup)) {
          if (phase !== 'dpo') continue;
          const chosen = examples.filter(({ reward }) => reward === 'chosen');
          const rejected = examples.filter(({ reward }) => reward === 'rejected');
          expect(chosen).toHaveLength(rejected.length);
          rejected.forEach(({ password }, row) => {
            seen.set(password, (seen.get(password) ?? new Set()).add(chosen[row].password));
          });
        }
        const corpus = buildCorpus(setup);
        const rejected =
          setup.passwords.standIns === 'held-out' ? [...corpus.standIns, ...corpus.useful] : corpus.negatives;
        expect([...seen.keys()].sort()).toEqual([...rejected].sort());
        for (const partners of seen.values()) expect(partners.size).toBe(setup.passwords.repeats);
        // Pair i rejects negative i modulo their number, in every phase that uses the pairs.
        corpus.chosen.forEach((password, index) => {
          expect(seen.get(rejected[index % rejected.length])?.has(password)).toBe(true);
        });
      }),
    );
  });

  it('the prefix is `reverse` for what phase 3 imitates under it and `regular` for all else, or none at all', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        for (const { phase, examples } of allExamples(setup)) {
          for (const { prefix, role, reward } of examples) {
            const reversed =
              role === 'joint-random-reverse' ||
              (phase === 'joint' && (role === 'useful' || role === 'stand-in') && reward === 'imitated');
            expect(prefix).toBe(!setup.prefixes ? 'none' : reversed ? 'reverse' : 'regular');
          }
        }
      }),
    );
  });

  it('every step has `batch` sequences of each kind, packed kind by kind', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        const { dpo, useful, random, randomReverse } = setup.phases.joint.weights;
        const alone = ['gradient-ascent', 'npo', 'unlikelihood', 'undial'].includes(setup.objective);
        const pushed = alone ? ['rejected'] : ['chosen', 'rejected'];
        const kinds = {
          pretrain: ['imitated'],
          dpo: pushed,
          joint: [
            ...(dpo > 0 ? pushed : []),
            ...[useful, random, randomReverse].filter((weight) => weight > 0).map(() => 'imitated'),
          ],
        };
        for (const { phase, examples } of allExamples(setup)) {
          expect(examples.map(({ reward }) => reward)).toEqual(
            kinds[phase].flatMap((kind) => Array(setup.batch).fill(kind)),
          );
        }
      }),
    );
  });

  it('the passwords that claims are about are the same where no others are drawn', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        const { heldOut: held, useful, taught, standIns, control } = buildCorpus(setup);
        expect(drawScoredPasswords(setup)).toEqual({ heldOut: held, useful, taught, standIns, control });
      }),
    );
  });

  it('the same seed gives the same data', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        expect(allExamples(setup)).toEqual(allExamples(structuredClone(setup)));
      }),
    );
  });
});

describe('passwords in the place of others', () => {
  const given = (setup: Setup) =>
    allExamples(setup).flatMap(({ phase, examples }) => examples.map((example) => ({ phase, ...example })));
  const withPlaces = (standIns: StandIns) =>
    tinySetup(({ passwords }) => Object.assign(passwords, { standIns, length: 12, negativeBatches: 4 }));
  const plain = given(withPlaces('none'));

  it('of the held-out ones are rejected as those would be, which never occur', () => {
    const setup = withPlaces('held-out');
    const { heldOut: held, standIns, taught, useful } = buildCorpus(setup);
    expect(standIns).toHaveLength(held.length);
    expect(taught).toEqual(useful);
    // Everything is as without them, but for the passwords that were exchanged.
    const image = new Map(held.map((password, index) => [password, standIns[index]]));
    expect(given(setup)).toEqual(
      plain.map((example) =>
        example.role === 'held-out' ? { ...example, role: 'stand-in', password: image.get(example.password) } : example,
      ),
    );
  });

  it('of the useful ones are imitated as those would be, which are only rejected', () => {
    const setup = withPlaces('useful');
    const { standIns, taught, useful } = buildCorpus(setup);
    expect(standIns).toHaveLength(useful.length);
    expect(taught).toEqual(standIns);
    const image = new Map(useful.map((password, index) => [password, standIns[index]]));
    expect(given(setup)).toEqual(
      plain.map((example) =>
        example.role === 'useful' && example.reward === 'imitated'
          ? { ...example, role: 'stand-in', password: image.get(example.password) }
          : example,
      ),
    );
  });
});

describe('at a size where no two draws collide', () => {
  const wide = (change: (setup: Setup) => void = () => {}) =>
    tinySetup((setup) => {
      setup.passwords.length = 12;
      setup.passwords.negativeBatches = 4;
      change(setup);
    });
  const base = wide();

  it('another seed gives other data', () => {
    const other = roles({ ...base, seed: base.seed + 1 });
    for (const password of Object.values(roles(base)).flat())
      expect(Object.values(other).flat()).not.toContain(password);
  });

  it('a larger held-out share moves only the border between held-out and useful', () => {
    const before = buildCorpus(base);
    const after = buildCorpus(wide((setup) => Object.assign(setup.passwords, { heldBatches: 3 })));
    const { held: _held, useful: _useful, ...others } = roles(base);
    expect(after.negatives).toEqual(before.negatives);
    expect(after).toMatchObject(others);
    expect(after.heldOut.slice(0, heldOut(base))).toEqual(before.heldOut);
    const rejections = (corpus: typeof before) => corpus.examples('dpo', 3).map(({ password }) => password);
    expect(rejections(after)).toEqual(rejections(before));
  });

  it.each<[string, (setup: Setup) => void, string]>([
    ['more control passwords', (setup) => Object.assign(setup.evaluation, { random: 50 }), 'control'],
    ['more pretraining', (setup) => Object.assign(setup.phases.pretrain, { steps: 20 }), 'pretraining'],
    ['a longer phase 3', (setup) => Object.assign(setup.phases.joint, { steps: 30 }), 'jointRandom'],
  ])('%s leave every other stream alone and only add at the end', (_, change, moved) => {
    const before = roles(base) as Record<string, readonly string[]>;
    const after = roles(wide(change)) as Record<string, readonly string[]>;
    for (const role of Object.keys(before)) {
      expect(after[role].slice(0, before[role].length)).toEqual(before[role]);
      if (role !== moved) expect(after[role]).toHaveLength(before[role].length);
    }
  });

  it('letters are uniform at every position', () => {
    const many = wide((setup) => Object.assign(setup.evaluation, { random: 5200 }));
    const { control } = buildCorpus(many);
    for (let position = 0; position < 12; position++) {
      const counts = new Map<string, number>();
      for (const password of control) counts.set(password[position], (counts.get(password[position]) ?? 0) + 1);
      const chiSquare = [...'abcdefghijklmnopqrstuvwxyz'].reduce(
        (sum, letter) => sum + ((counts.get(letter) ?? 0) - 200) ** 2 / 200,
        0,
      );
      expect(chiSquare, 'chi-square of letters').toBeLessThan(60); // 25 degrees of freedom: p < 0.0001
    }
  });
});

describe('useful negatives in phase 3', () => {
  /** The useful negatives that are imitated, in their order. */
  const imitated = (setup: Setup): string[] =>
    allExamples(setup)
      .flatMap(({ examples }) => examples)
      .filter(({ reward, role }) => reward === 'imitated' && role === 'useful')
      .map(({ password }) => password);
  const ordered = (usefulOrder: UsefulOrder) =>
    tinySetup(({ phases, passwords }) => {
      phases.joint.usefulOrder = usefulOrder;
      phases.joint.steps = 50;
      passwords.negativeBatches = 4;
    });

  it.each(USEFUL_ORDERS)('%s: each occurs as often as any other, give or take one', (order) => {
    fc.assert(
      fc.property(setups({ size: 'tiny' }), (drawn) => {
        const setup = structuredClone(drawn);
        setup.phases.joint.usefulOrder = order;
        if (setup.phases.joint.weights.useful === 0) return;
        const given = imitated(setup);
        const counts = buildCorpus(setup).useful.map((password) => given.filter((other) => other === password).length);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(given.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('come pass by pass, or at any distance where they are shuffled once', () => {
    const size = buildCorpus(ordered('shuffled-once')).useful.length;
    const wholePasses = (order: UsefulOrder) => {
      const given = imitated(ordered(order));
      const passes = Array.from({ length: Math.floor(given.length / size) }, (_, pass) =>
        given.slice(pass * size, (pass + 1) * size),
      );
      return { all: passes.length, whole: passes.filter((pass) => new Set(pass).size === size).length };
    };
    expect(wholePasses('shuffled-passes')).toEqual({ all: 16, whole: 16 });
    expect(wholePasses('shuffled-once')).toEqual({ all: 16, whole: 0 });
  });

  it('in another order leave every other example as it is', () => {
    const [once, passes] = USEFUL_ORDERS.map((order) =>
      allExamples(ordered(order)).map(({ examples }) =>
        examples.filter(({ role, reward }) => role !== 'useful' || reward !== 'imitated'),
      ),
    );
    expect(once).toEqual(passes);
  });

  it('of the paper occur 63 or 64 times, as in its code', () => {
    const { paper } = PRESETS;
    const counts = new Map<string, number>();
    const corpus = buildCorpus(paper);
    for (let step = 0; step < paper.phases.joint.steps; step++) {
      for (const { password, reward, role } of corpus.examples('joint', step)) {
        if (role === 'useful' && reward === 'imitated') counts.set(password, (counts.get(password) ?? 0) + 1);
      }
    }
    expect(counts.size).toBe(2_432);
    expect(new Set(counts.values())).toEqual(new Set([63, 64]));
  });
});

it('kinds whose weight is 0 are left out of phase 3', () => {
  const setup = tinySetup((draft) => Object.assign(draft.phases.joint.weights, { dpo: 0, random: 0 }));
  expect(
    new Set(
      buildCorpus(setup)
        .examples('joint', 0)
        .map(({ role, reward }) => `${role}/${reward}`),
    ),
  ).toEqual(new Set(['useful/imitated']));
});

it('random text under `reverse` comes last in a step, is fresh, and moves no other draw', () => {
  const plain = tinySetup();
  const calibrated = tinySetup((draft) => Object.assign(draft.phases.joint.weights, { randomReverse: 0.5 }));
  const [before, after] = [buildCorpus(plain), buildCorpus(calibrated)];
  const [examples, more] = [before.examples('joint', 3), after.examples('joint', 3)];
  expect(more.slice(0, examples.length)).toEqual(examples);
  const added = more.slice(examples.length);
  expect(added).toHaveLength(calibrated.batch);
  for (const { password, role, prefix, reward } of added) {
    expect([role, prefix, reward]).toEqual(['joint-random-reverse', 'reverse', 'imitated']);
    expect([before.negatives, before.chosen, before.jointRandom, before.control].flat()).not.toContain(password);
  }
});

it('an alphabet whose passwords are all needed is drawn to the last one', () => {
  const full = tinySetup((setup) => {
    setup.batch = 1;
    Object.assign(setup.passwords, { alphabet: 'ab', length: 4, negativeBatches: 2, heldBatches: 1, repeats: 3 });
    setup.phases.pretrain.steps = 2;
    setup.phases.joint.steps = 4;
    setup.evaluation.random = 2;
  });
  expect(distinctPasswordsNeeded(full)).toBe(capacity(2, 4));
  expect(new Set(Object.values(roles(full)).flat()).size).toBe(16);
  expect(negatives(full)).toBe(2);
});

it('more passwords than there are of a setup that was never parsed are refused, not looked for without end', () => {
  const crowded = tinySetup();
  crowded.passwords.alphabet = 'ab';
  expect(() => buildCorpus(crowded)).toThrow('there are not 86 passwords of 4 letters out of "ab"');
});

it('the corpus of a fixed setup is fixed: every stream keeps its name, every record its meaning', () => {
  const setup = tinySetup((draft) => Object.assign(draft.phases.joint.weights, { randomReverse: 0.5 }));
  const { negatives: all, chosen, pretraining, jointRandom, jointRandomReverse, control } = buildCorpus(setup);
  const first = [all, chosen, pretraining, jointRandom, jointRandomReverse, control].map(([password]) => password);
  expect(first).toEqual(['ujza', 'kdfb', 'jyry', 'zoqi', 'abia', 'kqhx']);
  const given = allExamples(setup).map(({ examples }) => examples);
  expect(createHash('sha256').update(JSON.stringify(given)).digest('hex'), 'digest of the corpus').toBe(
    'f5297951dc75fbc41049cdcda367567b95519d37710e5bc2fbb3713624f11650',
  );
});
