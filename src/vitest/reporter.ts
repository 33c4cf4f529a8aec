/** A reporter for Vitest: ends a test run with the table of the claims that it judged, and fails a run that executed no test. */
import type { Reporter, TestModule } from 'vitest/node';
import type { Judgement } from '../claims/claim.ts';
import { claimsTable } from '../report/table.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** What the test judged; shown in the closing table. */
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
      for (const folder of new Set(judged.map(({ records }) => records))) console.log(`run records: ${folder}`);
    }
    if (executed.length === 0) {
      console.error('No spec was executed: that is a failure, not a pass.');
      process.exitCode = 1;
    }
  }
}
