/**
 * The engine `webgpu` computes what transformers and torch did. Three of the models are trained: a parallel residual, a sequential
 * one, and a Llama. Where a program plays the GPU, a step takes a second.
 */
import { describe } from 'vitest';
import { NO_GPU } from '../../helpers/gpu.ts';
import { parityProperties } from '../../model/parity.ts';

describe.skipIf(NO_GPU !== null)('transformers and torch', () =>
  parityProperties(['webgpu'], ['half', 'sequential', 'llama-grouped']),
);
