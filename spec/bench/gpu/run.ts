/** `npm run bench -- gpu`, or `npm run bench -- --engine webgpu`. Figures of a program that plays a GPU are not kept. */
import { EngineError } from '../../../src/engine/engine.ts';
import { saveSection } from '../report.ts';
import { measureGpu } from './measure.ts';
import { gpuOptions } from './options.ts';
import { gpuText } from './text.ts';

const { size, microBatch } = gpuOptions('npm run bench -- gpu');
try {
  const found = await measureGpu(size, microBatch, (line) => process.stderr.write(`${line}\n`));
  process.stdout.write(`${gpuText(found)}\n`);
  if (!found.gpu.software) {
    saveSection(`gpu-${size}`, `npm run bench -- gpu --size ${size} --micro-batch ${microBatch}`, found);
  }
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 2;
}
