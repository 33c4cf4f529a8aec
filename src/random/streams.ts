/**
 * Named random streams: every draw of a run comes from a stream that says what it is for, so that a change to one part
 * of a setup moves no draw of another part.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { shuffler } from 'd3-array';
import { randomNormal } from 'd3-random';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** A seeded source of draws; each call moves it on. */
export interface Stream {
  /** A whole number in `[0, bound)`. */
  below(bound: number): number;
  /** A number in `[0, 1)`, a multiple of 2^-53. */
  uniform(): number;
  /** A draw from N(0, deviation^2). */
  normal(deviation: number): number;
  /** The numbers 0..size-1 in random order (Fisher-Yates). */
  permutation(size: number): number[];
}

/**
 * The stream called `name` under `seed`. Equal arguments give equal draws; streams of different names are independent:
 * their 128-bit states are SHA-256 of seed and name.
 */
export function stream(seed: number, name: string): Stream {
  const digest = sha256(utf8ToBytes(`${seed}/${name}`));
  const words = new DataView(digest.buffer, digest.byteOffset);
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => words.getInt32(offset, true)));
  const uniform = () => uniformFloat64(generator);
  const standardNormal = randomNormal.source(uniform)(0, 1);
  const shuffle = shuffler(uniform);
  return {
    below: (bound) => uniformInt(generator, 0, bound - 1),
    uniform,
    normal: (deviation) => deviation * standardNormal(),
    permutation: (size) => shuffle(Array.from({ length: size }, (_, index) => index)),
  };
}
