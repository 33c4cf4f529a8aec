/** The program's own modules as files: TypeScript in a checkout, and in the package the JavaScript that was built of it. */

const BUILT = import.meta.url.endsWith('.js');

/**
 * A module of the program, for a process of its own.
 * @param name relative to `beside`, without its ending
 * @param beside `import.meta.url` of the module that asks
 */
export const ownModule = (name: string, beside: string): URL => new URL(`${name}.${BUILT ? 'js' : 'ts'}`, beside);

/** Whether a module of the program is one that Node reads as it is. */
export const isBuilt = (module: URL): boolean => module.pathname.endsWith('.js');

/** Options with which Node reads the program's modules. */
export const optionsOfNode = (): string[] => (BUILT ? [] : ['--import', import.meta.resolve('tsx')]);
