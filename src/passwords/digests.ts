/** Digests of a run's passwords, role by role: runs of other seeds have others, and a reader draws them again. */
import { sha256Hex } from '../sha256.ts';
import type { Corpus } from './corpus.ts';

export const DRAWN = [
  'heldOut',
  'useful',
  'control',
  'chosen',
  'pretraining',
  'jointRandom',
  'jointRandomReverse',
] as const satisfies readonly (keyof Corpus)[];
export type PasswordDigests = Readonly<Record<(typeof DRAWN)[number], string>>;

/** SHA-256 of a set of passwords, whatever their order. */
export const passwordsDigest = (passwords: readonly string[]): string => sha256Hex([...passwords].sort().join('\n'));

/** The digest of each set. */
export const passwordDigests = (corpus: Pick<Corpus, (typeof DRAWN)[number]>): PasswordDigests =>
  Object.fromEntries(DRAWN.map((set) => [set, passwordsDigest(corpus[set])])) as PasswordDigests;
