import os from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Bounds hangs alone: no spec may fail because a machine is slow or busy. */
const PATIENCE = 20 * 60_000;

/** Whole commands as processes, whole reference records, every engine in turn. */
const SLOW = 'spec/**/*.slow.spec.ts';
/** Each file starts as many processes as there are cores. */
const HOSTILE = ['spec/sabotage/**/*.spec.ts', 'spec/faults/**/*.spec.ts'];
const CLAIMS = 'spec/claims/training/**/*.spec.ts';
const VERSIONS = 'spec/versions/**/*.spec.ts';
const GPU = 'spec/engine/webgpu/**/*.spec.ts';
/** Starts servers and workers, and kills them. */
const QUEUE = 'spec/queue/**/*.spec.ts';

/** What takes minutes, longest first: begun last, it would leave the other cores without work. */
const LONGEST = [
  ...[
    'queue/queue',
    'queue/faults',
    'verify/reference.slow',
    'browser/tab.slow',
    'cli/sweep.slow',
    'cli/pretrained.slow',
    'report/page.slow',
  ],
  ...['main.slow', 'verify/verify', 'webgpu/properties'],
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const known = LONGEST.findIndex((name) => moduleId.endsWith(`${name}.spec.ts`));
      return known === -1 ? LONGEST.length : known;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

const parallel = {
  testTimeout: PATIENCE,
  hookTimeout: PATIENCE, // some specs first train a tiny job, or make the whole report
  isolate: false, // loading TensorFlow.js anew for every file would take longer than the specs
};

// `quick` trains nothing long, `slow` is what takes longer by nature; `hostile` breaks the source and kills processes, and sees
// that it is noticed; `claims` trains the preset and judges its claims; `versions` fetches other versions of Node; `gpu` is the
// engine `webgpu`; `queue` needs a Redis server. `npm test` is `quick` and `claims`. The groups run one after the other, so that training has the machine's cores to itself.
export default defineConfig({
  test: {
    reporters: ['default', './src/vitest/reporter.ts'],
    setupFiles: ['./spec/helpers/draws.ts'],
    pool: 'forks',
    maxWorkers: os.availableParallelism(),
    expect: { poll: { timeout: PATIENCE } },
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['spec/**/*.spec.ts'],
          exclude: [SLOW, ...HOSTILE, CLAIMS, VERSIONS, GPU, QUEUE],
          ...parallel,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'slow', include: [SLOW], ...parallel, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: {
          name: 'hostile',
          include: HOSTILE,
          testTimeout: PATIENCE,
          hookTimeout: PATIENCE,
          fileParallelism: false,
          maxConcurrency: os.availableParallelism(),
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'gpu', // in processes of its own: other specs shall not find the driver that it chooses
          include: [GPU],
          testTimeout: PATIENCE,
          hookTimeout: PATIENCE,
          sequence: { groupOrder: 5 },
        },
      },
      {
        extends: true,
        test: {
          name: 'queue',
          include: [QUEUE],
          testTimeout: PATIENCE,
          hookTimeout: PATIENCE,
          sequence: { groupOrder: 6 }, // its files side by side: most of their time they wait for leases
        },
      },
      {
        extends: true,
        test: {
          name: 'versions',
          include: [VERSIONS],
          testTimeout: PATIENCE,
          hookTimeout: PATIENCE, // removing what was installed takes long on a busy disk
          maxConcurrency: os.availableParallelism(),
          sequence: { groupOrder: 4 },
        },
      },
      {
        extends: true,
        test: {
          name: 'claims',
          include: [CLAIMS],
          testTimeout: 60 * 60_000,
          hookTimeout: 60 * 60_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
