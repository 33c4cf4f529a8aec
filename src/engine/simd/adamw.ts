/** AdamW in SIMD on the memory of the WASM backend. */
import type { KernelBackend, TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../engine.ts';
import type { StreamedAdamw } from '../streamed.ts';
import { numbersAt, place, pointer, simdKernels, withScratch } from './kernels.ts';

/** Numbers that go through the backend's memory at once: few enough for the nearest cache but one. */
const PIECE = 4096;

interface WasmBackend extends KernelBackend {
  makeOutput(shape: number[], dtype: 'float32'): TensorInfo;
}

const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Calls `body` with every piece of `size` numbers. */
function pieces(size: number, body: (start: number, length: number) => void): void {
  for (let start = 0; start < size; start += PIECE) body(start, Math.min(PIECE, size - start));
}

export const simdAdamw: StreamedAdamw = {
  squares(gradient) {
    const backend = tf.backend();
    const kernels = simdKernels(backend);
    if (gradient instanceof tf.Tensor) return kernels.squares(pointer(backend, gradient), gradient.size);
    let sum = 0;
    withScratch(backend, PIECE, (scratch) =>
      pieces(gradient.length, (start, length) => {
        place(backend, gradient.subarray(start, start + length), scratch);
        sum += kernels.squares(scratch, length);
      }),
    );
    return sum;
  },

  update(parameter, gradient, { first, second }, numbers) {
    const backend = tf.backend() as WasmBackend;
    const kernels = simdKernels(backend);
    const updated = backend.makeOutput(parameter.shape, 'float32');
    const { scale, beta1, beta2, epsilon, keep, stepSize, correction } = numbers;
    withScratch(backend, 3 * PIECE, (scratch) => {
      const outside = [first, second, ...(gradient instanceof tf.Tensor ? [] : [gradient])];
      const [m, v, g] = [0, 1, 2].map((which) => scratch + which * PIECE * FLOAT_BYTES);
      pieces(parameter.size, (start, length) => {
        const within = (tensor: TensorInfo) => pointer(backend, tensor) + start * FLOAT_BYTES;
        outside.forEach((array, which) =>
          place(backend, array.subarray(start, start + length), scratch + which * PIECE * FLOAT_BYTES),
        );
        kernels.adamw(
          within(parameter),
          gradient instanceof tf.Tensor ? within(gradient) : g,
          m,
          v,
          within(updated),
          length,
          scale,
          beta1,
          beta2,
          epsilon,
          keep,
          stepSize,
          correction,
        );
        first.set(numbersAt(backend, m, length), start);
        second.set(numbersAt(backend, v, length), start);
      });
    });
    return tf.engine().makeTensorFromTensorInfo(updated);
  },
};
