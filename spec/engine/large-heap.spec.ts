import { expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import { attention } from '../../src/engine/operations/attention.ts';
import { gelu } from '../../src/engine/operations/gelu.ts';
import { withScratch } from '../../src/engine/simd/kernels.ts';

interface Heap {
  wasm: { _malloc(bytes: number): number; _free(at: number): void };
}

it('kernels compute the same in WASM memory beyond 2 GiB, where places are negative numbers', async () => {
  await startEngine('wasm');
  const { wasm } = tf.backend() as unknown as Heap;
  const compute = () =>
    tf.tidy(() => {
      const x = tf.tensor(
        Float32Array.from({ length: 8 * 48 }, (_, index) => Math.sin(index)),
        [8, 48],
      );
      return [...attention(x, { time: 4, heads: 2, rotary: 4, rotaryBase: 100 }).dataSync(), ...gelu(x).dataSync()];
    });
  const below = compute();
  // Never touched, so that it takes no memory of the machine's.
  const ballast = [0, 1, 2].map(() => wasm._malloc(3 * 2 ** 28));
  // And every hole below, so that whatever is allocated now lies above.
  for (const size of [2 ** 20, 2 ** 16, 2 ** 12, 2 ** 8, 2 ** 5]) {
    do ballast.push(wasm._malloc(size));
    while (ballast[ballast.length - 1] >= 0);
  }
  try {
    withScratch(tf.backend(), 256, (place) => expect(place).toBeGreaterThan(2 ** 31));
    expect(compute()).toEqual(below);
  } finally {
    for (const at of ballast) wasm._free(at);
  }
});
