/** A server on this machine that answers as the Hugging Face hub does, with faults on request. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = '0123456789abcdef0123456789abcdef01234567';

export interface Fault {
  /** Part of the path of the requests it befalls. */
  readonly at: string;
  /** How many of them; the others are answered. */
  times: number;
  /** Answers with this status. */
  readonly status?: number;
  readonly retryAfter?: string;
  /** Breaks the connection after so many bytes of a body. */
  readonly breakAfter?: number;
  /** Sends other bytes. */
  readonly spoil?: boolean;
  /** Sends the client to another path of the same server first. */
  readonly redirect?: boolean;
}

export interface FakeHub {
  readonly url: string;
  readonly faults: Fault[];
  /** Method, path and range of every request, in order. */
  readonly requests: { path: string; range: string | undefined; token: string | undefined }[];
  close(): Promise<void>;
}

const gitDigest = (data: Buffer): string =>
  createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex');

/** @param files of the one model, by name; large ones are kept as git-lfs keeps them */
export async function fakeHub(id: string, files: Record<string, Buffer>): Promise<FakeHub> {
  const faults: Fault[] = [];
  const requests: FakeHub['requests'] = [];
  const json = (response: ServerResponse, content: unknown, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
  };

  const sendFile = (request: IncomingMessage, response: ServerResponse, data: Buffer, fault?: Fault) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const [start, end] =
      from === undefined ? [0, data.length - 1] : [Number(from), Math.min(Number(to), data.length - 1)];
    const body = Buffer.from(data.subarray(start, end + 1));
    if (fault?.spoil) body[0] ^= 1;
    response.writeHead(from === undefined ? 200 : 206, {
      etag: `"${gitDigest(data)}"`,
      'content-length': body.length,
      ...(from === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${data.length}` }),
    });
    if (fault?.breakAfter === undefined) response.end(body);
    else response.write(body.subarray(0, fault.breakAfter), () => setTimeout(() => response.destroy(), 50));
  };

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url as string, 'http://hub');
    requests.push({ path: pathname, range: request.headers.range, token: request.headers.authorization });
    const probe = request.headers.range === 'bytes=0-0';
    const fault = faults.find(
      ({ at, times, breakAfter, spoil, redirect }) =>
        times > 0 &&
        pathname.includes(at) &&
        !(probe && (breakAfter !== undefined || spoil)) &&
        !(redirect && pathname.startsWith('/elsewhere')),
    );
    if (fault !== undefined) fault.times -= 1;
    if (fault?.status !== undefined) {
      if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
      json(response, { error: `made up: ${fault.status}` }, fault.status);
    } else if (fault?.redirect) {
      response.writeHead(302, { location: `/elsewhere${pathname}` }).end();
    } else if (pathname === `/api/models/${id}/revision/main` || pathname === `/api/models/${id}/revision/${COMMIT}`) {
      json(response, { _id: '0', id, sha: COMMIT, private: false, gated: false, downloads: 0, likes: 0 });
    } else if (pathname === `/api/models/${id}/tree/${COMMIT}`) {
      json(
        response,
        Object.entries(files).map(([name, data]) => ({
          type: 'file',
          path: name,
          size: data.length,
          oid: gitDigest(data),
          ...(name.endsWith('.safetensors')
            ? { lfs: { oid: createHash('sha256').update(data).digest('hex'), size: data.length, pointerSize: 134 } }
            : {}),
        })),
      );
    } else {
      const name = pathname.replace('/elsewhere', '').replace(`/${id}/resolve/${COMMIT}/`, '');
      if (Object.hasOwn(files, name)) sendFile(request, response, files[name], fault);
      else json(response, { error: 'not found' }, 404);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
