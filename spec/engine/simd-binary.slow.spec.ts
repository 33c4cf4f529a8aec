import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { buildKernels } from '../../src/tools/kernels.ts';
import { temporaryFolder } from '../helpers/folder.ts';

it('the committed SIMD binary is what its source compiles to', () => {
  const built = path.join(temporaryFolder(), 'kernels.wasm');
  buildKernels(built);
  const committed = fileURLToPath(new URL('../../src/engine/simd/kernels.wasm', import.meta.url));
  const same = readFileSync(built).equals(readFileSync(committed));
  expect(same, 'run node --import tsx src/tools/kernels.ts and commit the result').toBe(true);
});
