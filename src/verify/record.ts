/** Works out again what one record says, from its setup alone: passwords, what training was given, overlaps, updates. */
import { isDeepStrictEqual } from 'node:util';
import { inWords, runProblems } from '../claims/validity.ts';
import { initialValues, type ModelSetup, parametersDigest } from '../model/specifications.ts';
import { buildCorpus, type CorpusSetup } from '../passwords/corpus.ts';
import { DRAWN, type PasswordDigests, passwordDigests } from '../passwords/digests.ts';
import { type LedgerSummary, openLedger } from '../passwords/ledger.ts';
import { measureOverlap, type Overlap, overlapBySpan } from '../passwords/overlap.ts';
import { PHASES } from '../passwords/roles.ts';
import { scratchTokenIds, type TokenIds, tokenBatch } from '../passwords/tokens.ts';
import { perLoss } from '../recipe/recipe.ts';
import type { StepsTaken } from '../recipe/updates.ts';
import { type FinishedRun, nameOf, overlapsOf, type RunRecord, stepsTaken } from '../records/record.ts';
import { remembering } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { heldOut as heldOutCount } from '../setup/sizes.ts';

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

/** The outcome of a comparison: it agrees, or differs for the reason that is given. */
export const compared = (check: Check, what: string, reason: string | undefined): Outcome =>
  reason === undefined ? { check, what, result: 'agrees' } : { check, what, result: 'differs', reason };

export const unknown = (check: Check, what: string, reason: string): Outcome => ({
  check,
  what,
  result: 'unknown',
  reason,
});

/** What training is given: the setup's draws, read through these token ids, up to the end of phase 3. */
interface Given extends CorpusSetup {
  readonly taken: StepsTaken;
  readonly letters: readonly (readonly [string, number])[];
  readonly prefixTokens: TokenIds['prefixes'];
  /** Version 2 counted what texts of every kind share together, and kept no digests. */
  readonly version2: boolean;
}

/** Phases as training data depend on them: on which losses have a weight, and neither on its size nor on what is trained. */
const asGiven = ({ pretrain, dpo, joint }: Setup['phases']): Setup['phases'] => ({
  pretrain,
  dpo: { ...dpo, trainable: 'all', stopAtHeldOutGuessRate: null },
  joint: { ...joint, weights: perLoss((loss) => Math.sign(joint.weights[loss])), stopAtUsefulGuessRate: null },
});

function given(run: FinishedRun, { letters, prefixes: prefixTokens }: TokenIds): Given {
  const { seed, passwords, batch, prefixes, objective, phases, evaluation } = run.setup;
  const drawn = { seed, passwords, batch, prefixes, objective, phases: asGiven(phases), evaluation };
  const version2 = run.schemaVersion < 3;
  return { ...drawn, taken: stepsTaken(run), letters: [...letters], prefixTokens, version2 };
}

interface Replayed {
  readonly ledger: LedgerSummary;
  readonly passwords?: PasswordDigests;
  readonly overlaps?: readonly Overlap[];
  /** By span, of version 2. */
  readonly together?: readonly Pick<Overlap, 'heldOut' | 'control'>[];
}

/** What a new ledger says that has seen everything that training is given, and what the texts have in common. */
function replay({ taken, letters, prefixTokens, version2, ...setup }: Given): Replayed {
  const corpus = buildCorpus(setup);
  const ids = { letters: new Map(letters), prefixes: prefixTokens };
  const ledger = openLedger(corpus, ids);
  for (const phase of PHASES) {
    for (let step = 0; step < taken[phase]; step++) {
      const examples = corpus.examples(phase, step);
      ledger.observe(phase, step, examples, tokenBatch(examples, ids));
    }
  }
  const { heldOut, control, useful, chosen, pretraining, jointRandom, jointRandomReverse } = corpus;
  const summary = ledger.summary();
  if (version2) {
    const texts = [...useful, ...chosen, ...pretraining, ...jointRandom, ...jointRandomReverse];
    return { ledger: summary, together: overlapBySpan('aligned', heldOut, control, texts) };
  }
  const overlaps = measureOverlap(heldOut, control, ledger.rewarded());
  return { ledger: summary, overlaps, passwords: passwordDigests(corpus) };
}

const initialDigest = (setup: ModelSetup & Pick<Setup, 'seed'>): string => parametersDigest(initialValues(setup));

/** What is worked out again. Runs of a study whose setups agree in what it depends on share it. */
export const sharedWork = () => ({ replay: remembering(replay), initialDigest: remembering(initialDigest) });

