/** What is true of the data of every setup. Nothing is trained. */
import assert from 'node:assert/strict';
import { arrangeCorpus, buildCorpus, type Corpus, drawPasswords, type Passwords } from '../passwords/corpus.ts';
import { openLedger } from '../passwords/ledger.ts';
import { measureOverlap } from '../passwords/overlap.ts';
import { type Example, PHASES } from '../passwords/roles.ts';
import { scratchTokenIds, tokenBatch } from '../passwords/tokens.ts';
import { stream } from '../random/streams.ts';
import { prefixOf } from '../recipe/recipe.ts';
import { setupHash } from '../setup/hash.ts';
import { parseSetup, type Setup } from '../setup/schema.ts';
import { distinctPasswordsNeeded, heldOut, pairs, useful } from '../setup/sizes.ts';
import {
  givesChosen,
  ofSetup,
  type PropertyKind,
  propertyOf,
  relabel,
  relabelled,
  type SetupProperty,
  sequencesAfter,
} from './property.ts';

const ROLES = [
  'negatives',
  'standIns',
  'chosen',
  'pretraining',
  'jointRandom',
  'jointRandomReverse',
  'control',
] as const;

/** Steps of each phase that the ledger is shown. */
const LEDGER_STEPS = 100;

const corpusOf = ofSetup(buildCorpus);

/** Everything that a corpus gives to the optimiser, in order. */
const walk = ofSetup((setup) =>
  PHASES.flatMap((phase) =>
    Array.from({ length: setup.phases[phase].steps }, (_, step) => ({
      phase,
      step,
      examples: corpusOf(setup).examples(phase, step),
    })),
  ),
);
type Step = ReturnType<typeof walk>[number];

const at = ({ phase, step }: Step): string => `in phase ${phase}, step ${step}`;

const passwordsOf = (examples: readonly Example[]): string[] => examples.map(({ password }) => password);

const imitated = (setup: Setup, role: Example['role']): string[] =>
  walk(setup).flatMap(({ examples }) =>
    passwordsOf(examples.filter((example) => example.role === role && example.reward === 'imitated')),
  );

/** Three steps of each phase, to compare setups that differ by one thing. */
function someSteps(setup: Setup, corpus: Corpus): Example[] {
  const source = stream(setup.seed, 'fuzz/steps');
  return PHASES.flatMap((phase) => {
    const { steps } = setup.phases[phase];
    return steps === 0 ? [] : [0, 1, 2].flatMap(() => corpus.examples(phase, source.below(steps)));
  });
}

const property = propertyOf('data');

