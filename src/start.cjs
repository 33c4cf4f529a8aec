/** Loads the program, and in a checkout TypeScript's loader before it. */
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { fail } = require('./faults.cjs');

/** Files that loading the program has open at once, and some to spare. */
const ROOM = 64;

/** Checks that so many files can be opened: Node may wait for its own loader for ever if not. @throws EMFILE */
function assertRoom() {
  const opened = [];
  try {
    while (opened.length < ROOM) opened.push(fs.openSync(__filename, 'r'));
  } finally {
    for (const descriptor of opened) fs.closeSync(descriptor);
  }
}

try {
  assertRoom();
} catch (error) {
  fail(error);
}

/** A checkout has the source, and a package has what was built of it. */
async function load() {
  if (!fs.existsSync(path.join(__dirname, 'main.ts'))) return import('../dist/main.js');
  const { register } = await import('tsx/esm/api').catch((error) => {
    const left = 'NODE_ENV=production and --omit=dev leave out what a checkout needs: npm ci --include=dev';
    throw Object.assign(error, { message: `${error.message.split('\n')[0]}; ${left}` });
  });
  // The TypeScript options of the project that calls the program must not apply to it.
  register({ tsconfig: path.join(__dirname, '..', 'tsconfig.json') });
  return import('./main.ts');
}

load().catch((error) => fail(error, true));
