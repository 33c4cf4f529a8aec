import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { buildCorpus } from '../../src/passwords/corpus.ts';
import { DRAWN, passwordDigests, passwordsDigest } from '../../src/passwords/digests.ts';
import { tinySetup } from '../helpers/setups.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('the digest of a set of passwords', () => {
  it('is the SHA-256 of its passwords in alphabetical order, a line each', () => {
    expect(passwordsDigest(['b', 'ca', 'a'])).toBe(sha256('a\nb\nca'));
  });

  it('does not depend on their order, and leaves it as it is', () => {
    const given = ['b', 'a'];
    expect(passwordsDigest(given)).toBe(passwordsDigest(['a', 'b']));
    expect(given).toEqual(['b', 'a']);
  });
});

it('a run has a digest of each set that it draws, and runs of other seeds have others', () => {
  const setup = tinySetup(({ phases }) => Object.assign(phases.joint.weights, { randomReverse: 0.5 }));
  const corpus = buildCorpus(setup);
  const digests = passwordDigests(corpus);
  const sets = ['heldOut', 'useful', 'control', 'chosen', 'pretraining', 'jointRandom', 'jointRandomReverse'] as const;
  expect([...DRAWN]).toEqual([...sets]);
  for (const set of sets) expect(digests[set], set).toBe(sha256([...corpus[set]].sort().join('\n')));
  const other = passwordDigests(buildCorpus({ ...setup, seed: setup.seed + 1 }));
  for (const set of sets) expect(other[set], set).not.toBe(digests[set]);
});
