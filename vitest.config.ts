import os from 'node:os';
import { defineConfig } from 'vitest/config';

// `quick` trains nothing long; `claims` trains the preset and judges every claim. The groups run one after the other, so
// that training has the machine's cores to itself.
export default defineConfig({
  test: {
    reporters: ['default', './spec/helpers/claims-reporter.ts'],
    pool: 'forks',
    maxWorkers: os.availableParallelism(),
    projects: [
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['spec/**/*.spec.ts'],
          exclude: ['spec/claims/training/**'],
          testTimeout: 60_000,
          hookTimeout: 300_000, // some specs first train a tiny job, or make the whole report
          isolate: false, // loading TensorFlow.js anew for every file would take longer than the specs
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'claims',
          include: ['spec/claims/training/**/*.spec.ts'],
          testTimeout: 60 * 60_000,
          hookTimeout: 60 * 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
