/**
 * Asking a hub: the token goes to the hub's own origin and nowhere else, every answer is read to a bound, and a server that
 * redirects, pages or waits without end is left.
 */
import { mib } from '../untrusted.ts';
import { ModelError } from './config.ts';

/** A hub's address and what it may be told. */
export interface Hub {
  /** Without a trailing slash. */
  readonly url: string;
  readonly token?: string;
}

export interface AskOptions {
  /** Most bytes of an answer, after decoding. */
  readonly most: number;
  /** What is asked for, in messages. */
  readonly what: string;
  /** Milliseconds before a busy or failing server is asked again, doubled every time. */
  readonly patience: number;
  /** Milliseconds without a byte after which a server is left. */
  readonly idle: number;
  /** Whether requests may be sent to other origins than the hub's: files are kept elsewhere, answers are not. */
  readonly elsewhere: boolean;
}

const TRIES = 4;
/** Longest wait that a server may ask for, in milliseconds. */
const LONGEST_WAIT = 60_000;
const MOST_REDIRECTS = 10;
/** Requests that one question may take: a listing comes in pages. */
const MOST_REQUESTS = 200;

/** Whether two addresses are of one origin: scheme, host and port. */
const sameOrigin = (a: URL, b: URL): boolean => a.origin === b.origin;

/** A body that ends with an error after `most` bytes, or when nothing arrives for a while. */
function bounded(body: ReadableStream<Uint8Array>, { most, what, idle }: AskOptions, stop: () => void) {
  let received = 0;
  let timer: NodeJS.Timeout | undefined;
  const reader = body.getReader();
  const nextPiece = () =>
    new Promise<{ done: boolean; value?: Uint8Array }>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new ModelError(`the hub sent nothing of ${what} for ${Math.round(idle / 1000)} seconds`)),
        idle,
      );
      reader.read().then(resolve, reject);
    }).finally(() => clearTimeout(timer));
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await nextPiece();
        if (done || value === undefined) return controller.close();
        received += value.length;
        if (received > most)
          throw new ModelError(
            `the hub sends more of ${what} than the ${mib(most)} that were announced or are read at most`,
          );
        controller.enqueue(value);
      } catch (error) {
        stop();
        throw error;
      }
    },
    cancel(reason) {
      stop();
      return reader.cancel(reason).catch(() => {});
    },
  });
}

/**
 * A fetch for one question to a hub.
 * @throws ModelError for a server that does what no hub does
 */
export function askingFetch(hub: Hub, options: AskOptions): typeof fetch {
  const home = new URL(hub.url);
  let requests = 0;

  /** One request, redirects followed by hand: each may lead to another origin, which must not see the token. */
  const request = async (url: URL, init: RequestInit): Promise<Response> => {
    let at = url;
    for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
      if (++requests > MOST_REQUESTS)
        throw new ModelError(
          `${options.what} takes more than ${MOST_REQUESTS} requests to ${home.host}, which no hub's does`,
        );
      if (at.protocol !== 'https:' && at.protocol !== home.protocol)
        throw new ModelError(`${home.host} leads from ${home.protocol} to ${at.protocol}, which is not followed`);
      if (!options.elsewhere && !sameOrigin(at, home))
        throw new ModelError(
          `${options.what} goes on at another host (${at.host}), and only ${home.host} was to be asked`,
        );
      const headers = new Headers(init.headers);
      headers.delete('authorization');
      headers.delete('cookie');
      if (hub.token !== undefined && sameOrigin(at, home)) headers.set('authorization', `Bearer ${hub.token}`);
      headers.set('accept-encoding', 'identity'); // what is announced is what is counted
      const controller = new AbortController();
      const timer = setTimeout(
        () =>
          controller.abort(new ModelError(`${at.host} did not answer for ${Math.round(options.idle / 1000)} seconds`)),
        options.idle,
      );
      const response = await fetch(at, { ...init, headers, redirect: 'manual', signal: controller.signal }).finally(
        () => clearTimeout(timer),
      );
      const location = response.headers.get('location');
      if (response.status >= 300 && response.status < 400 && location !== null) {
        await response.body?.cancel();
        at = new URL(location, at);
        continue;
      }
      const { status, statusText } = response;
      const body = response.body === null ? null : bounded(response.body, options, () => controller.abort());
      return new Response(body, { status, statusText, headers: response.headers });
    }
    throw new ModelError(`${url.host} redirects more than ${MOST_REDIRECTS} times`);
  };

  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    for (let attempt = 1; ; attempt++) {
      const response = await request(url, init);
      if ((response.status !== 429 && response.status < 500) || attempt === TRIES) return response;
      await response.body?.cancel();
      const asked = Number(response.headers.get('retry-after')) * 1000;
      const wait = asked > 0 ? Math.min(asked, LONGEST_WAIT) : options.patience * 2 ** (attempt - 1);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  };
}
