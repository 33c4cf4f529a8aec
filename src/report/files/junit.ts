/** Claims as test cases, for a CI that shows JUnit XML. */
import junit, { type Builder } from 'junit-report-builder';
import { oneLine } from '../escape.ts';
import type { Report } from '../report.ts';

export function junitXml({ studies }: Report): string {
  // Its types describe an ES module; it is a CommonJS one, whose export is the builder itself.
  const builder = (junit as unknown as Builder).newBuilder();
  for (const { name, claims } of studies) {
    const suite = builder.testSuite().name(name);
    for (const { claim, judgement } of claims) {
      const test = suite.testCase().className(name).name(`${claim.id}: ${claim.statement}`);
      const reason = oneLine(judgement.reason);
      const text = `${reason}\nRule: ${claim.rule}`;
      if (judgement.verdict === 'invalid') test.error(`invalid: ${reason}`).standardOutput(text);
      else if (judgement.verdict === 'not reproduced') test.failure(`not reproduced: ${reason}`).standardOutput(text);
      else if (judgement.verdict === 'inconclusive') test.skipped().standardOutput(`inconclusive: ${text}`);
      else test.standardOutput(text);
    }
  }
  return builder.build();
}
