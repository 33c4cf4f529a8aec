/**
 * Asking a hub. The token goes to the hub's own origin alone, answers are read to a bound, and redirects, pages and silence
 * without end are errors.
 */
import { mib } from '../untrusted.ts';
import { ModelError } from './config.ts';

/** A hub's address and what it may be told. */
interface Hub {
  /** Without a trailing slash. */
  readonly url: string;
  readonly token?: string;
}

interface AskOptions {
  /** Most bytes of an answer, after decoding. */
  readonly most: number;
  /** What is asked for, in messages. */
  readonly what: string;
  /** Milliseconds before a busy or failing server is asked again, doubled every time. */
  readonly patience: number;
  /** Longest silence of a server, in milliseconds. */
  readonly idle: number;
  /** Whether the hub may send requests on to other origins: it keeps files elsewhere, but answers by itself. */
  readonly elsewhere: boolean;
}

const TRIES = 4;
/** Longest wait that a server may ask for, in milliseconds. */
const LONGEST_WAIT = 60_000;
const MOST_REDIRECTS = 10;
/** Requests that one question may take: a listing comes in pages. */
const MOST_REQUESTS = 200;

/** Waits for something of a server. @throws ModelError that begins with `silence`, after `idle` milliseconds */
async function awaited<Value>(promise: Promise<Value>, idle: number, silence: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ModelError(`${silence} for ${Math.round(idle / 1000)} seconds`)), idle);
  });
  return Promise.race([promise, tooLate]).finally(() => clearTimeout(timer));
}

/** A body that ends with an error after `most` bytes, or when nothing arrives for a while. */
function bounded(body: ReadableStream<Uint8Array>, { most, what, idle }: AskOptions, stop: () => void) {
  let received = 0;
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await awaited(reader.read(), idle, `the hub sent nothing of ${what}`);
        if (done) return controller.close();
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

  /** One request. It follows redirects itself: each may lead to another origin, which must not see the token. */
  const request = async (url: URL, init: RequestInit): Promise<Response> => {
    let at = url;
    for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
      if (++requests > MOST_REQUESTS)
        throw new ModelError(
          `${options.what} takes more than ${MOST_REQUESTS} requests to ${home.host}, which no hub's does`,
        );
      if (at.protocol !== 'https:' && at.protocol !== home.protocol)
        throw new ModelError(`${home.host} leads from ${home.protocol} to ${at.protocol}, which is not followed`);
      const isHome = at.origin === home.origin;
      if (!options.elsewhere && !isHome)
        throw new ModelError(
          `${options.what} goes on at another host (${at.host}), and only ${home.host} was to be asked`,
        );
      const headers = new Headers(init.headers);
      headers.delete('authorization');
      headers.delete('cookie');
      if (hub.token !== undefined && isHome) headers.set('authorization', `Bearer ${hub.token}`);
      headers.set('accept-encoding', 'identity'); // what is announced is what is counted
      const controller = new AbortController();
      const answer = fetch(at, { ...init, headers, redirect: 'manual', signal: controller.signal });
      const response = await awaited(answer, options.idle, `${at.host} did not answer`).catch((error) => {
        controller.abort();
        throw error;
      });
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
