import { defineConfig } from 'vitest/config';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * Stryker counts tests, and a mutant that a spec file cannot even be loaded with leaves none to count: it would pass for
 * one that nothing noticed. Such a file is given one failed test.
 */
const failLoudly: Reporter = {
  onTestModuleEnd(module: TestModule) {
    const [error] = module.errors();
    if (error === undefined) return;
    const { task } = module as unknown as { task: { tasks: unknown[]; file: unknown } };
    task.tasks.push({
      type: 'test',
      id: `${module.id}-load`,
      name: 'the spec file loads',
      mode: 'run',
      file: task.file,
      suite: task,
      meta: {},
      tasks: [],
      result: { state: 'fail', errors: [error] },
    });
  },
};

// What mutation testing runs for a mutant of one part of the source: `run.ts` says which specs.
export default defineConfig({
  test: {
    include: process.env.MUTATION_SPECS?.split(','),
    // Thousands of simulated experiments, and all the text of a run, on code that Stryker slows down twentyfold.
    exclude: ['spec/statistics/coverage.spec.ts', 'spec/passwords/leaks.spec.ts'],
    setupFiles: ['./spec/helpers/draws.ts'],
    reporters: [failLoudly],
    testTimeout: 60_000,
    isolate: false,
  },
});
