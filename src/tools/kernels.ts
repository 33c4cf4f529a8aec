/** `node --import tsx src/tools/kernels.ts`: compiles kernels.assembly.ts to kernels.wasm. */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FLAGS = '-O3 --enable simd --enable bulk-memory --importMemory --runtime stub --noAssert';

/** Compiles the kernels, or another source of AssemblyScript, into a file. @throws Error with the compiler's output */
export function buildKernels(file: string, source = 'src/engine/simd/kernels.assembly.ts'): void {
  const { resolve } = createRequire(import.meta.url);
  const compiler = path.join(path.dirname(resolve('assemblyscript/package.json')), 'bin', 'asc.js');
  const args = [source, '-o', file, ...FLAGS.split(' ')];
  execFileSync(process.execPath, [compiler, ...args], { cwd: ROOT, stdio: 'pipe' });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) buildKernels('src/engine/simd/kernels.wasm');
