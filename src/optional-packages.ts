/** Packages that only some of the program needs: optional peers in package.json, loaded where they are used. */
import { ExplainedError } from './explained-error.ts';

/** A package is not installed; the message says what it is for, and the command that installs it. */
export class MissingPackageError extends ExplainedError {
  override name = 'MissingPackageError';
}

const MISSING = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']);

/**
 * Loads modules that need packages which may not be installed.
 * @param packages all that what they are for needs
 * @param what in a sentence that goes on: "figures need packages"
 * @throws MissingPackageError where one of them is not there
 */
export async function withPackages<Modules>(
  packages: readonly string[],
  what: string,
  load: () => Promise<Modules>,
): Promise<Modules> {
  try {
    return await load();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    // A module of our own that is gone is another fault.
    if (!MISSING.has(code) || !packages.some((name) => message.includes(`'${name}`))) throw error;
    throw new MissingPackageError(`${what} that are not installed here: npm install ${packages.join(' ')}`);
  }
}
