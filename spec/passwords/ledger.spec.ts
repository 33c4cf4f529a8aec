import { describe, expect, it } from 'vitest';
import { buildCorpus } from '../../src/passwords/corpus.ts';
import { LedgerError, openLedger } from '../../src/passwords/ledger.ts';
import type { Example, Phase } from '../../src/passwords/roles.ts';
import { scratchTokenIds, tokenBatch } from '../../src/passwords/tokens.ts';
import { PHASES } from '../../src/training/trainer.ts';
import { tinySetup } from '../helpers/setups.ts';

const setup = tinySetup();
const corpus = buildCorpus(setup);
const ids = scratchTokenIds(setup);
const [secret] = corpus.heldOut;

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
    expect(give([innocent], [{ ...innocent, password: secret }])).toThrow(LedgerError);
  });

  it('in which the prefix is not what the label says', () => {
    expect(give([example], [{ ...example, prefix: 'reverse' }])).toThrow(/was given as "regular/);
  });

  it('in which sequences and labels differ in number', () => {
    expect(give([example], [example, example])).toThrow(/2 sequences were given under 1 labels/);
  });

  it('but not one in which a held-out password is rejected', () => {
    expect(give([{ password: secret, role: 'held-out', prefix: 'regular', reward: 'rejected' }])).not.toThrow();
  });
});
