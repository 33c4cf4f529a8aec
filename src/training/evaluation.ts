/** What training measures of the model on its way: evaluations every so many steps, snapshots at the ends of phases. */
import { mean } from 'simple-statistics';
import { guessRates, half, logLikelihoods, type Measures, measure, type Scores } from '../measure/measures.ts';
import { type Calibrated, calibrate } from '../measure/temperature.ts';
import { parameterNorm } from '../model/parameters.ts';
import type { Corpus } from '../passwords/corpus.ts';
import type { Phase, Prefix, SetName } from '../passwords/roles.ts';
import type { Setup } from '../setup/schema.ts';
import { lens, letterLogits, type Reader, score } from './scoring.ts';

/** Something of each set of passwords. */
type PerSet<Value> = Record<SetName, Value>;

const perSet = <Value>(of: (set: SetName) => Value): PerSet<Value> => ({
  heldOut: of('heldOut'),
  useful: of('useful'),
  random: of('random'),
});

/** One set after the other: an engine computes one thing at a time. */
const forEachSet = async <Value>(of: (set: SetName) => Promise<Value>): Promise<PerSet<Value>> => ({
  heldOut: await of('heldOut'),
  useful: await of('useful'),
  random: await of('random'),
});

/** Measures of each set after `step` steps of a phase; the halves are its passwords at even and at odd places. */
export interface Evaluation {
  phase: Phase;
  step: number;
  /** L2 norm of all parameters together. */
  parameterNorm: number;
  sets: PerSet<Measures & { halves: [Measures, Measures] }>;
}

/** The letter-by-letter scores of every scored password after one prefix, after `step` steps of a phase. */
export interface Scored {
  phase: Phase;
  step: number;
  prefix: Prefix;
  sets: PerSet<Scores & { passwords: string[] }>;
}

/** Scores that the record keeps, with what is only looked at there. */
export interface Snapshot extends Scored {
  sets: PerSet<Scores & { passwords: string[]; lens: LayerMeasures[]; calibrated: Calibrated }>;
}

/** What the residual stream after one layer says of a set of passwords; the embedding is layer 0. */
export interface LayerMeasures {
  logLikelihood: number;
  guessRate: number;
}

/** The passwords that are scored: the first so many held-out ones and of those that phase 3 teaches, and the control passwords. */
export const scoredPasswords = ({ evaluation }: Setup, corpus: Corpus): PerSet<readonly string[]> => ({
  heldOut: corpus.heldOut.slice(0, evaluation.heldOut),
  useful: corpus.taught.slice(0, evaluation.useful),
  random: corpus.control,
});

/** Scores every set of passwords after a prefix. */
export const scoreSets = (
  reader: Reader,
  passwords: PerSet<readonly string[]>,
  prefix: Prefix,
): Promise<Scored['sets']> =>
  forEachSet(async (set) => ({ passwords: [...passwords[set]], ...(await score(reader, passwords[set], prefix)) }));

/** Measures what was scored, and the model that scored it. @param letters in the alphabet */
export async function evaluate(reader: Reader, { phase, step, sets }: Scored, letters: number): Promise<Evaluation> {
  const measured = (scores: Scores) => {
    // A set of one password has an empty half; its whole stands in, so that nothing is undefined.
    const halfOf = (which: 0 | 1) => measure(scores.ranks.length > 1 ? half(scores, which) : scores, letters);
    return { ...measure(scores, letters), halves: [halfOf(0), halfOf(1)] as [Measures, Measures] };
  };
  return { phase, step, parameterNorm: await parameterNorm(reader), sets: perSet((set) => measured(sets[set])) };
}

/** Adds to scores what only the ends of phases are looked at for. */
export async function examine(reader: Reader, scored: Scored, alphabet: string): Promise<Snapshot> {
  const { prefix } = scored;
  const sets = await forEachSet(async (set) => {
    const ofSet = scored.sets[set];
    const { passwords } = ofSet;
    const places = ofSet.logProbabilities[0].length;
    // Without a prefix the first letter is not predicted.
    const truth = passwords.map((password) => [...password].slice(-places).map((letter) => alphabet.indexOf(letter)));
    return {
      ...ofSet,
      lens: (await lens(reader, passwords, prefix)).map((layer) => ({
        logLikelihood: mean(logLikelihoods(layer)),
        guessRate: mean(guessRates(layer, alphabet.length)),
      })),
      calibrated: calibrate({ logits: await letterLogits(reader, passwords, prefix), truth }),
    };
  });
  return { ...scored, sets };
}
