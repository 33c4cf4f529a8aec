/** Loads TypeScript's loader and the program. */
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

// The TypeScript options of the project that calls the program must not apply to it.
const tsconfig = path.join(__dirname, '..', 'tsconfig.json');
import('tsx/esm/api')
  .then(({ register }) => {
    register({ tsconfig });
    return import('./main.ts');
  })
  .catch((error) => fail(error, true));
