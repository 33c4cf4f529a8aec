/** A hub that lies, leads elsewhere or never ends; beside it a stranger who writes down what he is sent. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ModelError } from '../../src/model/config.ts';
import { fetchModel } from '../../src/model/hub.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { COMMIT } from '../helpers/hub.ts';

const TOKEN = 'hf_notarealtoken0123456789';
const MODEL = { id: 'someone/model', revision: 'main' };

interface Listening {
  readonly url: string;
  readonly host: string;
  readonly seen: { path: string; token: string | undefined }[];
}

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
  vi.unstubAllEnvs();
});

async function serve(answer: RequestListener, name = '127.0.0.1'): Promise<Listening> {
  const seen: Listening['seen'] = [];
  const server = createServer((request, response) => {
    seen.push({ path: request.url as string, token: request.headers.authorization });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  const host = `${name}:${(server.address() as AddressInfo).port}`;
  return { url: `http://${host}`, host, seen };
}

const json = (response: ServerResponse, content: unknown, headers: Record<string, string> = {}) =>
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(content));

const about = { _id: '0', id: MODEL.id, sha: COMMIT, private: false, gated: false, downloads: 0, likes: 0 };
const DIGEST = 'a'.repeat(40);
const files = (size: number) =>
  ['config.json', 'tokenizer.json', 'model.safetensors'].map((name) => ({
    type: 'file',
    path: name,
    size,
    oid: DIGEST,
  }));

/** A hub that answers as one does until a part of it is replaced. */
const hub = (parts: { about?: RequestListener; tree?: RequestListener; file?: RequestListener }, name?: string) =>
  serve((request: IncomingMessage, response: ServerResponse) => {
    const url = request.url as string;
    if (url.includes('/tree/')) return (parts.tree ?? ((_, to) => json(to, files(4))))(request, response);
    if (url.includes('/resolve/')) return (parts.file ?? ((_, to) => to.end('{}{}')))(request, response);
    return (parts.about ?? ((_, to) => json(to, about)))(request, response);
  }, name);

/** Milliseconds that a hub may be silent: for hubs that stay so, and for those whose answers a busy machine may hold up. */
const [SILENCE, HANGS] = [2_000, 600_000];

/** What fetching from a hub comes to, with a token that it may know. */
async function fetched({ url }: Listening, idle = HANGS): Promise<string> {
  vi.stubEnv('HF_ENDPOINT', url);
  vi.stubEnv('HF_TOKEN', TOKEN);
  return fetchModel(MODEL, { patience: 1, idle }).then(
    () => 'fetched',
    (error: Error) => {
      expect(error).toBeInstanceOf(ModelError);
      expect(error.message).not.toContain(TOKEN);
      return error.message;
    },
  );
}

let home: string;
beforeEach(() => {
  home = temporaryFolder();
  vi.stubEnv('HF_HOME', home);
  vi.stubEnv('HF_HUB_CACHE', path.join(home, 'hub'));
});

const largest = (): number =>
  !existsSync(home)
    ? 0
    : (readdirSync(home, { recursive: true }) as string[])
        .map((name) => statSync(path.join(home, name)))
        .filter((found) => found.isFile())
        .reduce((most, { size }) => Math.max(most, size), 0);

describe('the token', () => {
  it('goes to the hub itself with every request', async () => {
    const here = await hub({});
    await fetched(here);
    expect(here.seen.length).toBeGreaterThan(2);
    expect(new Set(here.seen.map(({ token }) => token))).toEqual(new Set([`Bearer ${TOKEN}`]));
  });

  // `localhost` and 127.0.0.1 are one machine and two origins; so are two ports.
  it.each([
    '127.0.0.1',
    'localhost',
  ])('goes to no other host (%s) that a listing names as its next page, which is refused by both names', async (name) => {
    const stranger = await serve((_, response) => json(response, files(4)), name);
    const here = await hub({
      tree: (_, response) => json(response, files(4), { link: `<${stranger.url}/api/more>; rel="next"` }),
    });
    const message = await fetched(here);
    expect(message).toBe(
      `the listing of someone/model goes on at another host (${stranger.host}), and only ${here.host} was to be asked`,
    );
    expect(stranger.seen).toEqual([]);
  });

  it('goes to no other host that an answer or a listing is redirected to', async () => {
    const stranger = await serve((_, response) => json(response, about));
    const elsewhere: RequestListener = (_, response) =>
      response.writeHead(307, { location: `${stranger.url}/x` }).end();
    for (const part of ['about', 'tree'] as const) {
      expect(await fetched(await hub({ [part]: elsewhere }))).toMatch(/goes on at another host/);
      expect(stranger.seen).toEqual([]);
    }
  });

  it('stays behind where a file is kept elsewhere, as large files are', async () => {
    const stranger = await serve((_, response) =>
      response.writeHead(200, { 'content-length': 4, etag: '"x"' }).end('{}{}'),
    );
    const here = await hub({
      file: (_, response) => response.writeHead(302, { location: `${stranger.url}/file` }).end(),
    });
    await fetched(here);
    expect(stranger.seen.length).toBeGreaterThan(0);
    expect(stranger.seen.every(({ token }) => token === undefined)).toBe(true);
  });

  it('comes back with a redirect that leads back home, and not before', async () => {
    const here: { at?: Listening } = {};
    const stranger = await serve((_, response) =>
      response.writeHead(302, { location: `${here.at?.url}/resolve/home` }).end(),
    );
    here.at = await hub({
      file: (request, response) =>
        request.url === '/resolve/home'
          ? response.writeHead(200, { 'content-length': 4, etag: '"x"' }).end('{}{}')
          : response.writeHead(302, { location: stranger.url }).end(),
    });
    await fetched(here.at);
    expect(stranger.seen.every(({ token }) => token === undefined)).toBe(true);
    expect(
      here.at.seen.filter((one) => one.path === '/resolve/home').every(({ token }) => token === `Bearer ${TOKEN}`),
    ).toBe(true);
  });
});

