/** What a GPU refuses, or loses, is an error that says where: never zeros that look like results. */
import { afterEach, describe, expect, it } from 'vitest';
import { type Engine, EngineError, startEngine, tf } from '../../../src/engine/engine.ts';
import { webgpuBackend } from '../../../src/engine/webgpu/backend.ts';
import { DeviceError } from '../../../src/engine/webgpu/failures.ts';
import { eachElement, runsShaders } from '../../../src/engine/webgpu/shader.ts';
import { Session } from '../../../src/training/session.ts';
import { NO_GPU } from '../../helpers/gpu.ts';
import { tinySetup } from '../../helpers/setups.ts';

describe.skipIf(NO_GPU !== null)('on the engine webgpu', () => {
  let made: tf.Tensor[] = [];
  afterEach(() => {
    tf.dispose(made);
    made = [];
  });
  const start = () => startEngine('webgpu');

  /** Reads what `compute` gives, for the error. */
  async function faultOf(engine: Engine, compute: () => tf.Tensor): Promise<DeviceError> {
    const result = tf.tidy(compute);
    made.push(result);
    const error = await engine.read(result).then(
      (values) => new Error(`it was read: ${[...values].slice(0, 5)}`),
      (reason: Error) => reason,
    );
    expect(error).toBeInstanceOf(DeviceError);
    expect(error).toBeInstanceOf(EngineError);
    return error as DeviceError;
  }

  /** Doubles numbers, with a mistake in its text. */
  const doubling = (body: string, more: object = {}) =>
    eachElement({ numbers: {}, inputs: { x: 'f32' }, outputs: { y: 'f32' }, body, ...more });

  function called(shader: ReturnType<typeof doubling>, groups: [number, number] = [1, 1]): tf.Tensor {
    const backend = webgpuBackend();
    const [x, y] = [tf.tensor1d([1, 2, 3]), backend.makeTensorInfo([3], 'float32')];
    const result = tf.engine().makeTensorFromTensorInfo(y);
    backend.failures.within('Doubling', () => runsShaders(backend)(shader, [x], [y], { size: 3 }, groups));
    return result;
  }

  const CASES: [what: string, operation: RegExp, compute: () => tf.Tensor][] = [
    ['a program that does not compile', /Doubling/, () => called(doubling('y[i] = 2 * nothing;'))],
    [
      'a program that needs more memory of a workgroup than there is',
      /Doubling/,
      () => called(doubling('all[i] = x[i]; y[i] = all[i];', { before: 'var<workgroup> all: array<f32, 9000000>;' })),
    ],
    ['a program whose buffers are not those that it wants', /Doubling/, () => called(doubling('y[i] = 2.0;'))],
    [
      'a kernel of TensorFlow.js that the GPU refuses',
      /PadV2/,
      () => tf.pad(tf.ones([2, 2, 2, 2, 2]), Array(5).fill([1, 1])),
    ],
    [
      'a sum of more tensors than a program can be given',
      /AddN/,
      () => tf.addN(Array.from({ length: 40 }, (_, index) => tf.tensor1d([index, 1]))),
    ],
    [
      'a tensor larger than any buffer',
      /Fill/,
      () => tf.fill([2 ** 15, 2 ** 17], 1), // 16 GiB
    ],
  ];

  it.each(CASES)('%s is an error of the next read that names it', async (_, operation, compute) => {
    const error = await faultOf(await start(), compute);
    expect(error.message).toMatch(/^the GPU failed: /);
    expect(error.message).toMatch(operation);
  });

  it('the first fault stays the reason, and nothing is read after it', async () => {
    const engine = await start();
    const good = tf.tensor1d([1, 2, 3]);
    made.push(good);
    const { message } = await faultOf(engine, () => called(doubling('y[i] = 3 * nothing;')));
    await faultOf(engine, () => tf.add(good, 1)).then((later) => expect(later.message).toBe(message));
    expect((await faultOf(engine, () => tf.pad(tf.ones([2, 2, 2, 2, 2]), Array(5).fill([1, 1])))).message).toBe(
      message,
    );
  });

  it('more workgroups than a GPU takes are refused at once', async () => {
    await start();
    expect(() => tf.tidy(() => called(doubling('y[i] = 4.0 * x[i];'), [65_536, 1]))).toThrow(DeviceError);
  });

  it('a lost device is an error, also of what was computed before', async () => {
    const engine = await start();
    const sum = tf.tidy(() => tf.add(tf.tensor1d([1, 2]), 1));
    made.push(sum);
    webgpuBackend().device.destroy();
    await expect(engine.read(sum)).rejects.toThrow(/^the GPU failed: the device was lost \(destroyed\)/);
  });

  it('the engine starts anew after a fault, on a device of its own', async () => {
    await faultOf(await start(), () => called(doubling('y[i] = 5 * nothing;')));
    const engine = await start();
    const y = tf.tidy(() => called(doubling('y[i] = 2.0 * x[i];')));
    made.push(y);
    expect([...(await engine.read(y))]).toEqual([2, 4, 6]);
  });

  it.each([
    ['refuses an operation', () => void tf.tidy(() => called(doubling('y[i] = 6 * nothing;')).shape), /Doubling/],
    ['is lost', () => webgpuBackend().device.destroy(), /the device was lost/],
  ])('training with a GPU that %s ends with an error that names the step', async (_, fail, reason) => {
    const engine = await start();
    const session = new Session(tinySetup(), { engine, reference: () => [-10] });
    await session.begin('dpo');
    for (const step of [0, 1]) await session.step(step);
    fail();
    const error = await session.step(2).catch((thrown: Error) => thrown);
    expect(error).toBeInstanceOf(DeviceError);
    expect((error as Error).message).toMatch(reason);
    expect((error as Error).message).toMatch(/, in phase dpo, step 2$/);
  });
});
