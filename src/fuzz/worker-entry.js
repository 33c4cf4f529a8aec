// A worker process does not inherit the TypeScript loader, so each registers it before it loads the worker itself.
import { register } from 'tsx/esm/api';

register();
const { default: work } = await import('./worker.ts');
export default work;
