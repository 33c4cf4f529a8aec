import os from 'node:os';
import { defineConfig } from 'vitest/config';

/** Bounds hangs alone: no spec may fail because a machine is slow or busy. */
const PATIENCE = 20 * 60_000;

/** What `quick` leaves to other projects. */
const LONG = [
  'spec/claims/training/**',
  'spec/sabotage/**',
  'spec/faults/**',
  'spec/versions/**',
  'spec/verify/reference.spec.ts',
];

// `quick` trains nothing long; `hostile` breaks the source and kills processes, and sees that it is noticed; `claims` trains
// the preset and judges every claim; `versions`, which fetches other versions of Node, is no part of `npm test`. The groups
// run one after the other, so that training has the machine's cores to itself.
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
          exclude: [...LONG],
          testTimeout: PATIENCE,
          hookTimeout: PATIENCE, // some specs first train a tiny job, or make the whole report
          isolate: false, // loading TensorFlow.js anew for every file would take longer than the specs
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'hostile',
          include: ['spec/sabotage/**/*.spec.ts', 'spec/faults/**/*.spec.ts', 'spec/verify/reference.spec.ts'],
          testTimeout: PATIENCE,
          hookTimeout: PATIENCE,
          fileParallelism: false, // each file starts as many processes as there are cores
          maxConcurrency: os.availableParallelism(),
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'versions',
          include: ['spec/versions/**/*.spec.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 3 },
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
