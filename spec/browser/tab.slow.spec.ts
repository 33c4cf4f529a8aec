/** The page on which a reader trains the claim, in a headless Chromium, opened as a file. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildPage } from '../../src/browser/build.ts';
import { formatNumber } from '../../src/claims/format.ts';
import { DEFAULT_SEEDS } from '../../src/setup/presets.ts';
import { browserIsHere, startBrowser } from '../helpers/browser.ts';
import { finish, startCommand } from '../helpers/command.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core');

/** So short that a run takes seconds. */
const TINY = {
  'phases.pretrain.steps': '4',
  'phases.dpo.steps': '12',
  'phases.joint.steps': '12',
  'passwords.repeats': '2',
  'evaluation.every': '4',
};
const fragment = (changes: Record<string, string>): string => `#${new URLSearchParams(changes)}`;

describe.skipIf(!browserIsHere)('the page that trains', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-tab-'));
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let sent: number;
  let address: string;
  let complaints: string[];

  beforeAll(async () => {
    const built = await buildPage(folder);
    sent = built.sent;
    address = pathToFileURL(built.file).href;
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(changes: Record<string, string>): Promise<void> {
    page = await context.newPage();
    page.setDefaultTimeout(600_000); // bounds hangs alone
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('request', (request) => {
      if (!/^(file|data|blob):/.test(request.url())) complaints.push(request.url());
    });
    await page.goto(address + fragment(changes));
    await page.waitForSelector('html[data-ready=yes]');
  }

  beforeEach(async () => {
    complaints = [];
    context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
  });
  afterEach(async () => {
    await context?.close();
    expect(complaints).toEqual([]);
  });

  const status = () => page.locator('#status').textContent();
  const digest = async () => /[0-9a-f]{64}/.exec((await page.locator('#digest').textContent()) ?? '')?.[0];

  /** Records of the command line, on the engine of the page. */
  async function trained(seeds: string, ...more: string[]) {
    const out = path.join(folder, `of-node-${seeds}-${more.length}`);
    const set = Object.entries(TINY).flatMap((change) => ['--set', change.join('=')]);
    const done = await finish(
      startCommand(['reproduce', '--json', '--seed-list', seeds, '--out', out, ...set, ...more], {
        NEGATIVE_KNOWLEDGE_ENGINE: 'wasm',
      }),
    );
    expect(done.code, done.stderr).not.toBe(2);
    return JSON.parse(done.stdout);
  }

  it('has at most 700 kB as a server sends it', () => {
    expect(sent).toBeLessThanOrEqual(700_000);
  });

  it('ends a run with the digest of the command line, saves its record, and `verify` finds nothing against it', async () => {
    await open(TINY);
    await page.locator('#train-one').focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('#digest');
    expect(await status()).toBe('The run has ended.');
    expect(await page.locator('#ledger').textContent()).toMatch(
      /rejected \d+ times, chosen 0 times and imitated 0 times/,
    );
    expect(await page.locator('canvas').count()).toBe(2);

    const [saved] = await Promise.all([page.waitForEvent('download'), page.locator('#save').click()]);
    const file = path.join(folder, saved.suggestedFilename());
    expect(path.basename(file)).toBe('pocket-runs.jsonl');
    await saved.saveAs(file);
    const [head, record] = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(head.runs).toBe(1);
    expect(record.parametersDigest).toBe(await digest());
    expect(record.environment.platform).toMatch(/^browser-/);
    const wasm = { NEGATIVE_KNOWLEDGE_ENGINE: 'wasm' };
    const verified = await finish(startCommand(['verify', file, '--retrain', '1', '--json'], wasm));
    expect(verified.code, verified.stdout + verified.stderr).toBe(0);
    expect(JSON.parse(verified.stdout).checks.retrained).toEqual({ agree: 1, differ: 0, notChecked: 0 });
    const reported = await finish(
      startCommand(['report', '--from', file, '--out', path.join(folder, 'reported')], wasm),
    );
    expect(reported.code, reported.stderr).toBe(0);
    expect(readFileSync(path.join(folder, 'reported', 'runs.csv'), 'utf8')).toContain(await digest());
  });

  it('goes on where it was paused, also after the tab was closed, to the same digest', async () => {
    const longer = { ...TINY, 'phases.dpo.steps': '60', 'phases.joint.steps': '60' };
    await open(longer);
    await page.locator('#train-one').click();
    await page.waitForSelector('#digest');
    const whole = await digest();
    await context.close();

    context = await browser.newContext();
    await open(longer);
    await page.locator('#train-one').click();
    await page.waitForFunction(() => (document.querySelector('progress')?.value ?? 0) > 0.2);
    await page.locator('#pause').click();
    await page.locator('#status', { hasText: 'Paused.' }).waitFor();
    await page.close();
    await open(longer);
    expect(await status()).toBe('Nothing is training.');
    await page.locator('#train-one').click();
    await page.waitForSelector('#digest');
    expect(await digest()).toBe(whole);
    // A run that has ended is there when the tab is opened again.
    await page.close();
    await open(longer);
    await page.waitForSelector('#digest');
    expect(await digest()).toBe(whole);
  });

  it('judges claims by the rules of the command line, on all their seeds', async () => {
    const claims = 'main,avoidance';
    await open({ ...TINY, claims });
    await page.locator('#train-all').click();
    await page.locator('section[aria-labelledby=all]', { hasText: `${DEFAULT_SEEDS} are done` }).waitFor();
    const { claims: judged } = await trained('201,202,203,204,205', '--claims', claims);
    expect(judged).toHaveLength(2);
    for (const { id, verdict, estimate } of judged) {
      const row = page.locator(`#verdicts [data-claim=${id}]`);
      expect(await row.getAttribute('data-verdict'), id).toBe(verdict);
      expect(await row.textContent(), id).toContain(formatNumber(estimate)); // Math of another engine may differ in a last digit
    }
  });

  it('ends a run of the reference report as its committed record does', async () => {
    // Without DPO, which takes a third of the time.
    await open({ 'phases.dpo.steps': '0', 'phases.joint.weights.dpo': '0', seed: '202' });
    await page.locator('#train-one').click();
    await page.waitForSelector('#digest');
    expect(await page.locator('#digest').textContent()).toContain(
      'the same, to the last bit, as in the reference report',
    );
  });

  it('shares a setup by its address, whichever knob was turned', async () => {
    await open(TINY);
    await page.locator('[id="knob-optimiser.weightDecay"]').fill('0.3');
    await page.locator('[id="knob-optimiser.weightDecay"]').blur();
    await expect.poll(() => page.url()).toContain('optimiser.weightDecay=0.3');
    await page.locator('[id="knob-passwords.heldBatches"]').fill('99');
    await page.locator('[id="knob-passwords.heldBatches"]').blur();
    await expect.poll(() => page.locator('.fault').textContent()).toContain('heldBatches');
    const shared = page.url();
    await page.close();
    page = await context.newPage();
    await page.goto(shared);
    await page.waitForSelector('html[data-ready=yes]');
    expect(await page.locator('[id="knob-optimiser.weightDecay"]').inputValue()).toBe('0.3');
    expect(await page.locator('[id="knob-phases.joint.steps"]').inputValue()).toBe(TINY['phases.joint.steps']);
  });

  it.each([
    ['preset', 'paper', 'a tab trains no preset "paper"'],
    ['claims', 'nonsense', 'there is no claim "nonsense"'],
    ['beta', 'wide', 'beta'],
    ['__proto__.x', '1', 'there is no field'],
    ['nonsense', '1', 'nonsense'],
    ['phases.nonsense.steps', '1', 'nonsense'],
  ])('says what is wrong with an address: %s=%s', async (name, value, message) => {
    await open({ [name]: value });
    const alert = page.locator('#app[role=alert]');
    expect(await alert.textContent()).toContain(message);
  });

  it.each([
    ['light', 1200],
    ['dark', 390],
  ] as const)('passes the accessibility checker and fits the screen, %s, %i wide', async (colorScheme, width) => {
    await open(TINY);
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 844 });
    await page.locator('#train-one').click();
    await page.waitForSelector('#digest');
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
    });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    await page.evaluate(await readFile(AXE, 'utf8'));
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
    );
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)} (${nodes.length})`)).toEqual([]);
  });
});
