/** The entry of the folder that `npm run bench:pack` makes: the same measurement, on a machine that has nothing but Node. */
import { writeFileSync } from 'node:fs';
import { EngineError } from '../../../src/engine/engine.ts';
import { measureGpu } from './measure.ts';
import { gpuOptions } from './options.ts';
import { gpuText } from './text.ts';

const FILE = 'gpu.json';

const { size, microBatch } = gpuOptions('node bench.mjs');
try {
  const found = await measureGpu(size, microBatch, (line) => process.stderr.write(`${line}\n`));
  writeFileSync(FILE, `${JSON.stringify(found, null, 2)}\n`);
  process.stdout.write(`${gpuText(found)}\nwritten to ${FILE}\n`);
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 2;
}
