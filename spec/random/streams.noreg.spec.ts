/**
 * Not a claim that these values are right, only that they are what they were: recorded runs and shrunk counterexamples
 * name a seed, and mean nothing once the streams draw something else. Change them only with every recording.
 */
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';

const recorded = () => stream(0, 'passwords/negatives');

describe('the stream of seed 0 and name "passwords/negatives" still draws', () => {
  /*
   * The only values here with a source other than our own program, xoroshiro128+ as its authors define it
   * (https://prng.di.unimi.it/xoroshiro128plus.c, a = 24, b = 16, c = 37; low half of each output), in Python:
   *
   *   w = struct.unpack('<4I', hashlib.sha256(b'0/passwords/negatives').digest()[:16])
   *   s0, s1, out, M = w[0] << 32 | w[1], w[2] << 32 | w[3], [], 2**64 - 1
   *   for _ in range(8):
   *       out.append(s0 + s1 & 2**32 - 1)
   *       s1 ^= s0; s0 = (s0 << 24 | s0 >> 40) & M ^ s1 ^ s1 << 16 & M; s1 = (s1 << 37 | s1 >> 27) & M
   *   print([(out[i] & 2**26 - 1) / 2**26 + (out[i + 1] & 2**27 - 1) / 2**53 for i in range(0, 8, 2)])
   */
  it('the same uniform numbers, which are those of an independent xoroshiro128+', () => {
    const { uniform } = recorded();
    expect(Array.from({ length: 4 }, uniform)).toEqual([
      0.6283539536224199, 0.031073173750815974, 0.3156493923788165, 0.24854614002175812,
    ]);
  });

  it('the same whole numbers below 26', () => {
    const source = recorded();
    expect(Array.from({ length: 12 }, () => source.below(26))).toEqual([16, 18, 13, 13, 4, 19, 9, 14, 1, 18, 3, 12]);
  });

  it('the same normal numbers', () => {
    const source = recorded();
    expect(Array.from({ length: 4 }, () => source.normal(1))).toEqual([
      -0.3230058436199584, 0.08841267923054527, -1.108458969698576, -0.8126543955410561,
    ]);
  });

  it('the same permutation of 10', () => {
    expect(recorded().permutation(10)).toEqual([7, 5, 8, 4, 3, 9, 1, 2, 0, 6]);
  });
});
