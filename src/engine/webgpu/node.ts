/** How Node reaches a GPU: by the optional package `webgpu` (Dawn). A page has the browser's own way. */
import { readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Where Linux lists its drivers for Vulkan, by which Dawn reaches a GPU there. */
const DRIVERS = ['/usr/share', '/usr/local/share', '/etc', path.join(os.homedir(), '.local', 'share')];
/** Variables that list drivers in other places. */
const NAMED = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES', 'XDG_DATA_DIRS'];

function hasDriver(): boolean {
  if (process.platform !== 'linux' || NAMED.some((name) => process.env[name])) return true;
  return DRIVERS.some((folder) => {
    try {
      return readdirSync(path.join(folder, 'vulkan', 'icd.d')).some((name) => name.endsWith('.json'));
    } catch {
      return false; // no such folder
    }
  });
}

/**
 * Gives Node what browsers have: `navigator.gpu`, and the classes and constants of WebGPU, by which TensorFlow.js's backend
 * knows where it is.
 * @throws with the reason, where there is no package or no driver
 */
export async function gpuInNode(): Promise<GPU> {
  // Dawn would say so on the console, and in more words.
  if (!hasDriver()) throw new Error('no driver for Vulkan is installed, by which programs reach a GPU on Linux');
  const { create, globals } = (await import('webgpu')) as unknown as {
    create(options: string[]): GPU;
    globals: object;
  };
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const known = (globalThis as { navigator?: object }).navigator;
  if (known === undefined) Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  else Object.defineProperty(known, 'gpu', { value: gpu, configurable: true });
  return gpu;
}
