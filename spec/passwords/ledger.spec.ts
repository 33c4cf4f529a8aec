import { describe, expect, it } from 'vitest';
import { buildCorpus } from '../../src/passwords/corpus.ts';
import { batchGiven, LedgerError, openLedger } from '../../src/passwords/ledger.ts';
import { type Example, PHASES, type Phase } from '../../src/passwords/roles.ts';
import { scratchTokenIds, tokenBatch } from '../../src/passwords/tokens.ts';
import { tinySetup } from '../helpers/setups.ts';

const setup = tinySetup();
const corpus = buildCorpus(setup);
const ids = scratchTokenIds(setup);
const [secret] = corpus.heldOut;
const [useful] = corpus.useful;

type Step = [Phase, number, Example[]];
const steps: Step[] = PHASES.flatMap((phase) =>
  Array.from({ length: setup.phases[phase].steps }, (_, step): Step => [phase, step, corpus.examples(phase, step)]),
);

/** A ledger that has seen `given`. */
function ledgerOf(given: Step[]) {
  const ledger = openLedger(corpus, ids);
  for (const [phase, step, examples] of given) ledger.observe(phase, step, examples, tokenBatch(examples, ids));
  return ledger;
}

describe('the ledger of a right run', () => {
  const summary = ledgerOf(steps).summary();

  it('is clean, and counts every sequence under its reward', () => {
    const count = (is: (example: Example) => boolean) => steps.flatMap(([, , examples]) => examples).filter(is).length;
    expect(summary.clean).toBe(true);
    for (const reward of ['chosen', 'rejected', 'imitated'] as const) {
      expect(summary.sequences[reward]).toBe(count((example) => example.reward === reward));
      expect(summary.heldOut[reward]).toBe(
        count((example) => example.reward === reward && example.role === 'held-out'),
      );
      expect(summary.useful[reward]).toBe(count((example) => example.reward === reward && example.role === 'useful'));
    }
    expect(summary.heldOut.rejected).toBeGreaterThan(0);
    expect(summary.useful.imitated).toBeGreaterThan(0);
  });

  it('knows the fewest and most rejections of one held-out password', () => {
    const rejections = corpus.heldOut.map(
      (password) =>
        steps.flatMap(([, , examples]) => examples).filter((example) => example.password === password).length,
    );
    expect(summary.heldOutRejections).toEqual({ fewest: Math.min(...rejections), most: Math.max(...rejections) });
  });

  it('goes on after an interruption anywhere to the same summary', () => {
    for (const at of [0, 1, 5, steps.length - 1]) {
      const saved = JSON.parse(JSON.stringify(ledgerOf(steps.slice(0, at)).state()));
      const resumed = openLedger(corpus, ids, saved);
      for (const [phase, step, examples] of steps.slice(at))
        resumed.observe(phase, step, examples, tokenBatch(examples, ids));
      expect(resumed.summary()).toEqual(summary);
    }
  });

  it('knows the distinct texts of each role that were chosen or imitated, also after an interruption', () => {
    const texts = new Map<string, Set<string>>();
    for (const { role, reward, password } of steps.flatMap(([, , examples]) => examples))
      if (reward !== 'rejected') texts.set(role, (texts.get(role) ?? new Set()).add(password));
    const expected = [...texts].map(([role, passwords]) => [role, [...passwords]]);
    expect(expected.map(([role]) => role)).toEqual(['pretraining', 'chosen', 'useful', 'joint-random']);
    expect([...ledgerOf(steps).rewarded()]).toEqual(expected);
    const resumed = openLedger(corpus, ids, JSON.parse(JSON.stringify(ledgerOf(steps.slice(0, 7)).state())));
    for (const [phase, step, examples] of steps.slice(7))
      resumed.observe(phase, step, examples, tokenBatch(examples, ids));
    expect([...resumed.rewarded()]).toEqual(expected);
  });

  it('begins with nothing, and keeps its digest where nothing changes', () => {
    expect(openLedger(corpus, ids).state()).toMatchObject({
      digest: '',
      sequences: { chosen: 0, rejected: 0, imitated: 0 },
    });
    // Of a fixed setup it is a fixed number, on every machine.
    expect(summary.digest).toBe('0fbb338bfcfe07656041b13c69da1b5fda9ab651fb6aeffe4f738749e65716e4');
  });

  it('has another digest when the order, a reward or a token is another', () => {
    const swapped = [steps[1], steps[0], ...steps.slice(2)];
    const [phase, step, examples] = steps[0];
    const relabelled: Step = [phase, step, examples.map((example) => ({ ...example, reward: 'rejected' }))];
    const changed: Step = [
      phase,
      step,
      examples.map((example, row) => (row === 0 ? { ...example, password: 'aaaa' } : example)),
    ];
    const digests = [steps, swapped, [relabelled, ...steps.slice(1)], [changed, ...steps.slice(1)]].map(
      (given) => ledgerOf(given).summary().digest,
    );
    expect(new Set(digests).size).toBe(4);
  });
});

