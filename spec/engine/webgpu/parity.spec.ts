/** The engine `webgpu` computes what transformers and torch did. */
import { describe } from 'vitest';
import { NO_GPU } from '../../helpers/gpu.ts';
import { parityProperties } from '../../model/parity.ts';

describe.skipIf(NO_GPU !== null)('transformers and torch', () => parityProperties(['webgpu']));
