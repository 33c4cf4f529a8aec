/** The committed page in a real browser. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { browserIsHere, startBrowser } from '../helpers/browser.ts';

const PAGE = new URL('../../reports/index.html', import.meta.url);
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

  it('its filters show the claims of one verdict or preset, in the table and in the forest plot', async () => {
    const [rows, marks] = [await shownRows(), await forestRows()];
    await page.selectOption('#filter-verdict', 'not reproduced');
    const wanted = await page.locator('[data-claim][data-verdict="not reproduced"]').count();
    expect(await shownRows()).toBe(wanted);
    expect(wanted).toBeLessThan(rows);
    await expect.poll(forestRows).toBeLessThan(marks);
    await page.selectOption('#filter-verdict', 'all');
    await page.selectOption('#filter-study', 'pocket-memorising');
    expect(await shownRows()).toBe(await page.locator('[data-claim][data-study="pocket-memorising"]').count());
    expect(await page.locator('#shown').textContent()).toContain(`${await shownRows()} claims`);
    await page.selectOption('#filter-study', 'all');
    await expect.poll(forestRows).toBe(marks);
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

  it('fits a phone: nothing but the scrollable parts is wider than the screen', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  });

  it.each([
    ['light', 1200],
    ['dark', 1200],
    ['light', 360],
  ] as const)('passes the accessibility checker, %s, %i wide', async (colorScheme, width) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    // Folded parts are checked too.
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
    });
    await page.evaluate(await readFile(AXE, 'utf8'));
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
    );
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)} (${nodes.length})`)).toEqual([]);
  });
});
