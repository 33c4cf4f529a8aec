import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, startEngine, tf } from '../../src/engine/engine.ts';
import { ENGINES_HERE } from '../helpers/engines.ts';

describe.runIf(ENGINES_HERE.includes('native'))('a graph on native', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine('native');
  });

  it('refuses a tensor that is no input, and a function that reads values', () => {
    const graphs = engine.newGraphs();
    const [x, outside] = [tf.scalar(1), tf.scalar(2)];
    outside.dataSync();
    tf.add(outside, 1).dispose(); // uploads it
    expect(() => graphs.run('outside', (value) => [tf.add(value, outside)], [x])).toThrow('make it an input');
    expect(() => graphs.run('reads', (value) => [tf.scalar(tf.add(value, 1).dataSync()[0])], [x])).toThrow(
      'cannot read the values',
    );
    expect(tf.add(x, outside).dataSync()[0]).toBe(3); // and leaves the engine as it was
    graphs.dispose();
  });
});
