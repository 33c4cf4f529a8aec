/**
 * Where specs of the engine `webgpu` compute: on the machine's GPU, or else on the one that Chromium brings along as a
 * program (SwiftShader). Where there is neither they are skipped and say so, except where `NEGATIVE_KNOWLEDGE_GPU` is `required`.
 */
import { existsSync } from 'node:fs';
import { describeGpu } from '../../src/engine/webgpu/device.ts';

/** Tells the loader of Vulkan which drivers there are. */
const DRIVERS = 'VK_ICD_FILENAMES';
/** Where distributions put Chromium's. */
const SWIFTSHADER = [
  '/usr/lib/chromium',
  '/usr/lib64/chromium-browser',
  '/opt/google/chrome',
  '/snap/chromium/current/usr/lib/chromium-browser',
]
  .map((folder) => `${folder}/vk_swiftshader_icd.json`)
  .find(existsSync);

const HARDWARE = ['/dev/dri', '/dev/nvidia0', '/dev/kfd'].some(existsSync) || process.platform !== 'linux';

// Before a GPU is first asked for.
if (!HARDWARE && SWIFTSHADER !== undefined) process.env[DRIVERS] ??= SWIFTSHADER;

const found = await describeGpu().catch((error: Error) => error);

/** Why there is no GPU to compute on; null where there is one. */
export const NO_GPU: string | null = found instanceof Error ? found.message : null;

if (NO_GPU !== null) {
  if (process.env.NEGATIVE_KNOWLEDGE_GPU === 'required') throw new Error(`a GPU is required: ${NO_GPU}`);
  process.stderr.write(`The engine webgpu is not tried: ${NO_GPU}\n`);
}
