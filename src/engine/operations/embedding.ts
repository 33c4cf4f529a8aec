/** Rows of a table, looked up by token id. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../engine.ts';
import { registerLoop, runKernel } from '../loops.ts';
import { nativeBackend, typeAttribute } from '../native/backend.ts';
import { EMBEDDING, EMBEDDING_GRADIENT } from '../webgpu/elementwise.ts';
import { groupsOf, inRows } from '../webgpu/shader.ts';

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
  gpu(run, { ids, table }, [y], _, { ids: [rows], table: [, width] }) {
    run(EMBEDDING, [ids, table], [y], { size: rows * width, width }, groupsOf(rows * width));
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
  gpu(run, { dy, ids }, [dTable], { vocabulary }, { dy: [rows, width] }) {
    run(EMBEDDING_GRADIENT, [dy, ids], [dTable], { vocabulary, rows, width }, inRows(vocabulary));
  },
});

// tf.gather would read the ids to check them, which a graph cannot; ids here come from our own tokens.
tf.registerKernel({
  kernelName: KERNEL,
  backendName: 'tensorflow',
  kernelFunc: ({ inputs }) => {
    const { ids, table } = inputs as Record<'ids' | 'table', TensorInfo>;
    const attributes = [
      typeAttribute('Tparams', 'TF_FLOAT'),
      typeAttribute('Tindices', 'TF_INT32'),
      typeAttribute('Taxis', 'TF_INT32'),
    ];
    const axis = tf.scalar(0, 'int32');
    const rows = nativeBackend().executeSingleOutput('GatherV2', attributes, [table, ids, axis]);
    axis.dispose();
    return rows;
  },
});
tf.registerKernel({
  kernelName: GRADIENT,
  backendName: 'tensorflow',
  kernelFunc: ({ inputs, attrs, backend }) => {
    const { dy, ids } = inputs as Record<'dy' | 'ids', TensorInfo>;
    const { vocabulary } = attrs as unknown as { vocabulary: number };
    const { kernelFunc: segmentSum } = tf.getKernel('UnsortedSegmentSum', 'tensorflow');
    return segmentSum({ inputs: { x: dy, segmentIds: ids }, attrs: { numSegments: vocabulary }, backend });
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
  return runKernel<tf.Tensor>(KERNEL, { ids, table });
}
