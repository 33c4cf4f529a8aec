/** What is true of every engine. Whoever adds an engine applies them to it, and has no other spec to write first. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Engine, EngineError, startEngine, tf } from '../../../src/engine/engine.ts';
import { agreementProperties } from './agreement.ts';
import { attentionProperties } from './attention.ts';
import { geluProperties } from './gelu.ts';
import { graphProperties } from './graphs.ts';
import { operationProperties } from './operations.ts';
import { optimiserProperties } from './optimiser.ts';
import { passesProperties } from './passes.ts';
import { runProperties } from './runs.ts';

/** Starts the engine: other engines may have run since. */
export type Start = () => Promise<Engine>;

function readProperties(start: Start): void {
  /** The same numbers as integers: NaN differs from itself, and -0 equals 0. */
  const bits = (values: Float32Array): number[] => [...new Int32Array(values.slice().buffer)];

  it('gives back the very bits of what a tensor was made of', async () => {
    const engine = await start();
    const special = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** -149, 3.4e38];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(fc.float(), fc.constantFrom(...special)), { minLength: 1 }), async (given) => {
        const values = Float32Array.from(given);
        const tensor = tf.tensor(values, [given.length, 1]);
        const read = await engine.read(tensor);
        tensor.dispose();
        expect(bits(read)).toEqual(bits(values));
      }),
    );
  });

  it('gives back integers as integers', async () => {
    const engine = await start();
    const given = Int32Array.of(0, 1, -1, 2 ** 31 - 1, -(2 ** 31));
    const tensor = tf.tensor1d(given, 'int32');
    expect(await engine.read<'int32'>(tensor)).toEqual(given);
    tensor.dispose();
  });

  it('gives what was computed when it was asked, and leaves the tensor for further use', async () => {
    const engine = await start();
    const [a, b] = [tf.tensor1d([1, 2, 3]), tf.tensor1d([4, 5, 6])];
    const sum = tf.add(a, b);
    const before = tf.memory().numTensors;
    expect([...(await engine.read(sum))]).toEqual([5, 7, 9]);
    const twice = tf.add(sum, sum);
    expect([...(await engine.read(twice))]).toEqual([10, 14, 18]);
    expect([...(await engine.read(sum))]).toEqual([5, 7, 9]);
    twice.dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([a, b, sum]);
  });

  it('is refused once another engine runs, and goes on when this one runs again', async () => {
    const engine = await start();
    const x = tf.scalar(3);
    await startEngine(engine.name === 'cpu' ? 'wasm' : 'cpu');
    await expect(engine.read(x)).rejects.toThrow(EngineError);
    await expect(engine.read(x)).rejects.toThrow(`the engine ${engine.name} no longer runs`);
    await start();
    expect([...(await engine.read(x))]).toEqual([3]);
    x.dispose();
  });
}

export function engineProperties(start: Start): void {
  describe('a read', () => readProperties(start));
  describe('graphs', () => graphProperties(start));
  describe('values and gradients are those of the composed operation:', () => operationProperties(start));
  describe('GELU', () => geluProperties(start));
  describe('attention', () => attentionProperties(start));
  describe('as in plain JavaScript are', () => agreementProperties(start));
  describe('a step in passes', () => passesProperties(start));
  describe('an optimiser', () => optimiserProperties(start));
  describe('a run', () => runProperties(start));
}
