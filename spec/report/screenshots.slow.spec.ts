/** The committed page looks as it did when it was last looked at. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pixelmatch from 'pixelmatch';
import type { Browser } from 'playwright-core';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserIsHere, startBrowser } from '../helpers/browser.ts';
import { PICTURES, pictureName, SCHEMES, SIZES, takePicture } from './screenshots.ts';

/** Another version of a browser draws the edges of letters otherwise; a moved or missing part is more. */
const LEEWAY = 0.005;

/** Text as wide as this is drawn in the font of the pictures; with another font every line would break elsewhere. */
const SAMPLE = 'Purely negatively reinforced text 0123456789';
const SAMPLE_WIDTH = 368;

describe.skipIf(!browserIsHere)('the page in a picture', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  it.each(
    SIZES.flatMap((size) => SCHEMES.map((scheme) => [size, scheme] as const)),
  )('is as it was, %j, %s', async (size, scheme) => {
    const name = pictureName(size[0], scheme);
    const [before, now] = [await readFile(new URL(name, PICTURES)), await takePicture(browser, size, scheme)].map(
      (png) => PNG.sync.read(png),
    );
    expect([now.width, now.height], name).toEqual([before.width, before.height]);
    const difference = new PNG({ width: now.width, height: now.height });
    const differing = pixelmatch(before.data, now.data, difference.data, now.width, now.height, { threshold: 0.2 });
    const share = differing / (now.width * now.height);
    if (share <= LEEWAY) return;
    const folder = await mkdtemp(path.join(os.tmpdir(), 'negative-knowledge-picture-'));
    await writeFile(path.join(folder, name), PNG.sync.write(now));
    await writeFile(path.join(folder, `difference-${name}`), PNG.sync.write(difference));
    expect.fail(
      `${name}: ${(100 * share).toFixed(2)}% of the pixels differ; see ${folder}. If it is meant, and looks good: node --import tsx spec/report/screenshots.ts`,
    );
  });

  it('is drawn in the font of the pictures: DejaVu Sans, which .ci/run installs', async () => {
    const page = await browser.newPage();
    const width = await page.evaluate((text) => {
      const context = document.createElement('canvas').getContext('2d') as CanvasRenderingContext2D;
      context.font = '16px system-ui, sans-serif';
      return context.measureText(text).width;
    }, SAMPLE);
    expect(Math.round(width)).toBe(SAMPLE_WIDTH);
    await page.close();
  });
});
