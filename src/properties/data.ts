/** What is true of the data of every setup. Nothing is trained. */
import assert from 'node:assert/strict';
import { arrangeCorpus, buildCorpus, type Corpus, drawPasswords, type Passwords } from '../passwords/corpus.ts';
import { openLedger } from '../passwords/ledger.ts';
import { measureOverlap } from '../passwords/overlap.ts';
import type { Example, Phase } from '../passwords/roles.ts';
import { scratchTokenIds, tokenBatch } from '../passwords/tokens.ts';
import { stream } from '../random/streams.ts';
import { prefixOf } from '../recipe/recipe.ts';
import { setupHash } from '../setup/hash.ts';
import { parseSetup, type Setup } from '../setup/schema.ts';
import { distinctPasswordsNeeded, heldOut, pairs, useful } from '../setup/sizes.ts';
import { ofSetup, type PropertyKind, relabel, relabelled, type SetupProperty } from './property.ts';

interface Step {
  readonly phase: Phase;
  readonly step: number;
  readonly examples: Example[];
}

const PHASES = ['pretrain', 'dpo', 'joint'] as const;
const ROLES = ['negatives', 'chosen', 'pretraining', 'jointRandom', 'jointRandomReverse', 'control'] as const;

/** Steps of each phase that the ledger is shown. */
const LEDGER_STEPS = 100;

const corpusOf = ofSetup(buildCorpus);

/** Everything that a corpus gives to the optimiser, in order. */
const stepsOf = (setup: Setup, corpus: Corpus): Step[] =>
  PHASES.flatMap((phase) =>
    Array.from({ length: setup.phases[phase].steps }, (_, step) => ({
      phase,
      step,
      examples: corpus.examples(phase, step),
    })),
  );

const walk = ofSetup((setup) => stepsOf(setup, corpusOf(setup)));

const at = ({ phase, step }: Step): string => `in phase ${phase}, step ${step}`;

const imitated = (setup: Setup, role: Example['role']): string[] =>
  walk(setup).flatMap(({ examples }) =>
    examples
      .filter((example) => example.role === role && example.reward === 'imitated')
      .map(({ password }) => password),
  );

/** Three steps of each phase, to compare setups that differ by one thing. */
function someSteps(setup: Setup, corpus: Corpus): Example[] {
  const source = stream(setup.seed, 'fuzz/steps');
  return PHASES.flatMap((phase) => {
    const { steps } = setup.phases[phase];
    return steps === 0 ? [] : [0, 1, 2].flatMap(() => corpus.examples(phase, source.below(steps)));
  });
}

const property = (id: string, statement: string, check: SetupProperty['check']): SetupProperty => ({
  id: `data/${id}`,
  statement,
  check,
});