const PROPERTIES: readonly SetupProperty[] = [
  property('held-out-rejected', 'A held-out password only ever occurs as the rejected side of a pair.', (setup) => {
    const secrets = new Set(corpusOf(setup).heldOut);
    for (const step of walk(setup)) {
      for (const { password, reward, role } of step.examples) {
        assert.equal(role === 'held-out', secrets.has(password), `"${password}" is ${role} ${at(step)}`);
        if (role === 'held-out') assert.equal(reward, 'rejected', `"${password}" ${at(step)}`);
      }
    }
  }),
  property('distinct', 'All passwords are distinct over all roles, and fit the alphabet and the length.', (setup) => {
    const corpus = corpusOf(setup);
    const all = ROLES.flatMap((role) => corpus[role]);
    assert.equal(new Set(all).size, all.length);
    assert.equal(all.length, distinctPasswordsNeeded(setup));
    const { alphabet, length } = setup.passwords;
    const form = new RegExp(`^[${alphabet}]{${length}}$`);
    for (const password of all) assert.match(password, form);
    assert.deepEqual([...corpus.heldOut, ...corpus.useful], corpus.negatives);
    assert.deepEqual([corpus.heldOut.length, corpus.useful.length], [heldOut(setup), useful(setup)]);
  }),
  property('pairs', 'A pass over the pairs takes each pair once, with the negative that belongs to it.', (setup) => {
    if (!givesChosen(setup)) return;
    const { chosen, negatives, standIns } = corpusOf(setup);
    const replaced = setup.passwords.standIns === 'held-out' ? heldOut(setup) : 0;
    const rejected = negatives.map((negative, index) => (index < replaced ? standIns[index] : negative));
    const place = new Map(chosen.map((password, index) => [password, index]));
    for (const phase of ['dpo', 'joint'] as const) {
      const compared = walk(setup)
        .filter((step) => step.phase === phase)
        .flatMap(({ examples }) => {
          const winners = passwordsOf(examples.filter(({ reward }) => reward === 'chosen'));
          const losers = passwordsOf(examples.filter(({ reward }) => reward === 'rejected'));
          return losers.map((loser, row) => [winners[row], loser] as const);
        });
      for (let start = 0; start < compared.length; start += pairs(setup)) {
        const pass = compared.slice(start, start + pairs(setup));
        const distinct = new Set(pass.map(([winner]) => winner));
        assert.equal(distinct.size, pass.length, `a pair came twice in a pass of ${phase}`);
        for (const [winner, loser] of pass) {
          assert.equal(loser, rejected[(place.get(winner) as number) % rejected.length], `the pair of "${winner}"`);
        }
      }
    }
  }),
  property(
    'objective',
    'Whatever pushes negatives away, the same passwords are rejected and imitated, in the same order.',
    (setup) => {
      const other = parseSetup({ ...setup, objective: givesChosen(setup) ? 'npo' : 'dpo', margin: 0 });
      const unchosen = (examples: Example[]) => examples.filter(({ reward }) => reward !== 'chosen');
      assert.deepEqual(unchosen(someSteps(other, buildCorpus(other))), unchosen(someSteps(setup, corpusOf(setup))));
    },
  ),
  property(
    'prefixes',
    'What phase 3 imitates under `reverse` follows it, and all else follows `regular`; without prefixes, nothing does.',
    (setup) => {
      for (const step of walk(setup)) {
        for (const { prefix, role, reward } of step.examples) {
          const taught = role === 'useful' || role === 'stand-in';
          const flipped =
            role === 'joint-random-reverse' || (step.phase === 'joint' && taught && reward === 'imitated');
          assert.equal(prefix, prefixOf(setup, flipped ? 'reverse' : 'regular'), `${role}, ${reward} ${at(step)}`);
        }
      }
    },
  ),
  property('packing', 'A step packs one batch of each kind whose weight is not 0, kind by kind.', (setup) => {
    const { dpo, useful: reversed, random, randomReverse } = setup.phases.joint.weights;
    const taught = setup.passwords.standIns === 'useful' ? 'stand-in' : 'useful';
    const pushed = givesChosen(setup) ? ['pair/chosen', 'pair/rejected'] : ['pair/rejected'];
    const kinds = {
      pretrain: ['pretraining/imitated'],
      dpo: pushed,
      joint: [
        ...(dpo > 0 ? pushed : []),
        ...(reversed > 0 ? [`${taught}/imitated`] : []),
        ...(random > 0 ? ['joint-random/imitated'] : []),
        ...(randomReverse > 0 ? ['joint-random-reverse/imitated'] : []),
      ],
    };
    for (const step of walk(setup)) {
      const packed = step.examples.map(({ role, reward }) => `${reward === 'imitated' ? role : 'pair'}/${reward}`);
      const expected = kinds[step.phase].flatMap((kind) => Array(setup.batch).fill(kind));
      assert.deepEqual(packed, expected, at(step));
    }
  }),
  property(
    'stand-ins',
    'A password in the place of others is given as they would be, and they are not given so any more.',
    (setup) => {
      const { standIns } = corpusOf(setup);
      const mode = setup.passwords.standIns;
      const places = new Set(standIns);
      assert.equal(standIns.length, { none: 0, 'held-out': heldOut(setup), useful: useful(setup) }[mode]);
      for (const step of walk(setup)) {
        for (const { password, role, reward } of step.examples) {
          assert.equal(role === 'stand-in', places.has(password), `"${password}" is ${role} ${at(step)}`);
          if (role === 'stand-in') assert.equal(reward, mode === 'useful' ? 'imitated' : 'rejected', at(step));
          if (mode === 'held-out') assert.notEqual(role, 'held-out', `"${password}" ${at(step)}`);
          if (mode === 'useful' && role === 'useful') assert.equal(reward, 'rejected', `"${password}" ${at(step)}`);
        }
      }
    },
  ),
  property('fresh-text', 'Random text is used once, in the order of drawing, and control passwords never.', (setup) => {
    const { pretraining, jointRandom, jointRandomReverse, control } = corpusOf(setup);
    const { weights } = setup.phases.joint;
    assert.deepEqual(imitated(setup, 'pretraining'), pretraining);
    assert.deepEqual(imitated(setup, 'joint-random'), weights.random > 0 ? jointRandom : []);
    assert.deepEqual(imitated(setup, 'joint-random-reverse'), jointRandomReverse);
    const unseen = new Set(control);
    for (const step of walk(setup)) {
      for (const { password } of step.examples) assert.ok(!unseen.has(password), `control "${password}" ${at(step)}`);
    }
  }),
  property('ledger', 'The ledger passes the data, and counts as many sequences as arithmetic does.', (setup) => {
    const ids = scratchTokenIds(setup);
    const ledger = openLedger(corpusOf(setup), ids);
    // The ledger hashes every token: the first steps of long phases will do.
    for (const { phase, step, examples } of walk(setup).filter((each) => each.step < LEDGER_STEPS)) {
      ledger.observe(phase, step, examples, tokenBatch(examples, ids));
    }
    const [pretrain, dpo, joint] = PHASES.map((phase) => Math.min(setup.phases[phase].steps, LEDGER_STEPS));
    const { clean, sequences } = ledger.summary();
    assert.equal(clean, true);
    assert.deepEqual(sequences, sequencesAfter(setup, { pretrain, dpo, joint }));
  }),
  property('repeatable', 'An equal setup has equal data, and another seed other data.', (setup) => {
    const again = buildCorpus(structuredClone(setup));
    assert.deepEqual(someSteps(setup, again), someSteps(setup, corpusOf(setup)));
    for (const role of ROLES) assert.deepEqual(again[role], corpusOf(setup)[role]);
    const other = drawPasswords({ ...setup, seed: (setup.seed + 1) % 2 ** 32 });
    // In a small or nearly full space two seeds may draw the same passwords.
    if (setup.passwords.alphabet.length ** setup.passwords.length > 1e6) {
      assert.notDeepEqual(other.negatives, corpusOf(setup).negatives);
    }
  }),
  property(
    'relabelled',
    'Exchanging letters exchanges them everywhere, and no token or statistic changes.',
    (setup) => {
      const turned = relabelled(setup);
      const [corpus, other] = [corpusOf(setup), buildCorpus(turned)];
      for (const role of ROLES) {
        const expected = corpus[role].map((password) => relabel(setup, password));
        assert.deepEqual(other[role], expected, role);
      }
      const [before, after] = [someSteps(setup, corpus), someSteps(turned, other)];
      assert.deepEqual(tokenBatch(after, scratchTokenIds(turned)), tokenBatch(before, scratchTokenIds(setup)));
      const overlapIn = ({ heldOut: secrets, control, chosen }: Corpus) =>
        measureOverlap(secrets, control, new Map([['chosen', chosen.slice(0, 1_000)]]));
      assert.deepEqual(overlapIn(other), overlapIn(corpus));
    },
  ),
  property('held-out-share', 'The held-out share moves only the border between held-out and useful.', (setup) => {
    const { negativeBatches, heldBatches } = setup.passwords;
    const passwords = { ...setup.passwords, heldBatches: 1 + (heldBatches % (negativeBatches - 1)) };
    // As many take the place of others as those are, which a share changes.
    const plain = { ...setup, passwords: { ...setup.passwords, standIns: 'none' } } as const;
    const moved = { ...plain, passwords: { ...passwords, standIns: 'none' } } as const;
    const [corpus, other] = [buildCorpus(plain), buildCorpus(moved)];
    for (const role of ROLES) assert.deepEqual(other[role], corpus[role], role);
    const [few, many] = [corpus.heldOut, other.heldOut].toSorted((a, b) => a.length - b.length);
    assert.deepEqual(many.slice(0, few.length), few);
    const pushed = (examples: Example[]) => passwordsOf(examples.filter(({ reward }) => reward !== 'imitated'));
    assert.deepEqual(pushed(someSteps(moved, other)), pushed(someSteps(plain, corpus)));
  }),
  property('permuted', 'Permuting the passwords of a role permutes them in the examples, and no more.', (setup) => {
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
  }),
  property('identity', 'A setup survives JSON; its hash ignores its name and the order of its fields.', (setup) => {
    assert.deepEqual(parseSetup(JSON.parse(JSON.stringify(setup))), setup);
    const backwards = JSON.parse(JSON.stringify(setup), (_, value) =>
      value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).reverse()) : value,
    );
    assert.equal(setupHash(backwards), setupHash(setup));
    assert.equal(setupHash({ ...setup, name: 'another' }), setupHash(setup));
    assert.notEqual(setupHash({ ...setup, seed: (setup.seed + 1) % 2 ** 32 }), setupHash(setup));
  }),
];

export const DATA: PropertyKind = { name: 'data', size: 'any', properties: PROPERTIES };
