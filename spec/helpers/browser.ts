/** A headless Chromium of the system, for specs of pages. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const CANDIDATES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

const executablePath = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** Where there must be a browser (a CI says so), its absence is a failure; elsewhere its specs are skipped. */
const required = process.env.NEGATIVE_KNOWLEDGE_BROWSER === 'required';

export const browserIsHere = executablePath !== undefined || required;

if (!browserIsHere)
  console.warn(
    'No Chromium found: the specs of the page are skipped. Install the package chromium, or set CHROMIUM to its path.',
  );

/** @param more options of the command line */
export async function startBrowser(...more: string[]): Promise<Browser> {
  if (executablePath === undefined)
    throw new Error(
      'NEGATIVE_KNOWLEDGE_BROWSER=required, but there is no Chromium: install it, or set CHROMIUM to its path',
    );
  // A container's root may not open the sandbox; the only page opened is our own.
  return chromium.launch({ executablePath, args: ['--no-sandbox', ...more] });
}
