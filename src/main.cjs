#!/usr/bin/env node
/**
 * What `npm run` and `npx negative-knowledge` start: refuses a Node that is too old, then runs src/main.ts. Whatever goes
 * wrong before, during or after that ends with exit code 2, because 0 and 1 belong to verdicts alone. Every Node can read it.
 */
'use strict';
process.exitCode = 2;
try {
  require('./node-version.cjs');
  require('./faults.cjs');
  require('./start.cjs');
} catch (error) {
  // No other file of ours has been read, so this sentence needs none: one is damaged or missing, or package.json is.
  const advice = error.code === 'EMFILE' ? 'raise the limit of open files (ulimit -n)' : 'install it again (npm ci)';
  try {
    process.stderr.write(`error: the program could not start; ${advice} (${String(error).split('\n')[0]})\n`);
  } finally {
    process.exit(2);
  }
}