const PROPERTIES: readonly SetupProperty[] = [
  property('held-out-rejected', 'A held-out password only ever occurs as the rejected side of a pair.', (setup) => {
    const secrets = new Set(corpusOf(setup).heldOut);
    for (const step of walk(setup)) {
      for (const { password, reward, role } of step.examples) {
        if (secrets.has(password))
          assert.deepEqual([reward, role], ['rejected', 'held-out'], `"${password}" ${at(step)}`);
        else assert.notEqual(role, 'held-out', `"${password}" ${at(step)}`);
      }
    }
  }),
  property(
    'distinct',
    'All passwords are distinct over all roles, and of the letters and the length asked for.',
    (setup) => {
      const corpus = corpusOf(setup);
      const all = ROLES.flatMap((role) => corpus[role]);
      assert.equal(new Set(all).size, all.length);
      assert.equal(all.length, distinctPasswordsNeeded(setup));
      const { alphabet, length } = setup.passwords;
      const form = new RegExp(`^[${alphabet}]{${length}}$`);
      for (const password of all) assert.match(password, form);
      assert.deepEqual([...corpus.heldOut, ...corpus.useful], corpus.negatives);
      assert.deepEqual([corpus.heldOut.length, corpus.useful.length], [heldOut(setup), useful(setup)]);
    },
  ),
  property(
    'pairs',
    'A pass over the pairs compares every negative as often as asked, each time with another random password.',
    (setup) => {
      const { chosen, negatives } = corpusOf(setup);
      const place = new Map(chosen.map((password, index) => [password, index]));
      for (const phase of ['dpo', 'joint'] as const) {
        const compared = walk(setup)
          .filter((step) => step.phase === phase)
          .flatMap(({ examples }) => {
            const preferred = examples.filter(({ reward }) => reward === 'chosen');
            return examples
              .filter(({ reward }) => reward === 'rejected')
              .map(({ password }, row) => [preferred[row].password, password] as const);
          });
        for (let start = 0; start < compared.length; start += pairs(setup)) {
          const pass = compared.slice(start, start + pairs(setup));
          assert.equal(
            new Set(pass.map(([winner]) => winner)).size,
            pass.length,
            `a pair came twice in a pass of ${phase}`,
          );
          for (const [winner, loser] of pass) {
            assert.equal(loser, negatives[(place.get(winner) as number) % negatives.length], `the pair of "${winner}"`);
          }
        }
      }
    },
  ),
  property(
    'prefixes',
    '`reverse` stands before what phase 3 imitates under it, `regular` before all else, or nothing at all.',
    (setup) => {
      for (const step of walk(setup)) {
        for (const { prefix, role, reward } of step.examples) {
          const flipped =
            role === 'joint-random-reverse' || (step.phase === 'joint' && role === 'useful' && reward === 'imitated');
          assert.equal(prefix, prefixOf(setup, flipped ? 'reverse' : 'regular'), `${role}, ${reward} ${at(step)}`);
        }
      }
    },
  ),
  property('packing', 'A step packs one batch of each kind whose weight is not 0, kind by kind.', (setup) => {
    const { dpo, useful: reversed, random, randomReverse } = setup.phases.joint.weights;
    const kinds = {
      pretrain: ['pretraining/imitated'],
      dpo: ['pair/chosen', 'pair/rejected'],
      joint: [
        ...(dpo > 0 ? ['pair/chosen', 'pair/rejected'] : []),
        ...(reversed > 0 ? ['useful/imitated'] : []),
        ...(random > 0 ? ['joint-random/imitated'] : []),
        ...(randomReverse > 0 ? ['joint-random-reverse/imitated'] : []),
      ],
    };
    for (const step of walk(setup)) {
      const packed = step.examples.map(({ role, reward }) => `${reward === 'imitated' ? role : 'pair'}/${reward}`);
      assert.deepEqual(
        packed,
        kinds[step.phase].flatMap((kind) => Array(setup.batch).fill(kind)),
        at(step),
      );
    }
  }),
  property(
    'fresh-text',
    'Random text is used once, in the order in which it was drawn, and control passwords never.',
    (setup) => {
      const { pretraining, jointRandom, jointRandomReverse, control } = corpusOf(setup);
      const { weights } = setup.phases.joint;
      assert.deepEqual(imitated(setup, 'pretraining'), pretraining);
      assert.deepEqual(imitated(setup, 'joint-random'), weights.random > 0 ? jointRandom : []);
      assert.deepEqual(imitated(setup, 'joint-random-reverse'), jointRandomReverse);
      const unseen = new Set(control);
      for (const step of walk(setup)) {
        for (const { password } of step.examples) assert.ok(!unseen.has(password), `control "${password}" ${at(step)}`);
      }
    },
  ),
  property('ledger', 'The ledger passes the data, and counts as many sequences as arithmetic does.', (setup) => {
    const ids = scratchTokenIds(setup);
    const ledger = openLedger(corpusOf(setup), ids);
    // It hashes every token: of long phases the beginnings will do.
    for (const { phase, step, examples } of walk(setup).filter((each) => each.step < LEDGER_STEPS)) {
      ledger.observe(phase, step, examples, tokenBatch(examples, ids));
    }
    const { batch, phases } = setup;
    const { weights } = phases.joint;
    const [pretrain, dpo, joint] = PHASES.map((phase) => Math.min(phases[phase].steps, LEDGER_STEPS));
    const comparisons = batch * (dpo + (weights.dpo > 0 ? joint : 0));
    const imitations = [weights.useful, weights.random, weights.randomReverse].filter((weight) => weight > 0).length;
    const { clean, sequences } = ledger.summary();
    assert.equal(clean, true);
    assert.deepEqual(sequences, {
      chosen: comparisons,
      rejected: comparisons,
      imitated: batch * (pretrain + imitations * joint),
    });
  }),
  property('repeatable', 'An equal setup has equal data, and another seed other data.', (setup) => {
    const again = buildCorpus(structuredClone(setup));
    assert.deepEqual(someSteps(setup, again), someSteps(setup, corpusOf(setup)));
    for (const role of ROLES) assert.deepEqual(again[role], corpusOf(setup)[role]);
    const other = drawPasswords({ ...setup, seed: (setup.seed + 1) % 2 ** 32 });
    // In a space that is nearly full, or of very few passwords, two seeds may well draw the same ones.
    if (setup.passwords.alphabet.length ** setup.passwords.length > 1e6) {
      assert.notDeepEqual(other.negatives, corpusOf(setup).negatives);
    }
  }),
  property(
    'relabelled',
    'Exchanging the letters exchanges them everywhere, and changes no token and no statistic.',
    (setup) => {
      const turned = relabelled(setup);
      const [corpus, other] = [corpusOf(setup), buildCorpus(turned)];
      for (const role of ROLES)
        assert.deepEqual(
          other[role],
          corpus[role].map((password) => relabel(setup, password)),
          role,
        );
      const [before, after] = [someSteps(setup, corpus), someSteps(turned, other)];
      assert.deepEqual(tokenBatch(after, scratchTokenIds(turned)), tokenBatch(before, scratchTokenIds(setup)));
      const overlapIn = ({ heldOut: secrets, control, chosen }: Corpus) =>
        measureOverlap(secrets, control, new Map([['chosen', chosen.slice(0, 1_000)]]));
      assert.deepEqual(overlapIn(other), overlapIn(corpus));
    },
  ),
  property(
    'held-out-share',
    'The held-out share moves the border between held-out and useful, and nothing else.',
    (setup) => {
      const { negativeBatches, heldBatches } = setup.passwords;
      const moved = {
        ...setup,
        passwords: { ...setup.passwords, heldBatches: 1 + (heldBatches % (negativeBatches - 1)) },
      };
      const [corpus, other] = [corpusOf(setup), buildCorpus(moved)];
      for (const role of ROLES) assert.deepEqual(other[role], corpus[role], role);
      const [few, many] = [corpus.heldOut, other.heldOut].toSorted((a, b) => a.length - b.length);
      assert.deepEqual(many.slice(0, few.length), few);
      const pushed = (examples: Example[]) =>
        examples.filter(({ reward }) => reward !== 'imitated').map(({ password }) => password);
      assert.deepEqual(pushed(someSteps(moved, other)), pushed(someSteps(setup, corpus)));
    },
  ),
  property(
    'permuted',
    'Permuting the passwords of a role permutes them in the examples, which otherwise stay as they are.',
    (setup) => {
      const drawn = drawPasswords(setup);
      const source = stream(setup.seed, 'fuzz/permuted');
      const image = new Map<string, string>();
      const permuted = Object.fromEntries(
        ROLES.map((role) => {
          const order = source.permutation(drawn[role].length);
          const passwords = order.map((index) => drawn[role][index]);
          drawn[role].forEach((password, index) => image.set(password, passwords[index]));
          return [role, passwords];
        }),
      ) as unknown as Passwords;
      const before = someSteps(setup, corpusOf(setup)).map((example) => ({
        ...example,
        password: image.get(example.password),
      }));
      assert.deepEqual(someSteps(setup, arrangeCorpus(setup, permuted)), before);
    },
  ),
  property(
    'identity',
    'A setup survives JSON, is known by its content whatever the order of its fields, and not by its name.',
    (setup) => {
      assert.deepEqual(parseSetup(JSON.parse(JSON.stringify(setup))), setup);
      const backwards = JSON.parse(JSON.stringify(setup), (_, value) =>
        value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).reverse()) : value,
      );
      assert.equal(setupHash(backwards), setupHash(setup));
      assert.equal(setupHash({ ...setup, name: 'another' }), setupHash(setup));
      assert.notEqual(setupHash({ ...setup, seed: (setup.seed + 1) % 2 ** 32 }), setupHash(setup));
    },
  ),
];

export const DATA: PropertyKind = { name: 'data', size: 'any', space: 'any', properties: PROPERTIES };
