/** The committed page in a real browser. */
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { browserIsHere, startBrowser } from '../helpers/browser.ts';

const REPORTS = new URL('../../reports/', import.meta.url);
const PAGE = new URL('index.html', REPORTS);
const committed = (name: string): Promise<string> => readFile(new URL(name, REPORTS), 'utf8');
const AXE = createRequire(import.meta.url).resolve('axe-core');

describe.skipIf(!browserIsHere)('the page in a headless Chromium', () => {
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    page.setDefaultTimeout(600_000); // bounds hangs alone
    complaints = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('request', (request) => {
      if (!request.url().startsWith('file:') && !request.url().startsWith('data:')) complaints.push(request.url());
    });
    await page.goto(PAGE.href);
    await page.waitForSelector('html[data-ready=yes]');
  });
  afterEach(() => page?.close());

  /** Unfolds what is folded, and the data of one figure: those of the others are made alike. */
  async function openAll(): Promise<void> {
    await page.evaluate(() => {
      for (const details of document.querySelectorAll<HTMLDetailsElement>('main details, #story details'))
        details.open = details.dataset.tableOf === undefined || details.dataset.tableOf === 'forest';
    });
    await page.waitForSelector('[data-table-of=forest] table');
  }

  const shownRows = () => page.locator('[data-claim]:visible').count();
  const forestRows = () => page.locator('[data-figure=forest] .mark-symbol path:visible').count();

  it('loads without an error, a warning or a request to anywhere', () => {
    expect(complaints).toEqual([]);
  });

  it('draws every figure', async () => {
    const drawn = await page.locator('[data-figure]').evaluateAll((figures) =>
      figures.map((figure) => ({
        id: (figure as HTMLElement).dataset.figure,
        marks: figure.querySelectorAll('.mark-symbol path, .mark-line path, .mark-rule line').length,
        width: figure.querySelector('svg')?.getBoundingClientRect().width ?? 0,
      })),
    );
    expect(drawn.length).toBeGreaterThan(10);
    for (const { id, marks, width } of drawn) {
      expect(marks, id).toBeGreaterThan(5);
      expect(width, id).toBeGreaterThan(200);
    }
  });

  it('its filters show the claims of one verdict or preset, in the list and in the forest plot', async () => {
    const [rows, marks] = [await shownRows(), await forestRows()];
    await page.selectOption('#filter-verdict', 'not reproduced');
    const wanted = await page.locator('[data-claim][data-verdict="not reproduced"]').count();
    expect(await shownRows()).toBe(wanted);
    expect(wanted).toBeLessThan(rows);
    await expect.poll(forestRows).toBeLessThan(marks);
    await page.selectOption('#filter-verdict', 'all');
    await page.selectOption('#filter-preset', 'pocket-memorising');
    expect(await shownRows()).toBe(await page.locator('[data-claim][data-study="pocket-memorising"]').count());
    expect(
      await page
        .locator('h3:visible')
        .filter({ hasText: /^pocket-large$/ })
        .count(),
    ).toBe(1); // under Runs alone
    expect(await page.locator('#shown').textContent()).toContain(`${await shownRows()} claims`);
    await page.selectOption('#filter-preset', 'all');
    await expect.poll(forestRows).toBe(marks);
  });

  it('has its filters in its address, and takes them from there', async () => {
    await page.selectOption('#filter-verdict', 'inconclusive');
    await page.selectOption('#filter-preset', 'pocket');
    expect(page.url()).toMatch(/\?verdict=inconclusive&preset=pocket$/);
    const shown = await shownRows();
    await page.reload();
    await page.waitForSelector('html[data-ready=yes]');
    expect(await page.locator('#filter-verdict').inputValue()).toBe('inconclusive');
    expect(await shownRows()).toBe(shown);
    await page.goto(`${PAGE.href}?verdict=nonsense&preset=pocket#pocket-main`);
    await page.waitForSelector('html[data-ready=yes]');
    expect(await page.locator('#filter-verdict').inputValue()).toBe('all');
    expect(await shownRows()).toBe(await page.locator('[data-claim][data-study="pocket"]').count());
    // A link to a claim opens what is behind it.
    expect(await page.locator('#pocket-main .claim-details').getAttribute('open')).not.toBeNull();
  });

  it.each([
    [1200, 900],
    [768, 1024],
  ])('tells the story in one screen of %i times %i: claim, verdict, picture, how sure, how to run', async (width, height) => {
    await page.setViewportSize({ width, height });
    const story = page.locator('#story');
    const { y, height: tall } = (await story.boundingBox())!;
    expect(y + tall).toBeLessThanOrEqual(height);
    expect(await story.locator('svg').count()).toBe(1);
    const text = (await story.textContent()) as string;
    for (const part of ['reproduced', 'What was claimed?', 'How sure are we?', 'npm ci && npm run reproduce'])
      expect(text).toContain(part);
    expect((await page.locator('#claims').boundingBox())!.y).toBeGreaterThan(y + tall);
  });

  it('has its contents in sight wherever the reader is, and says there where that is', async () => {
    for (const [width, folded] of [
      [1200, false],
      [390, true],
    ] as const) {
      await page.setViewportSize({ width, height: 844 });
      await page.locator('#section-flip').scrollIntoViewIfNeeded();
      await page.evaluate(() => document.getElementById('section-flip')?.scrollIntoView());
      const { y } = (await page.locator('.contents').boundingBox())!;
      expect(y).toBe(0);
      await expect.poll(() => page.locator('.contents a[aria-current]').textContent()).toBe('Memorise or flip');
      expect((await page.locator('.contents a:visible').count()) === 0, `${width}`).toBe(folded);
    }
    await page.locator('.contents summary').click();
    await page.locator('.contents a', { hasText: 'Claims' }).click();
    expect(await page.locator('.contents a:visible').count()).toBe(0); // folded again, as the reader has chosen
  });

  it('shows verdicts by a shape and a word', async () => {
    const marks = await page.locator('[data-claim] .judged .verdict').allTextContents();
    const [shapes, words] = [0, 1].map((part) => new Set(marks.map((mark) => mark.split(/ (.*)/)[part])));
    expect(shapes.size).toBe(words.size);
    expect(words).toEqual(new Set(['reproduced', 'not reproduced', 'inconclusive']));
    const drawn = await page
      .locator('[data-figure=forest] .mark-symbol path')
      .evaluateAll((paths) => paths.map((path) => path.getAttribute('d')?.replaceAll(/[-\d.]+/g, '')));
    expect(new Set(drawn).size).toBeGreaterThanOrEqual(4); // three verdicts, and the paper's own values
  });

  it('alone in a folder, as someone has downloaded it, still gives every file that it links to', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'negative-knowledge-page-'));
    try {
      const alone = path.join(folder, 'index.html');
      await copyFile(PAGE, alone);
      await page.goto(pathToFileURL(alone).href);
      await page.waitForSelector('html[data-ready=yes]');
      const links = page.locator('#files ~ ul a[data-file]');
      expect(await links.count()).toBe(6);
      for (const link of await links.all()) {
        const name = (await link.getAttribute('data-file')) as string;
        if (/csv|json$/.test(name)) {
          const [saved] = await Promise.all([page.waitForEvent('download'), link.click()]);
          expect(await readFile(await saved.path(), 'utf8'), name).toBe(await committed(name));
          continue;
        }
        const [opened] = await Promise.all([page.waitForEvent('popup'), link.click()]);
        await opened.waitForLoadState();
        if (name.endsWith('.html')) expect(await opened.locator('tbody tr').count()).toBeGreaterThan(50);
        else expect(await opened.textContent('pre'), name).toBe(await committed(name));
        await opened.close();
      }
      for (const [ending, begins] of [
        ['csv', 'set,'],
        ['vl.json', '{\n  "$schema"'],
        ['svg', '<svg'],
        ['png', '\u0089PNG'],
      ] as const) {
        const link = page.locator(`#mean-curves a[data-made="${ending}"]`);
        const [made] = await Promise.all([page.waitForEvent('download'), link.click()]);
        expect(made.suggestedFilename()).toBe(`mean-curves.${ending}`);
        const content = await readFile(await made.path(), ending === 'png' ? 'latin1' : 'utf8');
        if (ending === 'csv') expect(content).toBe(await committed('figures/mean-curves.csv'));
        else expect(content.slice(0, begins.length)).toBe(begins);
        expect(content).not.toMatch(/currentColor|var\(--/); // what a file alone would not know
      }
      expect(complaints.filter((complaint) => !complaint.startsWith('blob:'))).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('shows a tooltip over a mark', async () => {
    const mark = page.locator('[data-figure=forest] .mark-symbol path').nth(1);
    await mark.scrollIntoViewIfNeeded();
    await mark.hover({ force: true });
    await page.waitForSelector('#vg-tooltip-element.visible');
    expect(await page.locator('#vg-tooltip-element').textContent()).toContain('estimate');
  });

  it('shows one seed of the training curves when it is chosen by keyboard', async () => {
    const select = page.locator('#curves select');
    const lines = () => page.locator('[data-figure=curves] .mark-line path').count();
    const all = await lines();
    await select.focus();
    await page.keyboard.press('ArrowDown');
    await expect.poll(lines).toBeLessThan(all);
  });

  it('opens the rule of a verdict by keyboard alone', async () => {
    const summary = page.locator('[data-claim=main] summary').first();
    await summary.focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('[data-claim=main] details').first().getAttribute('open')).not.toBeNull();
    expect(await page.locator('[data-claim=main] details').first().textContent()).toContain('Reproduced if');
  });

  it('prints: dark on white, with the rules unfolded and without what only a screen can use', async () => {
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await page.locator('.filters').isVisible()).toBe(false);
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(255, 255, 255)');
    const pdf = await page.pdf();
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    expect(await page.locator('.claim-details:not([open])').count()).toBe(0);
  });

  it('on a phone begins with the verdict and its picture, and nothing has to be scrolled sideways', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.reload();
    await page.waitForSelector('html[data-ready=yes]');
    const bottom = async (selector: string) => {
      const { y, height } = (await page.locator(selector).first().boundingBox())!;
      return y + height;
    };
    expect(await bottom('#story .verdict')).toBeLessThan(420);
    expect(await bottom('#story svg')).toBeLessThan(844);
    await openAll();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    const wide = await page
      .locator('.scroll, .drawing, pre')
      .evaluateAll((parts) =>
        parts
          .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
          .map((part) => part.outerHTML.slice(0, 120)),
      );
    expect(wide).toEqual([]);
    // A claim begins with its verdict.
    expect(await page.locator('#pocket-control').innerText()).toMatch(/^● reproduced control/);
  });

  it('draws each figure again where a screen becomes narrow, the guess rate first', async () => {
    const titles = () => page.locator('[data-figure=ablation-pocket] .role-title-text text').allTextContents();
    const before = await page.locator('[data-figure=ablation-pocket] svg').boundingBox();
    await page.setViewportSize({ width: 390, height: 844 });
    await expect
      .poll(async () => (await page.locator('[data-figure=ablation-pocket] svg').boundingBox())!.height)
      .toBeGreaterThan(before!.height);
    expect((await titles())[0]).toContain('guess rate');
  });

  it.each([
    390, 768, 1200,
  ])('has no text in a figure that touches other text or leaves the figure, %i wide', async (width) => {
    await page.setViewportSize({ width, height: 900 });
    await page.reload();
    await page.waitForSelector('html[data-ready=yes]');
    const faults = await page.evaluate(() => {
      const boxes = (part: Element) =>
        [...part.querySelectorAll('text')]
          .filter((text) => text.getAttribute('opacity') !== '0' && text.textContent !== '')
          .map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }));
      return [...document.querySelectorAll<HTMLElement>('[data-figure]')].flatMap((figure) => {
        const frame = figure.querySelector('svg')!.getBoundingClientRect();
        const outside = boxes(figure).filter(({ box }) => box.left < frame.left - 1 || box.right > frame.right + 1);
        const touching = [...figure.querySelectorAll('.role-axis-label, .role-legend-entry')].flatMap((labels) => {
          const all = boxes(labels);
          return all.flatMap((a, index) =>
            all
              .slice(index + 1)
              .filter(
                (b) =>
                  Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > -1 &&
                  Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top) > 3,
              )
              .map((b) => `${a.text} | ${b.text}`),
          );
        });
        return [...outside.map(({ text }) => text), ...touching].map((fault) => `${figure.dataset.figure}: ${fault}`);
      });
    });
    expect(faults).toEqual([]);
  });

  it.each([
    ['dark', 1200],
    ['light', 360],
  ] as const)('passes the accessibility checker, %s, %i wide', async (colorScheme, width) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    // Folded parts are checked too.
    await openAll();
    expect(await violations(page)).toEqual([]);
  });

  it.each([1200, 390])('has a page of error rates that passes it as well, and fits %i pixels', async (width) => {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(new URL('error-rates.html', REPORTS).href);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    expect(await violations(page)).toEqual([]);
  });
});

/** What the checker finds. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'));
  const { violations: found } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return found.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)} (${nodes.length})`);
}
