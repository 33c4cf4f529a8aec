/** Loads TypeScript's loader and the program. */
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { fail } = require('./faults.cjs');

/** Files that loading the program has open at once, and some to spare. */
const ROOM = 64;

/** Where they cannot be opened Node may wait for its own loader for ever: better to be told at once. @throws EMFILE */
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

// The options of a project that the program is called from must not change how it is read.
const tsconfig = path.join(__dirname, '..', 'tsconfig.json');
import('tsx/esm/api')
  .then(({ register }) => {
    register({ tsconfig });
    return import('./main.ts');
  })
  .catch((error) => fail(error, true));
