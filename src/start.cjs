/** Loads TypeScript's loader and the program. */
'use strict';
const path = require('node:path');
const { fail, end } = require('./faults.cjs');

/** Whether the command came to its end. */
let ended = false;

process.on('beforeExit', () => {
  // Nothing is left to wait for, and the command has not ended.
  if (!ended) fail('the command stopped before it was done');
});

// The options of a project that the program is called from must not change how it is read.
const tsconfig = path.join(__dirname, '..', 'tsconfig.json');
import('tsx/esm/api')
  .then(({ register }) => {
    register({ tsconfig });
    return import('./main.ts');
  })
  .then((program) => {
    ended = true;
    end(program.code);
  })
  .catch((error) => fail(error, true));
