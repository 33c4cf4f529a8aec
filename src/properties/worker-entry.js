// A worker process does not inherit the TypeScript loader, so each registers it before it loads the worker itself.
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

// The TypeScript options of the project that calls the program must not apply to it.
register({ tsconfig: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)) });
const { default: work } = await import('./worker.ts');
export default work;
