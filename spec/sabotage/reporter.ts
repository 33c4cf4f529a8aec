/** Writes what became of every test, with the names of its errors, to the file OUTCOMES. */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import type { Outcome } from './outcome.ts';

type Fault = { name?: string; message?: string; cause?: unknown };

/** An error and what caused it: a property's failure is caused by an assertion. */
function withCauses(error: Fault): { name: string; message: string }[] {
  const own = { name: error.name ?? 'Error', message: error.message ?? '' };
  return [own, ...(error.cause === undefined || error.cause === null ? [] : withCauses(error.cause as Fault))];
}

export default class OutcomeReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const outcomes: Outcome[] = tests.map((test) => {
      const { state, errors } = test.result();
      return {
        spec: test.module.relativeModuleId,
        name: test.fullName,
        state,
        errors: (errors ?? []).flatMap((error) => withCauses(error as Fault)),
      };
    });
    writeFileSync(process.env.OUTCOMES as string, JSON.stringify(outcomes));
  }
}
