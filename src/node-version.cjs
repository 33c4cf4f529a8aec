/**
 * Refuses a Node on which the program or its test tools do not run, with one sentence and exit code 2. An old Node would
 * fail before our first line, or do nothing and exit with 0. This is JavaScript of 2015, which every Node can read.
 */
'use strict';

/** The same as `engines` in package.json, which a spec compares. */
const SUPPORTED = '^20.19.0 || ^22.13.0 || >=24.0.0';

/** Whether a version such as `v20.19.0` is one of {@link SUPPORTED}. */
function supports(version) {
  const parts = version.replace(/^v/, '').split('.').map(Number);
  return SUPPORTED.split(' || ').some((range) => {
    const least = range.replace(/^\D+/, '').split('.').map(Number);
    if (parts[0] !== least[0]) return range.startsWith('>=') && parts[0] > least[0];
    return parts[1] > least[1] || (parts[1] === least[1] && parts[2] >= least[2]);
  });
}

if (!supports(process.version)) {
  process.stderr.write(
    `error: this is Node ${process.version}, and negative-knowledge needs ${SUPPORTED}; install a newer Node\n`,
  );
  process.exit(2);
}

module.exports = { SUPPORTED: SUPPORTED, supports: supports };
