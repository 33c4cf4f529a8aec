/** Numbers of a worker, for Prometheus. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { withPackages } from '../optional-packages.ts';
import { QueueError } from './server.ts';

/** What a worker counts. */
export interface Meter {
  began(): void;
  ended(status: 'finished' | 'failed', seconds: number): void;
  refused(): void;
  lostLease(): void;
  /** A step of a run, of so many tokens. */
  stepped(tokens: number): void;
  inHand(runs: number): void;
}

/** Counts nothing. */
export const NO_METER: Meter = {
  began: () => {},
  ended: () => {},
  refused: () => {},
  lostLease: () => {},
  stepped: () => {},
  inHand: () => {},
};

/**
 * Serves a worker's numbers at `/metrics`.
 * @param address a port, or `host:port`; a port alone is open to this machine only
 * @throws QueueError where it cannot
 */
export async function serveMetrics(address: string): Promise<{ meter: Meter; place: string; close: () => void }> {
  const [, host = '127.0.0.1', port = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(address) ?? [];
  if (port === '' || Number(port) > 65535) throw new QueueError(`--metrics: "${address}" must be a port, or host:port`);
  const prometheus = await withPackages(['prom-client'], 'metrics need packages', () => import('prom-client'));
  const { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } = prometheus;
  const register = new Registry();
  const registers = [register];
  const named = (name: string, help: string) => ({ name: `negative_knowledge_${name}`, help, registers });
  const begun = new Counter(named('attempts_total', 'Attempts at runs that began here.'));
  const runs = new Counter({ ...named('runs_total', 'Runs that ended here.'), labelNames: ['status'] as const });
  const refused = new Counter(
    named('refused_total', 'Runs that were not taken: too large, of another store, without their model.'),
  );
  const leases = new Counter(
    named('leases_lost_total', 'Runs that were let go of because another worker may have them.'),
  );
  const steps = new Counter(named('steps_total', 'Steps taken.'));
  const tokens = new Counter(named('tokens_total', 'Tokens the optimiser was given.'));
  const running = new Gauge(named('runs_in_hand', 'Runs in hand now.'));
  const seconds = new Histogram({
    ...named('run_seconds', 'Seconds that an attempt took which ended its run.'),
    buckets: prometheus.exponentialBuckets(1, 4, 10),
  });
  collectDefaultMetrics({ register });
  const server = createServer(async (request, response) => {
    if (request.url !== '/metrics') return void response.writeHead(404).end('see /metrics\n');
    response.writeHead(200, { 'content-type': register.contentType }).end(await register.metrics());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ message }) => reject(new QueueError(`--metrics: ${message}`)));
    server.listen(Number(port), host, resolve);
  });
  server.unref();
  return {
    place: `http://${host}:${(server.address() as AddressInfo).port}/metrics`,
    meter: {
      began: () => begun.inc(),
      ended: (status, took) => {
        runs.inc({ status });
        seconds.observe(took);
      },
      refused: () => refused.inc(),
      lostLease: () => leases.inc(),
      stepped: (count) => {
        steps.inc();
        tokens.inc(Math.max(0, count));
      },
      inHand: (count) => running.set(count),
    },
    close: () => server.close(),
  };
}
