/** Ends the process with exit code 2 at every fault that nothing else handles. Node's own code would be 1, a verdict's. */
'use strict';
require('./node-version.cjs'); // for files that are started without src/main.cjs

const DAMAGED = 'a part of the program is missing or damaged; install it again (npm ci)';
const MEMORY = 'there is not enough memory; free some, or raise the limit (ulimit -v, --max-old-space-size)';

/** What to do, by an error's code or name. */
const ADVICE = {
  EMFILE: 'this process may open no more files; raise the limit (ulimit -n)',
  ENFILE: 'the system may open no more files; close other programs',
  ENOMEM: MEMORY,
  ERR_WORKER_OUT_OF_MEMORY: MEMORY,
  ERR_WORKER_INIT_FAILED: 'the system has no thread or memory left to give; close other programs',
  EAGAIN: 'the system has no process or memory left to give; close other programs',
  ENOSPC: 'the place that its output goes to is full; make room',
  EPIPE: 'its output was closed before all of it was written',
  ERR_MODULE_NOT_FOUND: DAMAGED,
  MODULE_NOT_FOUND: DAMAGED,
  ERR_INVALID_PACKAGE_CONFIG: DAMAGED,
  TransformError: DAMAGED, // a file that is no TypeScript
};

function adviceFor(error, loading) {
  if (error instanceof RangeError && /memory|allocat/i.test(error.message)) return MEMORY;
  if (loading && error instanceof SyntaxError) return DAMAGED;
  return ADVICE[error?.code] ?? ADVICE[error?.name] ?? ADVICE[error?.message];
}

/** One sentence for an error that a user can do something about; any other error is a bug, and keeps its stack. */
function sentence(error, loading) {
  const advice = adviceFor(error, loading);
  if (advice === undefined) return error?.stack ?? String(error);
  const [first, second] = String(error.message).split('\n');
  return `the program could not go on: ${advice} (${/:$/.test(first) && second ? `${first} ${second}` : first})`;
}

let failed = false;

/** Says what went wrong and ends the process; `loading` while the program itself is being read. */
function fail(error, loading = false) {
  if (failed) return;
  failed = true;
  try {
    process.stderr.write(`error: ${sentence(error, loading)}\n`);
  } catch {
    // standard error is closed as well: only the exit code is left
  }
  process.exit(2);
}

process.on('uncaughtException', (error) => fail(error));
process.on('unhandledRejection', (error) => fail(error));

/** The exit code with which the command has ended. */
let given;

/** Says that the command has ended, and with which exit code. */
function end(code) {
  given = code;
  process.exitCode = code;
}

process.on('beforeExit', () => {
  // Nothing is left to wait for, and the command has not ended.
  if (given === undefined) fail('the command stopped before it was done');
});

// Some endings pass no other handler: Node may end the process with the exit code of its loader's thread, and a library may
// call process.exit.
process.on('exit', (code) => {
  if (failed || code === given || code > 1) return;
  process.exitCode = 2;
  try {
    process.stderr.write('error: the program was ended before its command was; is there enough memory?\n');
  } catch {
    // standard error is closed as well
  }
});

module.exports = { fail, end };
