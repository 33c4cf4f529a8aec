/** TensorFlow.js as one module, for the package and for pages. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The same functions and gradients of TensorFlow.js as in its package @tensorflow/tfjs, without what else is in that. Node
 * cannot load the gradients as they lie in @tensorflow/tfjs-core.
 */
export const TFJS = `
  export * from '@tensorflow/tfjs-core';
  import ${JSON.stringify(path.join(ROOT, 'node_modules/@tensorflow/tfjs-core/dist/register_all_gradients.js'))};
  import '@tensorflow/tfjs-backend-cpu';
  import '@tensorflow/tfjs-backend-wasm';`;
