import os from 'node:os';
import { defineConfig } from 'vitest/config';

// `quick` trains nothing long; `hostile` breaks the source and kills processes, and sees that it is noticed; `claims` trains
// the preset and judges every claim. The groups run one after the other, so that training has the machine's cores to itself.
export default defineConfig({
  test: {
    reporters: ['default', './spec/helpers/claims-reporter.ts'],
    setupFiles: ['./spec/helpers/draws.ts'],
    pool: 'forks',
    maxWorkers: os.availableParallelism(),
    projects: [
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['spec/**/*.spec.ts'],
          exclude: ['spec/claims/training/**', 'spec/sabotage/**', 'spec/faults/**'],
          testTimeout: 60_000,
          hookTimeout: 300_000, // some specs first train a tiny job, or make the whole report
          isolate: false, // loading TensorFlow.js anew for every file would take longer than the specs
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'hostile',
          include: ['spec/sabotage/**/*.spec.ts', 'spec/faults/**/*.spec.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false, // each file starts as many processes as there are cores
          maxConcurrency: os.availableParallelism(),
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'claims',
          include: ['spec/claims/training/**/*.spec.ts'],
          testTimeout: 60 * 60_000,
          hookTimeout: 60 * 60_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