describe('what a hub sends without end', () => {
  const piece = Buffer.alloc(65_536, 'x');
  /** Writes until the other side has had enough; says how much it took. */
  const endless = (headers: Record<string, string> = {}, status = 200) => {
    const sent = { bytes: 0, ended: false };
    const answer: RequestListener = (_, response) => {
      response.writeHead(status, headers);
      response.on('close', () => {
        sent.ended = true;
      });
      const more = () => {
        while (!response.destroyed) {
          sent.bytes += piece.length;
          if (!response.write(piece)) return response.once('drain', more);
        }
      };
      more();
    };
    return { sent, answer };
  };
  const SOME = 64 * 2 ** 20;

  it('of a file is read to the announced size: not a byte more is kept, and the connection is closed', async () => {
    const { sent, answer } = endless({ etag: '"x"', 'content-length': String(400e6) });
    const file: RequestListener = (request, response) =>
      request.headers.range === 'bytes=0-0'
        ? response.writeHead(206, { etag: '"x"', 'content-range': 'bytes 0-0/4', 'content-length': 1 }).end('{')
        : answer(request, response);
    expect(await fetched(await hub({ file }))).toMatch(
      /sends more of config\.json than the 4 bytes that were announced/,
    );
    expect(largest()).toBeLessThanOrEqual(4);
    expect(sent.bytes).toBeLessThan(SOME);
    await vi.waitUntil(() => sent.ended, { timeout: 600_000 });
  });

  it('of a description, a listing or an error page is read to a bound', async () => {
    for (const [part, status] of [
      ['about', 200],
      ['tree', 200],
      ['about', 404],
      ['tree', 403],
      ['about', 500],
    ] as const) {
      const { sent, answer } = endless({ 'content-type': 'application/json' }, status);
      const message = await fetched(await hub({ [part]: answer }));
      expect(message, `${part} ${status}`).toMatch(
        /more of the (description|listing) of someone\/model than the 16 MiB|the hub (has no|failed)|may not read/,
      );
      expect(sent.bytes).toBeLessThan(4 * SOME);
      await vi.waitUntil(() => sent.ended, { timeout: 600_000 });
    }
  });

  it('unpacks to no more than the bound either: nothing packed is asked for', async () => {
    const asked: (string | undefined)[] = [];
    const bomb = gzipSync(Buffer.alloc(SOME, ' '));
    const message = await fetched(
      await hub({
        about: (request, response) => {
          asked.push(request.headers['accept-encoding'] as string);
          response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb);
        },
      }),
    );
    expect(message).toMatch(/more of the description of someone\/model than the 16 MiB/);
    expect(new Set(asked)).toEqual(new Set(['identity']));
  });

  it('as pages of a listing is left after so many requests', async () => {
    const here: { at?: Listening } = {};
    here.at = await hub({
      tree: (request, response) => json(response, [], { link: `<${here.at?.url}${request.url}&more>; rel="next"` }),
    });
    expect(await fetched(here.at)).toMatch(/the listing of someone\/model takes more than 200 requests/);
    expect(here.at.seen.length).toBeLessThan(210);
  });

  it('as files of a listing is left after so many', async () => {
    const many = Array.from({ length: 10_001 }, (_, index) => ({
      type: 'file',
      path: `f${index}`,
      size: 1,
      oid: DIGEST,
    }));
    expect(await fetched(await hub({ tree: (_, response) => json(response, many) }))).toMatch(
      /lists more than 10000 files/,
    );
  });

  it('as redirects is left after ten', async () => {
    const round: RequestListener = (request, response) => response.writeHead(302, { location: request.url }).end();
    expect(await fetched(await hub({ file: round }))).toMatch(/redirects more than 10 times/);
  });

  it('as silence is left: before an answer, and in the middle of one', async () => {
    expect(await fetched(await hub({ about: () => {} }), SILENCE)).toMatch(/did not answer for 2 seconds/);
    const half: RequestListener = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"_id":');
    };
    expect(await fetched(await hub({ about: half }), SILENCE)).toMatch(
      /sent nothing of the description of someone\/model for 2 seconds/,
    );
  });
});

describe('an answer that is no hub’s', () => {
  it.each([
    ['a size that is no number', [{ type: 'file', path: 'config.json', size: 'large', oid: DIGEST }]],
    ['a negative size', [{ type: 'file', path: 'config.json', size: -1, oid: DIGEST }]],
    ['a path that is none', [{ type: 'file', path: 7, size: 1, oid: DIGEST }]],
    ['a text file of gigabytes', files(2 ** 40)],
  ])('with %s is refused', async (_, listing) => {
    expect(await fetched(await hub({ tree: (__, response) => json(response, listing) }))).toMatch(
      /the hub lists a file that is none: (size|path)|and at most \d+ are read/,
    );
  });

  it.each([
    '[]',
    'null',
    '7',
    '"x"',
    '{}',
    '{"sha":7}',
    `{"sha":"${'g'.repeat(40)}"}`,
    '<html>',
    '',
  ])('%s as the description is refused', async (text) => {
    const answer: RequestListener = (_, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    expect((await fetched(await hub({ about: answer }))).length).toBeGreaterThan(20);
    expect((await fetched(await hub({ tree: answer }))).length).toBeGreaterThan(20);
  });
});
