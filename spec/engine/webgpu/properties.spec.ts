/** The engine `webgpu` has every property of an engine, and computes wide products in large tiles as it does small ones. */
import { describe, expect, it } from 'vitest';
import { startEngine, tf, WORTH_A_GPU } from '../../../src/engine/engine.ts';
import { linear } from '../../../src/engine/operations/linear.ts';
import { unembeddedLogProbability } from '../../../src/engine/operations/unembedding.ts';
import { webgpuBackend } from '../../../src/engine/webgpu/backend.ts';
import { PHASES } from '../../../src/passwords/roles.ts';
import { stream } from '../../../src/random/streams.ts';
import { trainToEnd } from '../../../src/training/trainer.ts';
import { NO_GPU } from '../../helpers/gpu.ts';
import { valuesFrom } from '../../helpers/reading.ts';
import { tinySetup } from '../../helpers/setups.ts';
import { expectRecordedTrajectory } from '../../helpers/trajectory.ts';
import { engineProperties } from '../properties/engine.ts';

const start = () => startEngine('webgpu');

/** Buffers of numbers that were made since the file was read: before the first device is opened. */
let uniforms = 0;
if (NO_GPU === null) {
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    if (descriptor.usage & GPUBufferUsage.UNIFORM) uniforms += 1;
    return createBuffer.call(this, descriptor);
  };
}

describe.skipIf(NO_GPU !== null)('the engine webgpu', () => {
  engineProperties(start);

  it('is not chosen by itself for narrow models, nor where a program plays the GPU', async () => {
    const { gpu } = await start();
    expect((await startEngine('', WORTH_A_GPU - 1)).name).not.toBe('webgpu');
    expect((await startEngine('', WORTH_A_GPU)).name === 'webgpu').toBe(gpu?.software === false);
  });

  it('trains as was recorded', async () => expectRecordedTrajectory(await start()));

  // A tile is 64 wide, or 128 where both sides are 512 or more; rows are read four numbers at a time where they can be.
  it.each([
    { rows: 65, from: 17, to: 63 },
    { rows: 128, from: 64, to: 128 },
    { rows: 130, from: 36, to: 66 },
    { rows: 512, from: 24, to: 512 },
    { rows: 519, from: 33, to: 515 },
    { rows: 516, from: 520, to: 516 },
  ])('a layer of $rows rows from $from to $to numbers has the values and gradients of plain JavaScript', async (size) => {
    const { rows, from, to } = size;
    const draws = stream(3, 'product');
    const drawn = (count: number) => Float32Array.from({ length: count }, () => draws.normal(1));
    const [x, weight, bias, slope] = [rows * from, from * to, to, rows * to].map(drawn);
    const computed = async (name: 'cpu' | 'webgpu') =>
      valuesFrom(await startEngine(name), () => {
        const tensors = [tf.tensor2d(x, [rows, from]), tf.tensor2d(weight, [from, to]), tf.tensor1d(bias)];
        const dy = tf.tensor2d(slope, [rows, to]);
        const loss = (...[a, w, b]: tf.Tensor[]) => tf.sum(tf.mul(linear(a, w, b), dy)) as tf.Scalar;
        return [linear(tensors[0], tensors[1], tensors[2]), ...tf.valueAndGrads(loss)(tensors).grads];
      });
    const [expected, actual] = [await computed('cpu'), await computed('webgpu')];
    const terms = [from, to, rows, rows];
    expected.forEach((exact, which) => {
      // n additions round partial sums that grow with the root of their number: an error of about 4e-8 n, and ten times
      // that for the worst of all entries.
      const most = 4e-7 * terms[which];
      const worst = exact.reduce((sum, value, index) => Math.max(sum, Math.abs(value - actual[which][index])), 0);
      expect(worst, `array ${which}`).toBeLessThan(most);
    });
  });

  // 2 rows of logits at once and fewer are parts of four tokens; the last part may be of fewer.
  it.each([
    { rows: 5, width: 8, vocabulary: 23, atOnce: 20 },
    { rows: 9, width: 12, vocabulary: 32, atOnce: 120 },
    { rows: 130, width: 16, vocabulary: 300, atOnce: 130 * 128 },
  ])('log-probabilities of $vocabulary tokens in parts are those of all at once', async (size) => {
    const { rows, width, vocabulary, atOnce } = size;
    const draws = stream(4, 'unembedding');
    const drawn = (count: number) => Float32Array.from({ length: count }, () => draws.normal(1));
    const [x, table, slope] = [rows * width, width * vocabulary, rows].map(drawn);
    const labels = Int32Array.from({ length: rows }, () => draws.below(vocabulary));
    const computed = async (name: 'cpu' | 'webgpu', most: number) =>
      valuesFrom(await startEngine(name), () => {
        const next = tf.tensor1d(labels, 'int32');
        const tensors = [tf.tensor2d(x, [rows, width]), tf.tensor2d(table, [width, vocabulary])];
        const of = (...[a, b]: tf.Tensor[]) => unembeddedLogProbability(a, b, next, most);
        const loss = (...given: tf.Tensor[]) => tf.sum(tf.mul(of(...given), tf.tensor1d(slope))) as tf.Scalar;
        return [of(...tensors), ...tf.valueAndGrads(loss)(tensors).grads];
      });
    const [expected, actual] = [await computed('cpu', atOnce), await computed('webgpu', atOnce)];
    expected.forEach((exact, which) => {
      const scale = Math.max(1, ...exact.map(Math.abs));
      const worst = exact.reduce((sum, value, index) => Math.max(sum, Math.abs(value - actual[which][index])), 0);
      expect(worst, `array ${which}`).toBeLessThan(2e-6 * scale); // some tens of roundings
    });
  });

  const setup = tinySetup();

  it('repeats a run to the last bit, makes no more buffers of numbers for it, and leaves no buffer in use', async () => {
    const engine = await start();
    const settled = async () => {
      await valuesFrom(engine, () => [tf.add(1, 1)]); // what was let go of is free once all before it was submitted
      await valuesFrom(engine, () => [tf.add(1, 1)]);
      const { bufferManager } = webgpuBackend() as unknown as { bufferManager: { getNumUsedBuffers(): number } };
      return bufferManager.getNumUsedBuffers();
    };
    const first = await trainToEnd(setup, { engine });
    const before = await settled();
    const tensors = tf.memory().numTensors;
    const numbers = uniforms;
    const second = await trainToEnd(setup, { engine });
    expect(second).toEqual(first);
    expect(uniforms).toBe(numbers);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(await settled()).toBe(before);
  });

  it('takes a step of four layers in fewer than 200 dispatches', async () => {
    const engine = await start();
    const deep = tinySetup((draft) => {
      draft.model.layers = 4; // as `pocket` has; neither width nor batch add any
      for (const phase of PHASES) draft.phases[phase].steps = 3;
    });
    const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
    let dispatches = 0;
    GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...groups) {
      dispatches += 1;
      return dispatchWorkgroups.apply(this, groups);
    };
    try {
      const counts: number[] = [];
      await trainToEnd(deep, { engine }, (event) => {
        if (event.kind !== 'step') return;
        if (event.progress.evaluation === null) counts.push(dispatches);
        dispatches = 0;
      });
      expect(counts.length).toBeGreaterThan(2);
      expect(Math.max(...counts)).toBeLessThan(200);
      expect(Math.min(...counts)).toBeGreaterThan(50);
    } finally {
      GPUComputePassEncoder.prototype.dispatchWorkgroups = dispatchWorkgroups;
    }
  });
});
