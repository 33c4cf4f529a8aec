// Prints `N passed, M failed` of test runs, and fails unless all passed. Usage: count.mjs (<exit code> <JSON report>)...
// A test that never came to its end has failed: its process may have died, which Vitest's own counts leave out. A runner
// that failed in any other way, or left no report, counts as one failure.
import { existsSync, readFileSync } from 'node:fs';

let [passed, failed] = [0, 0];
for (let args = process.argv.slice(2); args.length > 0; args = args.slice(2)) {
  const [code, report] = args;
  const files = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')).testResults : [];
  const unfinished = [];
  const before = failed;
  for (const { name, assertionResults } of files) {
    for (const { status, fullName } of assertionResults) {
      if (status === 'passed') passed += 1;
      if (status === 'failed') failed += 1;
      if (status === 'pending') unfinished.push(`${name}: ${fullName}`);
    }
  }
  for (const test of unfinished) console.log(`NOT FINISHED: ${test}`);
  failed += unfinished.length;
  if (failed === before && (code !== '0' || files.length === 0)) {
    console.log(`FAILED with exit code ${code}: ${report}`);
    failed += 1;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
