/**
 * TensorFlow.js with its gradients and its backends `cpu` and `wasm`. In the package the build puts the same functions
 * here in one file (src/tools/build.ts): as an npm package they come with 200 MB of layers, converters and WebGL.
 */
export * from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
