import { expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import { attention } from '../../src/engine/operations/attention.ts';
import { gelu } from '../../src/engine/operations/gelu.ts';
import { layerNorm } from '../../src/engine/operations/layer-norm.ts';
import { linear } from '../../src/engine/operations/linear.ts';
import { tokenLogProbability } from '../../src/engine/operations/token-log-probability.ts';
import { simdAdamw } from '../../src/engine/simd/adamw.ts';
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
      const labels = tf.tensor1d([0, 1, 2, 3, 4, 5, 6, 7], 'int32');
      // A layer of each kind, with the gradients of all, and an update by them.
      const network = (input: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor, weight: tf.Tensor) => {
        const mixed = attention(layerNorm(input, gain, bias, 1e-5), { time: 4, heads: 2, rotary: 4, rotaryBase: 100 });
        return tf.sum(tokenLogProbability(linear(gelu(mixed), weight), labels)) as tf.Scalar;
      };
      const weight = x.slice([0, 0], [8, 18]).reshape([16, 9]);
      const { value, grads } = tf.valueAndGrads(network)([x, tf.ones([48]), tf.zeros([48]), weight]);
      const moments = { first: new Float32Array(weight.size), second: new Float32Array(weight.size) };
      const numbers = { scale: 0.5, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, keep: 0.9, stepSize: 0.1, correction: 2 };
      const updated = simdAdamw.update(weight, grads[3], moments, numbers);
      return [
        [value, ...grads, updated].map((tensor) => tensor.dataSync()),
        moments,
        simdAdamw.squares(grads[0]),
        simdAdamw.squares(moments.first),
      ];
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
