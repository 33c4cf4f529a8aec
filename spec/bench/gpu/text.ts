/** What `npm run bench -- gpu` found, in words. */
import { PHASES } from '../../../src/passwords/roles.ts';
import type { GpuBench } from './measure.ts';

/** A rate in TFLOP/s as people read it. */
const rateText = (rate: number): string =>
  rate >= 1 ? `${rate.toFixed(1)} TFLOP/s` : `${(1000 * rate).toFixed(1)} GFLOP/s`;

export function gpuText({ gpu, version, size, microBatch, batch, rates, best, passes, hoursOfARun }: GpuBench): string {
  const steps = Math.ceil(batch / microBatch);
  return [
    `${gpu.name}${gpu.software ? ' (a program that plays a GPU: its figures say nothing about any GPU)' : ''}, TensorFlow.js ${version.split(' ')[0]}`,
    '',
    "matrices        ours              TensorFlow.js's",
    ...rates.map(
      ({ side, ours, theirs }) => `${`${side} x ${side}`.padEnd(15)} ${rateText(ours).padEnd(17)} ${rateText(theirs)}`,
    ),
    '',
    `${size}, ${microBatch} sequences of each kind in a pass, ${steps} ${steps === 1 ? 'pass' : 'passes'} a step`,
    'phase      ms a pass   seconds a step   rate              of the best',
    ...PHASES.map((phase) => {
      const { milliseconds, rate, share } = passes[phase];
      const step = ((steps * milliseconds) / 1000).toPrecision(3);
      return `${phase.padEnd(10)} ${milliseconds.toFixed(1).padEnd(11)} ${step.padEnd(16)} ${rateText(rate).padEnd(17)} ${(100 * share).toFixed(0)}%`;
    }),
    '',
    `best rate ${rateText(best)}; a whole run of the paper takes ${hoursOfARun < 100 ? hoursOfARun.toPrecision(2) : Math.round(hoursOfARun)} hours`,
  ].join('\n');
}
