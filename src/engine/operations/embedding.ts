/** Rows of a table, looked up by token id. */
import { tf } from '../engine.ts';
import { hasLoops, registerLoop, runKernel } from '../loops.ts';

const KERNEL = 'NegativeKnowledge/Embedding';
const GRADIENT = 'NegativeKnowledge/EmbeddingGradient';

registerLoop<'ids' | 'table', object>({
  name: KERNEL,
  shapes: ({ ids, table }) => [[ids.shape[0], table.shape[1]]],
  run({ ids, table }, [y], _, { table: [, width] }) {
    for (let row = 0; row < ids.length; row++) {
      y.set(table.subarray(ids[row] * width, (ids[row] + 1) * width), row * width);
    }
  },
});

registerLoop<'dy' | 'ids', { vocabulary: number }>({
  name: GRADIENT,
  shapes: ({ dy }, { vocabulary }) => [[vocabulary, dy.shape[1]]],
  run({ dy, ids }, [dTable], _, { dy: [, width] }) {
    dTable.fill(0);
    for (let row = 0; row < ids.length; row++) {
      const target = ids[row] * width;
      for (let column = 0; column < width; column++) dTable[target + column] += dy[row * width + column];
    }
  },
});

tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['ids', 'table'],
  gradFunc: (dy, [ids, table]) => ({
    table: () => runKernel<tf.Tensor>(GRADIENT, { dy: dy as tf.Tensor, ids }, { vocabulary: table.shape[0] }),
  }),
});

/**
 * @param table `[vocabulary, width]`
 * @param ids `[rows]`, int32
 * @returns `[rows, width]`
 */
export function embedding(table: tf.Tensor, ids: tf.Tensor1D): tf.Tensor {
  return hasLoops() ? runKernel<tf.Tensor>(KERNEL, { ids, table }) : tf.gather(table, ids);
}
