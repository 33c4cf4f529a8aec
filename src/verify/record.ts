/** Works out again what one record says, from its setup alone: passwords, what training was given, overlaps, updates. */
import { inWords, runProblems } from '../claims/validity.ts';
import { initialValues, parametersDigest } from '../model/specifications.ts';
import { buildCorpus, type Corpus } from '../passwords/corpus.ts';
import { DRAWN, passwordDigests } from '../passwords/digests.ts';
import { type LedgerSummary, openLedger } from '../passwords/ledger.ts';
import { measureOverlap, overlapBySpan } from '../passwords/overlap.ts';
import { PHASES } from '../passwords/roles.ts';
import { scratchTokenIds, type TokenIds, tokenBatch } from '../passwords/tokens.ts';
import { type FinishedRun, jointSteps, nameOf, overlapsOf, type RunRecord } from '../records/record.ts';

/** What is worked out again, in the order of a report. */
export const CHECKS = {
  numbers: 'they agree with the setup and with each other',
  passwords: 'they are those that the seed draws',
  data: 'training was given what the setup gives',
  overlap: 'what rewarded text shares with held-out passwords',
  'initial parameters': 'they are those that the seed draws',
  updates: 'learning rates, weights, settings are the setup’s',
  parameters: 'a kept model’s digest, and its scores',
  independence: 'different seeds are different runs of one setup',
  verdicts: 'those beside the records follow from them',
  retrained: 'a run trained again ends as recorded',
} as const;
export type Check = keyof typeof CHECKS;

/** What became of one check of one run. */
export interface Outcome {
  readonly check: Check;
  /** The run, or what else was checked. */
  readonly what: string;
  /** `differs`: what is recorded is not what comes out; `unknown`: it could not be checked. */
  readonly result: 'agrees' | 'differs' | 'unknown';
  /** How it differs, or why it could not be checked. */
  readonly reason?: string;
}

/** Everything that training is given, taken through a new ledger. */
function replay(run: FinishedRun, corpus: Corpus, ids: TokenIds) {
  const ledger = openLedger(corpus, ids);
  for (const phase of PHASES) {
    const steps = phase === 'joint' ? jointSteps(run) : run.setup.phases[phase].steps;
    for (let step = 0; step < steps; step++) {
      const examples = corpus.examples(phase, step);
      ledger.observe(phase, step, examples, tokenBatch(examples, ids));
    }
  }
  return ledger;
}

const RULES: readonly (keyof LedgerSummary)[] = [
  'clean',
  'sequences',
  'heldOut',
  'useful',
  'heldOutRejections',
  'digest',
];

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Keys in one order, so that equal objects give equal text. */
const sorted = (value: object): object =>
  Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));

const differing = <Key extends string>(keys: readonly Key[], equal: (key: Key) => boolean): string | undefined => {
  const others = keys.filter((key) => !equal(key));
  return others.length === 0 ? undefined : others.join(', ');
};

function overlapDifference(run: FinishedRun, corpus: Corpus, ledger: ReturnType<typeof replay>): string | undefined {
  const recorded = overlapsOf(run);
  if (run.schemaVersion === 3) {
    const again = measureOverlap(corpus.heldOut, corpus.control, ledger.rewarded());
    const key = ({ text, way, span }: (typeof recorded)[number]) => `${text} ${way} ${span}`;
    const counts = new Map(again.map((overlap) => [key(overlap), overlap]));
    const other = recorded.find((overlap) => {
      const found = counts.get(key(overlap));
      return found === undefined || !same(sorted(found), sorted(overlap));
    });
    if (recorded.length !== again.length)
      return `${recorded.length} counts are recorded, and there are ${again.length}`;
    if (other === undefined) return undefined;
    const found = counts.get(key(other));
    return `${other.heldOut} held-out and ${other.control} control matches (${key(other)}) are recorded, and there are ${found?.heldOut ?? 'none'} and ${found?.control ?? 'none'}`;
  }
  // Version 2 counted every drawn text, of every kind together, and kept means of four decimals.
  const { useful, chosen, pretraining, jointRandom, jointRandomReverse } = corpus;
  const texts = [...useful, ...chosen, ...pretraining, ...jointRandom, ...jointRandomReverse];
  const again = overlapBySpan('aligned', corpus.heldOut, corpus.control, texts);
  const near = (a: number, b: number, passwords: number) => Math.abs(a - b) <= 1e-4 * passwords;
  const other = recorded.find(
    ({ span, heldOut, control }) =>
      !near(heldOut, again[span - 1].heldOut, corpus.heldOut.length) ||
      !near(control, again[span - 1].control, corpus.control.length),
  );
  return other === undefined
    ? undefined
    : `${other.heldOut.toFixed(0)} matches of ${other.span} letters are recorded for held-out passwords, and there are ${again[other.span - 1].heldOut}`;
}

/**
 * Checks a record against what its setup gives.
 * @param tokens ids of letters and prefixes, or why they are not known here
 */
export function verifyRecord(run: RunRecord, tokens: TokenIds | { readonly unknown: string }): Outcome[] {
  const what = nameOf(run);
  if (run.status === 'failed') {
    return [
      {
        check: 'numbers',
        what,
        result: 'unknown',
        reason: `it failed (${run.error.message}); a failed run has no numbers`,
      },
    ];
  }
  const outcome = (check: Check, reason: string | undefined): Outcome =>
    reason === undefined ? { check, what, result: 'agrees' } : { check, what, result: 'differs', reason };
  const unknown = (check: Check, reason: string): Outcome => ({ check, what, result: 'unknown', reason });

  const problems = runProblems(run);
  const outcomes = [outcome('numbers', problems.length === 0 ? undefined : inWords(problems))];
  const corpus = buildCorpus(run.setup);
  const { digests, ledger, setup } = run;
  const older = `a record of version ${run.schemaVersion} does not keep them`;
  if (digests === undefined) {
    for (const check of ['passwords', 'initial parameters', 'updates'] as const) outcomes.push(unknown(check, older));
  } else {
    const drawn = passwordDigests(corpus);
    outcomes.push(
      outcome(
        'passwords',
        differing(DRAWN, (set) => drawn[set] === digests.passwords[set]),
      ),
    );
    if (setup.model.pretrained !== null) {
      outcomes.push(unknown('initial parameters', `they are those of ${setup.model.pretrained}, not drawn`));
    } else {
      const began = parametersDigest(initialValues(setup)) === digests.initialParameters;
      outcomes.push(outcome('initial parameters', began ? undefined : 'their digest is another'));
    }
    // Part of the numbers above; named by itself, because it is what a run trained otherwise differs in.
    const updates = problems.find((problem) => problem.startsWith('its updates'));
    outcomes.push(outcome('updates', updates));
  }
  const ids = 'unknown' in tokens ? scratchTokenIds(setup) : tokens;
  const again = replay(run, corpus, ids);
  const summary = again.summary();
  const keys = 'unknown' in tokens ? RULES.filter((key) => key !== 'digest') : RULES;
  const other = differing(keys, (key) =>
    typeof summary[key] === 'object'
      ? same(sorted(summary[key] as object), sorted(ledger[key] as object))
      : summary[key] === ledger[key],
  );
  outcomes.push(outcome('data', other === undefined ? undefined : `its ledger has another ${other}`));
  if ('unknown' in tokens) outcomes.push(unknown('data', `the digest of its token ids: ${tokens.unknown}`));
  outcomes.push(outcome('overlap', overlapDifference(run, corpus, again)));
  if (run.abridged !== undefined) outcomes.push(unknown('parameters', 'an archive keeps no models'));
  return outcomes;
}
