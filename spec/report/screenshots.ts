/**
 * Pictures of the committed page at three widths, light and dark: `node --import tsx spec/report/screenshots.ts` takes them anew.
 * With `train` after it, it takes the picture of the page that trains in their place, once that has trained a seed: two minutes.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { buildPage } from '../../src/browser/build.ts';
import { startBrowser } from '../helpers/browser.ts';

const PAGE = new URL('../../reports/index.html', import.meta.url);

/** Where the pictures are that were looked at and found good. */
export const PICTURES = new URL('../../fixtures/page/', import.meta.url);

/** A phone, a tablet, a desk. */
export const SIZES = [
  [390, 844],
  [768, 1024],
  [1200, 900],
] as const;

export const SCHEMES = ['light', 'dark'] as const;
type Scheme = (typeof SCHEMES)[number];

export const pictureName = (width: number, scheme: Scheme): string => `${width}-${scheme}.png`;

/** Figures of every kind: a forest, a map, panels, lines. */
const FIGURES = ['forest', 'grid-lrbeta-pocket-memorising', 'held-out-share-pocket-memorising', 'mean-curves'];

/** Half the pixels to either side: what has moved is seen all the same. */
const SCALE = 0.5;

/** Everything but the story, one claim and those figures is left out. */
const CHOSEN = ['#story', '#pocket-main', ...FIGURES.map((id) => `#${id}`)];

/** The page's first screen, then one claim and the figures, without what stands between them. */
export async function takePicture(
  browser: Browser,
  [width, height]: readonly [number, number],
  scheme: Scheme,
): Promise<Buffer> {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme, deviceScaleFactor: SCALE });
  try {
    await page.goto(PAGE.href);
    await page.waitForSelector('html[data-ready=yes]');
    await page.evaluate((chosen) => {
      const kept = [...document.querySelectorAll(chosen.join(', '))];
      for (const part of document.querySelectorAll<HTMLElement>('.page *'))
        if (!kept.some((one) => one.contains(part) || part.contains(one))) part.style.display = 'none';
    }, CHOSEN);
    return await page.screenshot({ fullPage: true });
  } finally {
    await page.close();
  }
}

/** The first screen of the page that trains, when a run of the reference report has ended in it. */
async function takeTraining(browser: Browser): Promise<Buffer> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'negative-knowledge-picture-'));
  const page = await browser.newPage({ viewport: { width: 1000, height: 650 } });
  try {
    const { file } = await buildPage(folder);
    await page.goto(`${pathToFileURL(file).href}#screen=train`);
    await page.locator('#train-one').click();
    await page.waitForSelector('#digest', { timeout: 0 });
    return await page.screenshot();
  } finally {
    await page.close();
    await rm(folder, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const browser = await startBrowser();
  await mkdir(PICTURES, { recursive: true });
  if (process.argv[2] === 'train') await writeFile(new URL('train.png', PICTURES), await takeTraining(browser));
  else
    for (const size of SIZES)
      for (const scheme of SCHEMES)
        await writeFile(new URL(pictureName(size[0], scheme), PICTURES), await takePicture(browser, size, scheme));
  await browser.close();
}
