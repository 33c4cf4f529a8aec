#!/usr/bin/env node
/**
 * What `npm run` and `npx negative-knowledge` start: refuses a Node that is too old, then runs src/main.ts. Whatever goes
 * wrong before, during or after that ends with exit code 2, because 0 and 1 belong to verdicts alone.
 */
'use strict';
process.exitCode = 2;
require('./node-version.cjs');
require('./start.cjs');
