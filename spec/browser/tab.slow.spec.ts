/** The page on which a reader trains the claim, in a headless Chromium, opened as a file. */
import { once } from 'node:events';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildPage } from '../../src/browser/build.ts';
import { KNOBS } from '../../src/browser/knobs.ts';
import type { Claim } from '../../src/claims/claim.ts';
import { formatNumber } from '../../src/claims/format.ts';
import { CLAIMS } from '../../src/claims/index.ts';
import { PHASES } from '../../src/passwords/roles.ts';
import { readStudy } from '../../src/records/study.ts';
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
    expect(await page.locator('#left, #unkept').count()).toBe(0);
    await page.locator('#train-one').focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('#digest');
    expect(await status()).toBe('The run has ended.');
    expect(await page.locator('#ledger').textContent()).toMatch(
      /rejected \d+ times, chosen 0 times and imitated 0 times/,
    );
    expect(await page.locator('canvas').count()).toBe(4); // two measures over the phases, and the flip in two ways

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
    for (const [row, set] of (['heldOut', 'useful', 'random'] as const).entries()) {
      const shown = await page.locator('#train ~ .figures tbody tr').nth(row).locator('td').allInnerTexts();
      const measured = PHASES.map((phase) => {
        const ofPhase = record.evaluations.filter((evaluation: { phase: string }) => evaluation.phase === phase);
        const { guessRate, perf } = ofPhase.at(-1).sets[set];
        return `${formatNumber(guessRate)}\n${formatNumber(perf)}`;
      });
      expect(shown, set).toEqual(measured);
    }
    const letters = await page.locator('#letters tbody tr').allInnerTexts();
    const [afterPhase2, atTheEnd] = record.snapshots.map(
      ({ sets }: { sets: { heldOut: { logProbabilities: number[][] } } }) => sets.heldOut.logProbabilities[0],
    );
    expect(letters).toHaveLength(record.setup.passwords.length);
    for (const [index, text] of letters.entries()) {
      expect(text).toContain(record.snapshots[0].sets.heldOut.passwords[0][index]);
      for (const logProbabilities of [afterPhase2, atTheEnd])
        expect(text).toContain(`${(100 * Math.exp(logProbabilities[index])).toFixed(1)}%`);
    }
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

  it('trains from a static host as well, also where that isolates it, and asks for nothing once it is loaded', async () => {
    await open(TINY);
    await page.locator('#train-one').click();
    await page.waitForSelector('#digest');
    const asFile = await digest();
    await page.close();
    const host = createServer((_, response) => {
      response.writeHead(200, {
        'content-type': 'text/html',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
      });
      createReadStream(fileURLToPath(address)).pipe(response);
    }).listen(0, '127.0.0.1');
    try {
      await once(host, 'listening');
      page = await context.newPage();
      const requests: string[] = [];
      page.on('request', (request) => {
        if (!/^(data|blob):/.test(request.url())) requests.push(request.url());
      });
      const hosted = `http://127.0.0.1:${(host.address() as AddressInfo).port}/`;
      await page.goto(hosted + fragment(TINY));
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
      await page.locator('#train-one').click();
      await page.waitForSelector('#digest');
      expect(await digest()).toBe(asFile);
      expect(requests).toHaveLength(1);
    } finally {
      host.closeAllConnections();
      host.close();
    }
  });

  /** Long enough to be paused on its way. */
  const LONGER = { ...TINY, 'phases.dpo.steps': '60', 'phases.joint.steps': '60' };

  /** What the chart of the flip has of phase 3: how many evaluations there were. */
  const flipped = () => page.locator('[aria-label*="evaluations of phase 3"]').getAttribute('aria-label');

  async function trainUntilAFifth(): Promise<void> {
    await page.locator('#train-one').click();
    await page.waitForFunction(() => (document.querySelector('progress')?.value ?? 0) > 0.2);
  }

  it('goes on where it was paused, also after the tab was closed, to the same digest', async () => {
    await open(LONGER);
    await page.locator('#train-one').click();
    await page.waitForSelector('#digest');
    const [whole, evaluations] = [await digest(), await flipped()];
    await context.close();

    context = await browser.newContext();
    await open(LONGER);
    await trainUntilAFifth();
    expect(await status()).toMatch(/^1 run to go, \d+%, about \d+ \w+ left$/);
    await page.locator('#pause').click();
    await page.locator('#status', { hasText: 'Paused: 1 run.' }).waitFor();
    await page.locator('#go-on').click();
    await page.waitForFunction(() => (document.querySelector('progress')?.value ?? 0) > 0.5);
    await page.locator('#pause').click();
    await page.locator('#status', { hasText: 'Paused: 1 run.' }).waitFor();
    await page.close();
    await open(LONGER);
    // It is said before anything is pressed.
    expect(await page.locator('#left').textContent()).toMatch(/A run was left before its end: seed 201 at [5-9]\d%/);
    await page.locator('#go-on-left').click();
    await page.waitForSelector('#digest');
    expect(await digest()).toBe(whole);
    expect(await flipped()).toBe(evaluations);
    // A run that has ended is there when the tab is opened again.
    await page.close();
    await open(LONGER);
    await page.waitForSelector('#digest');
    expect(await digest()).toBe(whole);
    expect(await page.locator('#left').count()).toBe(0);
  });

  it('forgets a run that was left before its end, where the reader wants that, and of another setup says nothing', async () => {
    await open(LONGER);
    await trainUntilAFifth();
    await page.locator('#pause').click();
    await page.locator('#left').waitFor();
    await page.close();
    await open({ ...LONGER, beta: '0.2' });
    await page.waitForTimeout(1_000); // time in which it would be said
    expect(await page.locator('#left').count()).toBe(0);
    await page.close();
    await open(LONGER);
    await page.locator('#forget').click();
    await page.locator('#left').waitFor({ state: 'detached' });
    expect(await status()).toBe('Nothing is training.');
    await page.close();
    await open(LONGER);
    await page.waitForTimeout(1_000);
    expect(await page.locator('#left').count()).toBe(0);
  });

  /** It answers later, and says no. */
  const REFUSES = `IDBFactory.prototype.open = () => ({
    error: new DOMException('there is no room', 'QuotaExceededError'),
    set onerror(fail) { setTimeout(fail); },
  });`;

  it.each([
    ['throws', "IDBFactory.prototype.open = () => { throw new DOMException('it is denied', 'SecurityError'); };"],
    ['refuses', REFUSES],
    ['is absent', "Object.defineProperty(globalThis, 'indexedDB', { value: undefined });"],
  ])('trains where IndexedDB %s, and says at a pause why it keeps nothing', async (_, away) => {
    await open(LONGER);
    await page.locator('#train-one').click();
    await page.waitForSelector('#digest');
    const whole = await digest();
    await context.close();

    context = await browser.newContext();
    await context.addInitScript(away);
    await open(LONGER);
    expect(await page.locator('#unkept').textContent()).toContain('This browser keeps nothing for the page');
    await trainUntilAFifth();
    await page.locator('#pause').click();
    await page.locator('#status', { hasText: 'Paused: 1 run. This browser did not keep what was done (' }).waitFor();
    await page.locator('#go-on').click();
    await page.waitForSelector('#digest');
    expect(await digest()).toBe(whole);
    expect(await status()).toBe('The run has ended.');
    expect(await page.locator('#save').isEnabled()).toBe(true);
  });

  it('judges claims by the rules of the command line, on all their seeds', async () => {
    const claims = 'main,avoidance';
    await open({ ...TINY, claims });
    await page.locator('#train-all').click();
    await page
      .locator('section[aria-labelledby=verdict]', { hasText: `${DEFAULT_SEEDS} runs of them ended` })
      .waitFor();
    const { claims: judged } = await trained('201,202,203,204,205', '--claims', claims);
    expect(judged).toHaveLength(2);
    for (const { id, verdict, estimate } of judged) {
      const row = page.locator(`#verdicts [data-claim=${id}]`);
      expect(await row.getAttribute('data-verdict'), id).toBe(verdict);
      expect(await row.textContent(), id).toContain(formatNumber(estimate)); // Math of another engine may differ in a last digit
    }
    // The flip of every seed, and what the ledger counted of each.
    expect(await page.locator('#seeds tbody tr').count()).toBe(DEFAULT_SEEDS);
    const counts = await page.locator('#evidence tbody tr').allInnerTexts();
    expect(counts).toHaveLength(DEFAULT_SEEDS);
    for (const text of counts) expect(text).toMatch(/main, 20\d\s+[1-9]\d* \/ 0 \/ 0\s+[0-9a-f]{8}, not in the report/);
  });

  it('leads by keyboard from screen to screen, whose addresses can be shared', async () => {
    await open(TINY);
    const inSight = (id: string) =>
      page.waitForFunction((heading) => {
        const { top } = (document.getElementById(heading) as HTMLElement).getBoundingClientRect();
        return document.activeElement?.id === heading && top >= 0 && top < innerHeight;
      }, id);
    await page.locator('nav a', { hasText: '3. The verdict' }).focus();
    await page.keyboard.press('Enter');
    await inSight('verdict');
    expect(page.url()).toContain('screen=verdict');
    // From there the next key leads on.
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('train-all');
    await page.locator('.next a', { hasText: 'Next: 2. The flip' }).focus();
    await page.keyboard.press('Enter');
    await inSight('flip');
    await page.goBack();
    await inSight('verdict');
    const shared = page.url();
    await page.close();
    page = await context.newPage();
    await page.goto(shared);
    await inSight('verdict');
    expect(await page.locator('[id="knob-phases.joint.steps"]').inputValue()).toBe(TINY['phases.joint.steps']);
  });

  it('tells a screen reader what begins and ends, and not each step', async () => {
    await open(LONGER);
    await page.evaluate(() => {
      const said = document.getElementById('said') as HTMLElement;
      const heard: string[] = [];
      Object.assign(globalThis, { heard });
      new MutationObserver(() => heard.push(said.textContent ?? '')).observe(said, {
        characterData: true,
        childList: true,
        subtree: true,
      });
    });
    await page.locator('#train-one').click();
    await page.waitForSelector('#digest');
    const heard = await page.evaluate(() => (globalThis as unknown as { heard: string[] }).heard);
    expect(heard).toContain('1 run to go, phase 3 joint');
    expect(heard.at(-1)).toBe('The run has ended.');
    expect(heard.length).toBeLessThanOrEqual(6);
    expect(await page.locator('[aria-live]:not([aria-live=off]), [role=status], output').count()).toBe(1);
  });

  it('says at each knob what the paper has, and what the reference report found', async () => {
    await open({});
    const [{ name, claims }] = JSON.parse(await readFile('reports/claims.json', 'utf8')).studies;
    for (const knob of KNOBS) {
      const text = await page.locator(`[id="found-${knob.path}"]`).innerText();
      expect(text, knob.path).toContain(`The paper`);
      expect(text, knob.path).toContain(knob.paper);
      const judged = claims.filter(({ id }: { id: string }) => knob.claims.includes(id));
      for (const { id, verdict, estimate, seeds } of judged) {
        expect(text, id).toContain(`at ${name}, ${id}, ${seeds.length} seeds: ${verdict}`);
        expect(text, id).toContain(formatNumber(estimate));
      }
    }
    expect(KNOBS.flatMap((knob) => knob.claims).filter((id) => CLAIMS.every((claim) => claim.id !== id))).toEqual([]);
  });

  it('trains a claim to the committed digests of the reference report, on every seed, and judges it', async () => {
    // Without DPO, which takes a third of the time.
    await open({ 'phases.dpo.steps': '0', 'phases.joint.weights.dpo': '0', claims: 'control' });
    await page.locator('#train-all').click();
    await page
      .locator('section[aria-labelledby=verdict]', { hasText: `${DEFAULT_SEEDS} runs of them ended` })
      .waitFor();
    const ended = await page.locator('#evidence tbody tr').allInnerTexts();
    expect(ended).toHaveLength(DEFAULT_SEEDS);
    for (const [index, text] of ended.entries())
      expect(text).toMatch(new RegExp(`main, ${201 + index}\\s.*[0-9a-f]{8}, the same$`, 's'));
    expect(await page.locator('#digest').textContent()).toContain(
      'the same, to the last bit, as in the reference report',
    );
    // The verdict is that on the committed records of the same runs.
    const { records } = await readStudy(path.join('reports', 'records', 'pocket.jsonl.br'));
    const committed = records.filter(
      ({ setup }) => setup.name === 'pocket-no-dpo' && setup.seed <= 200 + DEFAULT_SEEDS,
    );
    const { verdict, estimate } = (CLAIMS.find(({ id }) => id === 'control') as Claim).judge({ main: committed });
    const row = page.locator('#verdicts [data-claim=control]');
    expect(await row.getAttribute('data-verdict')).toBe(verdict);
    expect(await row.textContent()).toContain(formatNumber(estimate as number));
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
    ['screen', 'nonsense', 'the page has no screen "nonsense"'],
    ['screen', 'toString', 'the page has no screen "toString"'],
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
