/**
 * Firefox and WebKit as the system has them, driven by WebDriver, for specs of pages. Playwright drives builds of its own
 * alone; what these two need of it is little: Firefox speaks it over a socket (Marionette), WebKit by its driver over HTTP.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface OtherBrowser {
  readonly version: string;
  open(address: string): Promise<void>;
  /** @param script a function's body in the page's JavaScript @returns what it returns, as JSON carries it */
  run(script: string): Promise<unknown>;
  /** Runs it over and over until it returns something true, which is given back. */
  until(script: string): Promise<unknown>;
  close(): Promise<void>;
}

interface Kind {
  /** Why it cannot be tried here; null where it can. */
  readonly absent: string | null;
  start(): Promise<OtherBrowser>;
}

const found = (...candidates: (string | undefined)[]): string | undefined =>
  candidates.find((file) => file !== undefined && existsSync(file));

const FIREFOX = found(process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox');
const WEBKIT_DRIVER = found(process.env.WEBKIT_DRIVER, '/usr/bin/WebKitWebDriver');
const XVFB = found('/usr/bin/Xvfb');

/** Bounds hangs alone: how long a browser may take to start, and what is waited for in a page. */
const PATIENCE = 300_000;

/** A process at the head of a group, so that those that it starts end with it. */
const startGroup = (command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess =>
  spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, ...env } });

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

/** Tries again while what it waits for is not there yet. */
async function soon<T>(what: string, attempt: () => T | Promise<T>): Promise<T> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw new Error(`${what} did not start: ${(error as Error).message}`);
      await sleep(100);
    }
  }
}

/** Sends a command of WebDriver by its name in Marionette. */
type Send = (command: string, parameters: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** Marionette: each message is its length in bytes, a colon, and JSON: `[0, id, command, parameters]`, `[1, id, error, result]`. */
async function marionette(port: number): Promise<{ send: Send; socket: net.Socket }> {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let rest = Buffer.alloc(0);
  let hear: (message: unknown) => void = () => {};
  let fail: (error: Error) => void = () => {};
  socket.on('close', () => fail(new Error('Firefox has ended')));
  const next = () =>
    new Promise<unknown>((resolve, reject) => {
      hear = resolve;
      fail = reject;
    });
  socket.on('data', (data) => {
    rest = Buffer.concat([rest, data]);
    const colon = rest.indexOf(':');
    if (colon === -1) return;
    const end = colon + 1 + Number(rest.subarray(0, colon));
    if (rest.length < end) return;
    const message = JSON.parse(rest.subarray(colon + 1, end).toString());
    rest = rest.subarray(end);
    hear(message);
  });
  await next(); // it says which version it speaks
  let id = 0;
  const send: Send = async (command, parameters) => {
    id += 1;
    const text = JSON.stringify([0, id, command, parameters]);
    const answer = next();
    socket.write(`${Buffer.byteLength(text)}:${text}`);
    const [, , error, result] = (await answer) as [1, number, { message: string } | null, unknown];
    if (error !== null) throw new Error(error.message);
    return result;
  };
  return { send, socket };
}

async function startFirefox(): Promise<OtherBrowser> {
  const profile = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-firefox-'));
  writeFileSync(path.join(profile, 'user.js'), 'user_pref("marionette.port", 0);\n'); // any that is free
  const child = startGroup(FIREFOX as string, ['--headless', '--marionette', '--no-remote', '--profile', profile]);
  const close = async () => {
    endGroup(child);
    await sleep(100); // what it still writes
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  };
  try {
    const port = await soon('Firefox', () => Number(readFileSync(path.join(profile, 'MarionetteActivePort'), 'utf8')));
    const { send, socket } = await marionette(port);
    const { capabilities } = (await send('WebDriver:NewSession', {})) as { capabilities: { browserVersion: string } };
    return driven(capabilities.browserVersion, send, async () => {
      socket.removeAllListeners('close').destroy();
      await close();
    });
  } catch (error) {
    await close();
    throw error;
  }
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A screen, where there is none: WebKit's browser has no mode without. */
async function screen(): Promise<{ display: string; end: () => void }> {
  if (process.env.DISPLAY !== undefined) return { display: process.env.DISPLAY, end: () => {} };
  const child = startGroup(XVFB as string, ['-displayfd', '1', '-screen', '0', '1280x1024x24']);
  const [number] = await once(child.stdout as NodeJS.ReadableStream, 'data');
  return { display: `:${String(number).trim()}`, end: () => endGroup(child) };
}

async function startWebkit(): Promise<OtherBrowser> {
  const { display, end } = await screen();
  const port = await freePort();
  const child = startGroup(WEBKIT_DRIVER as string, [`--port=${port}`], {
    DISPLAY: display,
    LANG: 'en_US.UTF-8', // the page's language would be "C" otherwise, which is none
    WEBKIT_DISABLE_COMPOSITING_MODE: '1', // a screen of Xvfb has no graphics card
    WEBKIT_DISABLE_DMABUF_RENDERER: '1',
  });
  const close = async () => {
    endGroup(child);
    end();
  };
  const ask = async (address: string, body: unknown): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}${address}`, { method: 'POST', body: JSON.stringify(body) });
    const { value } = (await answer.json()) as { value: unknown };
    if (!answer.ok) throw new Error((value as { message: string }).message);
    return value;
  };
  try {
    await soon('WebKitWebDriver', () => fetch(`http://127.0.0.1:${port}/status`));
    const { sessionId, capabilities } = (await ask('/session', { capabilities: {} })) as {
      sessionId: string;
      capabilities: { browserVersion: string };
    };
    const addresses: Readonly<Record<string, string>> = {
      'WebDriver:Navigate': 'url',
      'WebDriver:ExecuteScript': 'execute/sync',
    };
    const send: Send = async (command, parameters) => ({
      value: await ask(`/session/${sessionId}/${addresses[command]}`, parameters),
    });
    return driven(capabilities.browserVersion, send, close);
  } catch (error) {
    await close();
    throw error;
  }
}

function driven(version: string, send: Send, close: () => Promise<void>): OtherBrowser {
  const run = async (script: string): Promise<unknown> =>
    ((await send('WebDriver:ExecuteScript', { script, args: [] })) as { value: unknown }).value;
  return {
    version,
    run,
    async open(address) {
      await send('WebDriver:Navigate', { url: address });
    },
    async until(script) {
      const end = Date.now() + PATIENCE;
      for (;;) {
        const value = await run(script);
        if (value) return value;
        if (Date.now() > end)
          throw new Error(
            `waited in vain for: ${script}\nThe page says: ${await run('return document.body.innerText')}`,
          );
        await sleep(200);
      }
    },
    close,
  };
}

/** Browsers beside Chromium. Where one is absent, its specs are skipped: no reader needs three browsers. */
export const OTHER_BROWSERS: Readonly<Record<string, Kind>> = {
  Firefox: {
    absent: FIREFOX === undefined ? 'install the package firefox-esr, or set FIREFOX to its path' : null,
    start: startFirefox,
  },
  WebKit: {
    absent:
      WEBKIT_DRIVER === undefined
        ? 'install the package webkit2gtk-driver, or set WEBKIT_DRIVER to its path'
        : XVFB === undefined && process.env.DISPLAY === undefined
          ? 'there is no screen for it: install the package xvfb'
          : null,
    start: startWebkit,
  },
};

for (const [name, { absent }] of Object.entries(OTHER_BROWSERS))
  if (absent !== null) console.warn(`No ${name} found: the page is not tried in it. To try it, ${absent}.`);
