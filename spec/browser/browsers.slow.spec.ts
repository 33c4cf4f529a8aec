/** The page in browsers other than Chromium, where they are installed, opened as a file: runs end as those of the command line. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPage } from '../../src/browser/build.ts';
import { finish, startCommand } from '../helpers/command.ts';
import { digestIn } from '../helpers/nodes.ts';
import { OTHER_BROWSERS, type OtherBrowser } from '../helpers/other-browsers.ts';

/** So short that a run takes seconds, and long enough to be paused on its way. */
const CHANGES = {
  'phases.pretrain.steps': '4',
  'phases.dpo.steps': '60',
  'phases.joint.steps': '60',
  'passwords.repeats': '4',
  'evaluation.every': '4',
};

/** Once a run has ended, its digest; what the page says where it stopped. */
const ENDED = `
  const status = document.querySelector('#status').textContent;
  return document.querySelector('#digest code')?.textContent ?? (/stopped/.test(status) ? status : null);`;

const HERE = Object.entries(OTHER_BROWSERS).filter(([, { absent }]) => absent === null);

describe.skipIf(HERE.length === 0)('the page that trains, beside Chromium', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-browsers-'));
  let address: string;
  let digest: string;

  beforeAll(async () => {
    const { file } = await buildPage(folder);
    address = `${pathToFileURL(file).href}#${new URLSearchParams(CHANGES)}`;
    const out = path.join(folder, 'of-node');
    const set = Object.entries(CHANGES).flatMap((change) => ['--set', change.join('=')]);
    const done = await finish(
      startCommand(['reproduce', '--claims', 'main', '--seed-list', '201', '--out', out, ...set], {
        NEGATIVE_KNOWLEDGE_ENGINE: 'wasm',
      }),
    );
    expect(done.code, done.stderr).not.toBe(2);
    digest = digestIn(out);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe.each(Object.entries(OTHER_BROWSERS))('%s', (_, { absent, start }) => {
    it.skipIf(absent !== null)(
      'is paused, goes on after the tab was left, and ends with the digest of Node',
      async () => {
        const browser: OtherBrowser = await start();
        try {
          await browser.open(address);
          await browser.until("return document.documentElement.dataset.ready === 'yes'");
          await browser.run("document.querySelector('#train-one').click()");
          await browser.until("return document.querySelector('progress').value > 0.2");
          await browser.run("document.querySelector('#pause').click()");
          await browser.until("return /^Paused: 1 run/.test(document.querySelector('#status').textContent)");
          await browser.open('about:blank');
          await browser.open(address);
          const left = await browser.until("return document.querySelector('#left')?.textContent");
          expect(left).toMatch(/seed 201 at [2-9]\d%/);
          expect(await browser.run("return document.querySelector('#unkept')")).toBe(null);
          await browser.run("document.querySelector('#go-on-left').click()");
          expect(await browser.until(ENDED)).toBe(digest);
        } finally {
          await browser.close();
        }
      },
    );
  });
});