/** The parts of a ledger that do not depend on token ids. */
const RULES: readonly (keyof LedgerSummary)[] = [
  ...(['clean', 'sequences', 'heldOut', 'useful', 'standIns', 'heldOutRejections'] as const),
];

/** The keys that are not equal, or undefined where all are. */
const differing = <Key extends string>(keys: readonly Key[], equal: (key: Key) => boolean): string | undefined => {
  const others = keys.filter((key) => !equal(key));
  return others.length === 0 ? undefined : others.join(', ');
};

function overlapDifference(run: FinishedRun, { overlaps, together = [] }: Replayed): string | undefined {
  const recorded = overlapsOf(run);
  if (overlaps !== undefined) {
    const key = ({ text, way, span }: (typeof recorded)[number]) => `${text} ${way} ${span}`;
    const again = new Map(overlaps.map((overlap) => [key(overlap), overlap]));
    if (recorded.length !== again.size) return `${recorded.length} counts are recorded, and there are ${again.size}`;
    const other = recorded.find((overlap) => !isDeepStrictEqual(again.get(key(overlap)), overlap));
    if (other === undefined) return undefined;
    const found = again.get(key(other));
    return `${other.heldOut} held-out and ${other.control} control matches (${key(other)}) are recorded, and there are ${found?.heldOut ?? 'none'} and ${found?.control ?? 'none'}`;
  }
  // Version 2 kept means of four decimals.
  const { setup } = run;
  const near = (a: number, b: number, passwords: number) => Math.abs(a - b) <= 1e-4 * passwords;
  const other = recorded.find(
    ({ span, heldOut, control }) =>
      !near(heldOut, together[span - 1].heldOut, heldOutCount(setup)) ||
      !near(control, together[span - 1].control, setup.evaluation.random),
  );
  if (other === undefined) return undefined;
  const found = together[other.span - 1];
  return `${other.heldOut.toFixed(0)} held-out and ${other.control.toFixed(0)} control matches (${other.span} letters) are recorded, and there are ${found.heldOut} and ${found.control}`;
}

/**
 * Checks a record against what its setup gives.
 * @param tokens ids of letters and prefixes, or why they are not known here
 * @param shared with the other records of the study
 */
export function verifyRecord(
  run: RunRecord,
  tokens: TokenIds | { readonly unknown: string },
  shared = sharedWork(),
): Outcome[] {
  const what = nameOf(run);
  if (run.status === 'failed')
    return [unknown('numbers', what, `it failed (${run.error.message}); a failed run has no numbers`)];
  const outcomes: Outcome[] = [];
  const compare = (check: Check, reason: string | undefined) => outcomes.push(compared(check, what, reason));
  const leave = (check: Check, reason: string) => outcomes.push(unknown(check, what, reason));

  const problems = runProblems(run);
  compare('numbers', problems.length === 0 ? undefined : inWords(problems));
  const { digests, ledger, setup } = run;
  const known = !('unknown' in tokens);
  const again = shared.replay(given(run, known ? tokens : scratchTokenIds(setup)));
  if (digests === undefined) {
    for (const check of ['passwords', 'initial parameters', 'updates'] as const)
      leave(check, `a record of version ${run.schemaVersion} does not keep them`);
  } else {
    compare(
      'passwords',
      differing([...DRAWN, 'standIns'], (set) => again.passwords?.[set] === digests.passwords[set]),
    );
    if (setup.model.pretrained !== null) {
      leave('initial parameters', `they are those of ${setup.model.pretrained}, not drawn`);
    } else {
      const { seed, model, passwords } = setup;
      const began = shared.initialDigest({ seed, model, passwords }) === digests.initialParameters;
      compare('initial parameters', began ? undefined : 'their digest is another');
    }
    // Part of the numbers above, named by itself: it is what a run that was trained otherwise differs in.
    compare(
      'updates',
      problems.find((problem) => problem.startsWith('its updates')),
    );
  }
  const other = differing(known ? [...RULES, 'digest'] : RULES, (key) =>
    isDeepStrictEqual(again.ledger[key], ledger[key]),
  );
  compare('data', other === undefined ? undefined : `its ledger has another ${other}`);
  if (!known) leave('data', `the digest of its token ids: ${tokens.unknown}`);
  compare('overlap', overlapDifference(run, again));
  if (run.abridged !== undefined) leave('parameters', 'an archive keeps no models');
  return outcomes;
}
