/** Graphs as lists of kernel calls: what they call, and that they leave no memory behind. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import type { TensorFunction } from '../../src/engine/graphs.ts';
import { runKernel } from '../../src/engine/loops.ts';
import { RecordedGraphs } from '../../src/engine/recorded.ts';

const COUNTED = 'Spec/Counted';
let calls = 0;
let fails = false;

/** A kernel that counts its calls, and fails when it is told to. */
const counted = (x: tf.Tensor): tf.Tensor => runKernel(COUNTED, { x });

const memories = () => tf.backend().numDataIds();

beforeAll(async () => {
  await startEngine('wasm');
  tf.registerKernel({
    kernelName: COUNTED,
    backendName: 'wasm',
    kernelFunc: (given) => {
      calls += 1;
      if (fails) throw new Error('told to fail');
      return tf.getKernel('Square', 'wasm').kernelFunc(given);
    },
  });
});
afterAll(() => tf.unregisterKernel(COUNTED, 'wasm'));

/** Runs a function three times on inputs that change, and operation by operation. */
function expectSame(body: TensorFunction, shapes: number[][]): void {
  const graphs = new RecordedGraphs();
  const before = memories();
  for (let call = 0; call < 3; call++) {
    const inputs = shapes.map((shape) => tf.randomNormal(shape));
    const outputs = graphs.run('body', body, inputs);
    const expected = tf.tidy(() => body(...inputs));
    expect(outputs.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
    expect(outputs.map((tensor) => tensor.dataSync())).toEqual(expected.map((tensor) => tensor.dataSync()));
    tf.dispose([...inputs, ...outputs, ...expected]);
  }
  graphs.dispose();
  expect(memories()).toBe(before);
}

describe('a list of kernel calls', () => {
  it.each<[string, TensorFunction, number[][]]>([
    ['of kernels that share intermediate values', (a, b) => [tf.add(tf.mul(a, b), a), tf.mul(a, b)], [[2, 3], [3]]],
    ['of other shapes of the same memory', (a) => [tf.reshape(tf.square(tf.reshape(a, [6])), [3, 2])], [[2, 3]]],
    ['whose outputs are one tensor twice', (a) => [a, a].map((x) => tf.reshape(tf.square(x), [4])), [[2, 2]]],
    ['whose output is an input in another shape', (a) => [tf.reshape(a, [4]), tf.clone(a)], [[2, 2]]],
    ['whose outputs are constants', (a) => [tf.scalar(7), tf.add(a, tf.tensor1d([1, 2]))], [[2]]],
    ['of a kernel that takes a list', (a, b) => [tf.concat([a, b]), tf.addN([a, b, a])], [[2], [2]]],
    ['of a kernel with several outputs', (a) => Object.values(tf.topk(a, 2)), [[5]]],
    [
      'of gradients',
      (a, b) => tf.grads((x, y) => tf.sum(tf.softmax(tf.matMul(x as tf.Tensor2D, y as tf.Tensor2D))))([a, b]),
      [
        [2, 3],
        [3, 4],
      ],
    ],
  ])('%s computes the same, and leaves no memory', (_, body, shapes) => expectSame(body, shapes));

  it('leaves out kernels whose outputs nobody reads', () => {
    const graphs = new RecordedGraphs();
    const x = tf.tensor1d([1, 2]);
    const body = (a: tf.Tensor) => {
      counted(counted(a));
      return [counted(a)];
    };
    const made = [0, 1, 2].map(() => {
      calls = 0;
      const outputs = graphs.run('body', body, [x]);
      expect([...outputs[0].dataSync()]).toEqual([1, 4]);
      tf.dispose(outputs);
      return calls;
    });
    expect(made).toEqual([3, 1, 1]);
    graphs.dispose();
    x.dispose();
  });

  it('frees every tensor after its last reader, so that a long chain takes the room of two', () => {
    const graphs = new RecordedGraphs();
    const x = tf.tensor1d([1, 2]);
    const most: number[] = [];
    const body = (a: tf.Tensor) => {
      let y = a;
      for (let link = 0; link < 50; link++) y = counted(y);
      return [y];
    };
    tf.dispose(graphs.run('body', body, [x]));
    const { kernelFunc } = tf.getKernel('Square', 'wasm');
    tf.getKernel('Square', 'wasm').kernelFunc = (given) => {
      most.push(memories());
      return kernelFunc(given);
    };
    const before = memories();
    tf.dispose(graphs.run('body', body, [x]));
    tf.getKernel('Square', 'wasm').kernelFunc = kernelFunc;
    expect(most).toHaveLength(50);
    expect(Math.max(...most)).toBe(before + 1);
    graphs.dispose();
    x.dispose();
  });

  it('takes inputs that share their memory for as many inputs as there are', () => {
    const graphs = new RecordedGraphs();
    const [x, y] = [tf.tensor1d([1, 2]), tf.tensor1d([5, 7])];
    const difference = (a: tf.Tensor, b: tf.Tensor) => {
      const [output] = graphs.run('difference', (left, right) => [tf.sub(left, right)], [a, b]);
      const values = [...output.dataSync()];
      output.dispose();
      return values;
    };
    expect([difference(x, x), difference(y, x), difference(x, y), difference(y, y)]).toEqual([
      [0, 0],
      [4, 5],
      [-4, -5],
      [0, 0],
    ]);
    graphs.dispose();
    tf.dispose([x, y]);
  });

  it('frees what it has computed where a kernel fails, at the first call and later ones', () => {
    const graphs = new RecordedGraphs();
    const x = tf.tensor1d([1, 2]);
    const body = (a: tf.Tensor) => [tf.add(tf.square(a), counted(tf.mul(a, 2)))];
    const before = memories();
    for (const key of ['first', 'later', 'later']) {
      fails = key === 'first';
      if (fails) expect(() => graphs.run(key, body, [x])).toThrow('told to fail');
      else tf.dispose(graphs.run(key, body, [x]));
    }
    fails = true;
    expect(() => graphs.run('later', body, [x])).toThrow('told to fail');
    fails = false;
    const [output] = graphs.run('later', body, [x]);
    expect([...output.dataSync()]).toEqual([5, 20]);
    output.dispose();
    graphs.dispose();
    expect(memories()).toBe(before);
    x.dispose();
  });
});
