/** Loads TypeScript's loader and the program, and answers for every fault that no one else does. */
'use strict';
const path = require('node:path');

/** Whether the command came to its end, and whether a fault was told. */
let ended = false;
let failed = false;

/** Says what went wrong, as one sentence where it is one that a user can do something about. */
function fail(error) {
  if (failed) return;
  failed = true;
  try {
    process.stderr.write(`error: ${sentence(error)}\n`);
  } catch {
    // standard error is closed as well: the exit code has to say it
  }
  process.exit(2);
}

const ADVICE = {
  EMFILE: 'this process may open no more files; raise the limit (ulimit -n)',
  ENFILE: 'the system may open no more files',
  ENOMEM: 'there is not enough memory',
  EAGAIN: 'the system has no process or memory left to give',
  EPIPE: 'its output was closed before all of it was written',
  ERR_MODULE_NOT_FOUND: 'a part of the program is missing; install it again (npm ci)',
  MODULE_NOT_FOUND: 'a part of the program is missing; install it again (npm ci)',
};

function sentence(error) {
  const code = error?.code;
  const advice = ADVICE[code];
  if (advice) return `the program could not go on: ${advice} (${String(error.message).split('\n')[0]})`;
  return error?.stack ?? String(error);
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
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
    process.exitCode = program.code;
  })
  .catch(fail);
