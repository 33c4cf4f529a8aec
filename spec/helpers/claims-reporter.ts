/** Ends a test run with the table of claims it judged, and fails a run in which no spec was executed. */
import type { Reporter, TestModule } from 'vitest/node';
import type { Judgement } from '../../src/claims/index.ts';
import { claimsTable } from '../../src/report/table.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** What the spec judged; shown in the closing table. */
    judgement?: Judgement;
    /** Folder of the run records behind it. */
    records?: string;
  }
}

export default class ClaimsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const states = tests.map((test) => test.result().state);
    const executed = states.filter((state) => state === 'passed' || state === 'failed');
    const judged = tests.map((test) => test.meta()).filter((meta) => meta.judgement !== undefined);
    if (judged.length > 0) {
      console.log(`\n${claimsTable(judged.map((meta) => meta.judgement as Judgement))}`);
      console.log(`run records: ${judged[0].records}`);
    }
    if (executed.length === 0) {
      console.error('No spec was executed: that is a failure, not a pass.');
      process.exitCode = 1;
    }
  }
}