describe('the ledger stops a run', () => {
  const [example] = corpus.examples('joint', 0);
  const give =
    (examples: Example[], given = examples) =>
    () =>
      openLedger(corpus, ids).observe('joint', 17, examples, tokenBatch(given, ids));

  it.each([
    'imitated',
    'chosen',
  ] as const)('in which a held-out password is %s, naming password, phase, step and role', (reward) => {
    const slipped: Example = { password: secret, role: 'useful', prefix: 'reverse', reward };
    expect(give([slipped])).toThrow(LedgerError);
    expect(give([slipped])).toThrow(
      `the held-out password "${secret}" was given as ${reward} (role useful) in phase joint, step 17`,
    );
  });

  it('in which the tokens are not what their label says, even where the label looks innocent', () => {
    const innocent: Example = { ...example, password: 'zzzz', reward: 'imitated' };
    expect(give([innocent], [{ ...innocent, password: secret }]), 'tokens unlike their label').toThrow(LedgerError);
    // Neither of the two is a negative: nothing but their difference is wrong.
    const other = { ...innocent, role: 'joint-random' as const, prefix: 'regular' as const };
    expect(give([other], [{ ...other, password: 'yyyy' }]), 'tokens unlike their label').toThrow(
      /"regular yyyy" was given as "regular zzzz"/,
    );
  });

  it('in which the prefix is not what the label says', () => {
    expect(give([example], [{ ...example, prefix: 'reverse' }])).toThrow(/was given as "regular/);
  });

  it('in which sequences and labels differ in number', () => {
    expect(give([example], [example, example])).toThrow(/2 sequences were given under 1 labels/);
  });

  it.each<[Example['role'], string, string]>([
    ['joint-random', useful, 'it is a useful negative'],
    ['held-out', useful, 'it is a useful negative'],
    ['useful', corpus.control[0], 'it is no negative password'],
    ['held-out', corpus.control[0], 'it is no negative password'],
    ['useful', secret, 'it is a held-out negative'],
    ['chosen', secret, 'it is a held-out negative'],
  ])('in which the role %s is given to "%s", where %s', (role, password, why) => {
    expect(give([{ password, role, prefix: 'regular', reward: 'rejected' }])).toThrow(
      `the password "${password}" was given in the role ${role} in phase joint, step 17; ${why}`,
    );
  });

  it('and says of a run in which a held-out password was rewarded that it is not clean', () => {
    for (const reward of ['chosen', 'imitated'] as const) {
      const ledger = openLedger(corpus, ids);
      const slipped: Example = { password: secret, role: 'held-out', prefix: 'regular', reward };
      expect(() => ledger.observe('joint', 0, [slipped], tokenBatch([slipped], ids))).toThrow(LedgerError);
      expect(ledger.summary().clean, 'a ledger that saw a held-out password rewarded').toBe(false);
      expect(ledger.summary()).toMatchObject({ clean: false, heldOut: { [reward]: 1 } });
    }
  });

  it('under the name of its error', () => {
    expect(new LedgerError('').name).toBe('LedgerError');
  });

  it('but not one in which a held-out password is rejected', () => {
    expect(give([{ password: secret, role: 'held-out', prefix: 'regular', reward: 'rejected' }])).not.toThrow();
  });
});

describe('the batch that a step’s tensors hold', () => {
  it('is every sequence of inputs and labels, whole', () => {
    const { tokens, rows, length } = batchGiven([26, 0, 1, 27, 2, 3], [0, 1, 2, 2, 3, 4], 3);
    expect({ tokens: [...tokens], rows, length }).toEqual({ tokens: [26, 0, 1, 2, 27, 2, 3, 4], rows: 2, length: 4 });
  });

  it('is refused where labels are not the tokens that come next', () => {
    expect(() => batchGiven([26, 0, 1], [0, 2, 2], 3), 'labels of another text').toThrow(LedgerError);
    expect(() => batchGiven([26, 0, 1], [0, 2, 2], 3)).toThrow(
      /sequence 0 is to predict token 2 where token 1 comes next/,
    );
  });
});

describe.each([
  'held-out',
  'useful',
] as const)('the ledger of a run with passwords in the place of the %s ones', (place) => {
  const control = tinySetup(({ passwords }) => Object.assign(passwords, { standIns: place }));
  const placed = buildCorpus(control);
  const given = PHASES.flatMap((phase) =>
    Array.from({ length: control.phases[phase].steps }, (_, step): Step => [phase, step, placed.examples(phase, step)]),
  );
  const observe = (ledger: ReturnType<typeof openLedger>, all: Step[]) => {
    for (const [phase, step, examples] of all) ledger.observe(phase, step, examples, tokenBatch(examples, ids));
    return ledger;
  };

  it('counts them by reward, and not those whose place they take', () => {
    const { clean, standIns, heldOut, useful: known } = observe(openLedger(placed, ids), given).summary();
    const all = given.flatMap(([, , examples]) => examples);
    const count = (role: string, reward: string) =>
      all.filter((example) => example.role === role && example.reward === reward).length;
    for (const reward of ['chosen', 'rejected', 'imitated'] as const)
      expect(standIns?.[reward]).toBe(count('stand-in', reward));
    expect(clean).toBe(true);
    expect([heldOut.rejected > 0, known.imitated > 0]).toEqual(place === 'held-out' ? [false, true] : [true, false]);
    expect([standIns!.rejected > 0, standIns!.imitated > 0]).toEqual(
      place === 'held-out' ? [true, false] : [false, true],
    );
  });

  it('goes on after an interruption to the same summary', () => {
    const saved = JSON.parse(JSON.stringify(observe(openLedger(placed, ids), given.slice(0, 9)).state()));
    const resumed = observe(openLedger(placed, ids, saved), given.slice(9));
    expect(resumed.summary()).toEqual(observe(openLedger(placed, ids), given).summary());
  });

  it('stops where one is given in another role', () => {
    const at = given.findIndex(([, , examples]) => examples.some(({ role }) => role === 'stand-in'));
    const [phase, step, examples] = given[at];
    const wrong = examples.map((example) =>
      example.role === 'stand-in' ? { ...example, role: 'joint-random' as const } : example,
    );
    expect(() => observe(openLedger(placed, ids), [[phase, step, wrong]])).toThrow(
      /was given in the role joint-random .*it is a password in the place of another/,
    );
  });
});

it('a ledger without such passwords says nothing of them', () => {
  expect(Object.keys(ledgerOf(steps).summary())).not.toContain('standIns');
});
