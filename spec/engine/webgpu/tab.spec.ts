/** The page on which a reader trains the claim, on a GPU: here on the one that Chromium has as a program. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPage } from '../../../src/browser/build.ts';
import type { Failures as FailuresOf } from '../../../src/engine/webgpu/failures.ts';
import { PHASES } from '../../../src/passwords/roles.ts';
import { parseRunRecord, type WholeRun } from '../../../src/records/record.ts';
import { browserIsHere, startBrowser } from '../../helpers/browser.ts';
import { NO_GPU } from '../../helpers/gpu.ts';

/** So small that a program that plays a GPU trains it in seconds. */
const TINY = {
  ...{ 'phases.pretrain.steps': '4', 'phases.dpo.steps': '12', 'phases.joint.steps': '12' },
  ...{
    'passwords.repeats': '2',
    'evaluation.every': '6',
    'model.layers': '2',
    'model.hidden': '16',
    'model.heads': '2',
  },
  ...{ batch: '4', 'evaluation.heldOut': '4', 'evaluation.useful': '4', 'evaluation.random': '4' },
};

describe.skipIf(NO_GPU !== null || !browserIsHere)('the page that trains, on a GPU', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-gpu-tab-'));
  let browser: Browser;
  let address: string;
  beforeAll(async () => {
    address = pathToFileURL((await buildPage(folder)).file).href;
    browser = await startBrowser('--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader');
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Trains in a profile of its own. @param changes the address @returns the record that is saved */
  async function trained(changes: Record<string, string>): Promise<WholeRun> {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(600_000); // bounds hangs alone
    await page.goto(`${address}#${new URLSearchParams({ ...TINY, ...changes })}`);
    await page.waitForSelector('html[data-ready=yes]');
    await page.locator('#train-one').click();
    await page.waitForSelector('#save:enabled');
    await page.waitForFunction(() => /ended|stopped/.test(document.querySelector('#status')?.textContent ?? ''));
    expect(await page.locator('#status').textContent()).toBe('The run has ended.');
    const [saved] = await Promise.all([page.waitForEvent('download'), page.locator('#save').click()]);
    const file = path.join(folder, `${Object.values(changes).join()}-${saved.suggestedFilename()}`);
    await saved.saveAs(file);
    await context.close();
    return parseRunRecord(readFileSync(file, 'utf8').trimEnd().split('\n')[1], file) as WholeRun;
  }

  it('knows of a fault before anything that was asked for after it can be read', async () => {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL('../../../src/engine/webgpu/failures.ts', import.meta.url))],
      bundle: true,
      write: false,
      format: 'iife',
      globalName: 'FAILURES',
    });
    const page = await browser.newPage();
    await page.goto(address);
    await page.addScriptTag({ content: outputFiles[0].text });
    const found = await page.evaluate(async () => {
      const { Failures } = (globalThis as unknown as { FAILURES: { Failures: typeof FailuresOf } }).FAILURES;
      const told: string[] = [];
      for (const wrong of ['a program', 'a buffer', 'nothing']) {
        const device = await ((await navigator.gpu.requestAdapter()) as GPUAdapter).requestDevice();
        const failures = new Failures(device);
        failures.within('Doubling', () => {
          if (wrong === 'a program') device.createShaderModule({ code: 'fn main( {' });
          if (wrong === 'a buffer') device.createBuffer({ size: 2 ** 36, usage: GPUBufferUsage.STORAGE });
        });
        const read = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
        await read.mapAsync(GPUMapMode.READ);
        try {
          failures.check();
          told.push('nothing');
        } catch (error) {
          told.push((error as Error).message);
        }
      }
      return told;
    });
    await page.close();
    expect(found).toEqual([
      expect.stringMatching(/^the GPU failed: .*Doubling/s),
      expect.stringMatching(/^the GPU failed: .*Doubling/s),
      'nothing',
    ]);
  });

  it('trains what `wasm` does, but for rounding, and repeats itself to the last bit', async () => {
    const [gpu, again, wasm] = [
      await trained({ engine: 'webgpu' }),
      await trained({ engine: 'webgpu' }),
      await trained({ engine: 'wasm' }),
    ];
    expect(gpu).toMatchObject({ status: 'finished', engine: { name: 'webgpu' } });
    expect(gpu.engine.version).toMatch(/ on /); // it names the GPU
    expect(wasm.engine.name).toBe('wasm');
    expect(again.parametersDigest).toBe(gpu.parametersDigest);
    for (const phase of PHASES) {
      gpu.trajectories[phase].total.forEach((loss, step) => {
        // As between all engines: see spec/engine/properties/agreement.ts.
        expect(Math.abs(loss / wasm.trajectories[phase].total[step] - 1), `${phase}, step ${step}`).toBeLessThan(5e-5);
      });
    }
    expect(gpu.ledger).toEqual(wasm.ledger);
  });
});
