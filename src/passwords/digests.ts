/** Digests of a run's passwords, role by role. They differ from seed to seed, and anyone can draw the passwords again. */
import { sha256Hex } from '../sha256.ts';
import type { Corpus } from './corpus.ts';
import { FRESH_SETS, type FreshSet } from './roles.ts';

type Drawn = 'heldOut' | 'useful' | 'control' | 'chosen' | FreshSet;
export const DRAWN: readonly Drawn[] = ['heldOut', 'useful', 'control', 'chosen', ...FRESH_SETS];
/** Those of `standIns` where a setup has such. */
export type PasswordDigests = Readonly<Record<Drawn, string>> & { readonly standIns?: string };

/** SHA-256 of a set of passwords, whatever their order. */
export const passwordsDigest = (passwords: readonly string[]): string => sha256Hex([...passwords].sort().join('\n'));

/** The digest of each set. */
export const passwordDigests = (corpus: Pick<Corpus, (typeof DRAWN)[number] | 'standIns'>): PasswordDigests => ({
  ...(Object.fromEntries(DRAWN.map((set) => [set, passwordsDigest(corpus[set])])) as Record<Drawn, string>),
  ...(corpus.standIns.length > 0 ? { standIns: passwordsDigest(corpus.standIns) } : {}),
});
