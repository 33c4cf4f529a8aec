#!/usr/bin/env node
/**
 * What `npm run` and `npx negative-knowledge` start: refuses a Node that is too old, then runs src/main.ts. Every fault
 * ends with exit code 2, because 0 and 1 are verdicts. Every version of Node can read this file.
 */
'use strict';
process.exitCode = 2;
try {
  require('./node-version.cjs');
  require('./faults.cjs');
  require('./start.cjs');
} catch (error) {
  // Another file of ours, or package.json, is damaged or missing: this message must need none of them.
  const advice = error.code === 'EMFILE' ? 'raise the limit of open files (ulimit -n)' : 'install it again (npm ci)';
  try {
    process.stderr.write(`error: the program could not start; ${advice} (${String(error).split('\n')[0]})\n`);
  } finally {
    process.exit(2);
  }
}
