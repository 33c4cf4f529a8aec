/** Servers that are full, closed, too old, gone or none at all: a sentence, no verdict, and nothing lost. No secret is told. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startCommand } from '../helpers/command.ts';
import { filesIn, sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { commandOf, TELLS, trainersOf } from '../helpers/processes.ts';
import {
  expectDone,
  type Heard,
  heard,
  PATIENT,
  recordsHere,
  type recordsIn,
  SLOWER,
  stacksIn,
  startSweep,
  startWorker,
  tinyGrid,
} from '../helpers/queue.ts';
import { freePort, PROGRAM, SPEAKS_TLS, startServer, WITHOUT } from '../helpers/redis.ts';

/** Everything in a folder, as text. */
const textIn = (folder: string): string =>
  filesIn(folder)
    .map((name) => readFileSync(path.join(folder, name), 'latin1'))
    .join('\n');

/** Has a server listen at a port of its own. It ends with the test. */
async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket.on('error', () => {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

describe.skipIf(PROGRAM === undefined)(`the server of a queue${WITHOUT}`, () => {
  const grid = tinyGrid(sharedFolder(), { vary: { beta: [0.1] } });
  const slower = tinyGrid(sharedFolder(), { set: SLOWER, vary: { beta: [0.1] }, seeds: [201] });
  let expected: ReturnType<typeof recordsIn>;
  beforeAll(async () => {
    expected = await recordsHere(grid);
  });
  const newPlace = (url: string, env: NodeJS.ProcessEnv = {}) => ({
    ...{ url, env, store: path.join(temporaryFolder(), 'store') },
  });
  const newOut = () => path.join(temporaryFolder(), 'out');

  /** A sweep and a worker both end without a verdict, and say why. */
  const expectRefused = async (url: string, why: RegExp): Promise<void> => {
    const place = newPlace(url);
    const both = [startSweep(grid, newOut(), place), startWorker(place)];
    for (const { code, stderr } of await Promise.all(both.map(({ done }) => done))) {
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(why);
      expect(
        stderr
          .trim()
          .split('\n')
          .filter((line) => line.startsWith('error: ')),
      ).toHaveLength(1);
      expect(stacksIn(stderr)).toEqual([]);
    }
  };

  it('that cannot be reached is said within seconds', async () => {
    await expectRefused(
      `redis://127.0.0.1:${await freePort()}`,
      /error: the queue's server redis:\/\/127\.0\.0\.1:\d+ cannot be used \(.*ECONNREFUSED/,
    );
  });

  it('that is none is said', async () => {
    const web = createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    await expectRefused(`redis://127.0.0.1:${await listening(web)}`, /cannot be used \(.+\)/);
    const silent = createServer(() => {});
    await expectRefused(`redis://127.0.0.1:${await listening(silent)}`, /cannot be used \(no answer/);
  });

  it('that has no such database is said, and no other one is taken instead', async () => {
    const server = await startServer();
    await expectRefused(`${server.url}/99`, /cannot be used \(ERR DB index is out of range\)/);
    await expectRefused(`${server.url}/runs`, /must be the number of a database/);
  });

  it('that wants a password, or another one, is said, without the password', async () => {
    const server = await startServer({ password: 'correct-horse' });
    await expectRefused(`redis://127.0.0.1:${server.port}`, /cannot be used \(.*NOAUTH/);
    const wrong = newPlace(`redis://:battery-staple@127.0.0.1:${server.port}`);
    for (const started of [startSweep(grid, newOut(), wrong), startWorker(wrong)]) {
      const { code, stdout, stderr } = await started.done;
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(/cannot be used \(.*WRONGPASS/);
      expect(stdout + stderr).not.toMatch(/battery-staple|correct-horse/);
    }
  });

  it('that is too old is refused', async () => {
    const server = await startServer();
    const proxy = createServer((socket) => {
      const upstream = connect(server.port, '127.0.0.1').on('error', () => {});
      socket.pipe(upstream).on('close', () => socket.destroy());
      upstream.on('data', (data) => {
        const older = data.toString('latin1').replace(/redis_version:\d/, 'redis_version:5');
        socket.write(Buffer.from(older, 'latin1'));
      });
      socket.on('close', () => upstream.destroy());
    });
    const port = await listening(proxy);
    await expectRefused(`redis://127.0.0.1:${port}`, /is of version 5\.\S+, and a queue needs 6\.2 or newer/);
  });

  it('that throws entries away when it is full is refused', async () => {
    const server = await startServer({ options: ['--maxmemory-policy', 'allkeys-lru'] });
    await expectRefused(server.url, /throws entries away when it is full \(maxmemory-policy allkeys-lru\)/);
  });

  it('that is full takes no runs, and says so; with more room the sweep is gone on with', async () => {
    const server = await startServer({ options: ['--maxmemory', '1'] });
    const place = newPlace(server.url);
    const out = newOut();
    const { code, stderr } = await startSweep(grid, out, place).done;
    expect(code, stderr).toBe(2);
    expect(stderr).toMatch(/error: the queue's server \S+ is full \(its maxmemory is reached\)/);
    expect(stacksIn(stderr)).toEqual([]);
    server.cli('config', 'set', 'maxmemory', '0');
    startWorker(place);
    await expectDone(startSweep(grid, out, place, '--resume'), out, expected);
  });

  it('that becomes full is said, and waited for', async () => {
    const server = await startServer();
    const place = newPlace(server.url);
    const worker = startWorker(place);
    const out = newOut();
    const sweep = startSweep(grid, out, place);
    await expect.poll(() => worker.said()).toContain(': begins');
    server.cli('config', 'set', 'maxmemory', '1');
    await expect.poll(() => worker.said()).toContain('is full (its maxmemory is reached)');
    // It is not asked all the time: of the worker, the sweep and the other runs some commands a second are to be expected.
    const commands = () => Number(/total_commands_processed:(\d+)/.exec(server.cli('info', 'stats'))?.[1]);
    await sleep(2_000);
    const before = commands();
    await sleep(3_000);
    expect(commands() - before).toBeLessThan(600);
    server.cli('config', 'set', 'maxmemory', '0');
    const { stderr } = await expectDone(sweep, out, expected);
    expect(stacksIn(stderr + worker.said())).toEqual([]);
  });

  it('that goes away is waited for, and everything is there when it is back', async () => {
    const server = await startServer();
    const place = newPlace(server.url);
    const worker = startWorker(place);
    const begun = () => worker.said().match(/: begins/g)?.length ?? 0;
    // Where all is trained again, the store does not say what is done.
    for (const more of [[], ['--refresh']]) {
      const before = begun();
      const lost = worker.said().split('is lost').length;
      const out = newOut();
      const sweep = startSweep(grid, out, place, ...more);
      await expect.poll(begun).toBeGreaterThan(before);
      await server.kill();
      await expect.poll(() => sweep.said()).toMatch(/the queue's server \S+ is lost \(.+\)/);
      await expect.poll(() => worker.said().split('is lost').length).toBeGreaterThan(lost);
      await server.start();
      await expect.poll(() => sweep.said()).toContain('is there again');
      const { stderr } = await expectDone(sweep, out, expected);
      expect(stacksIn(stderr + worker.said())).toEqual([]);
    }
  });

  it('that goes away as a command begins is waited for', async () => {
    const server = await startServer();
    /** Another way to it: after a command's first connection it is gone for the next ones. */
    const shaky = async (): Promise<string> => {
      let count = 0;
      const proxy = createServer((socket) => {
        count += 1;
        if (count > 1 && count < 8) return void socket.destroy();
        const upstream = connect(server.port, '127.0.0.1').on('error', () => {});
        socket.pipe(upstream).pipe(socket);
        socket.on('close', () => upstream.destroy());
        upstream.on('close', () => socket.destroy());
      });
      return `redis://127.0.0.1:${await listening(proxy)}`;
    };
    const store = path.join(temporaryFolder(), 'store');
    const out = newOut();
    const worker = startWorker({ url: await shaky(), store });
    const { stderr } = await expectDone(startSweep(grid, out, { url: await shaky(), store }), out, expected);
    expect(stacksIn(stderr + worker.said())).toEqual([]);
  });

  it('that forgets everything is told again', async () => {
    const server = await startServer();
    const place = newPlace(server.url);
    const out = newOut();
    const sweep = startSweep(grid, out, place);
    await expect.poll(() => sweep.said()).toContain('no worker takes runs');
    server.cli('flushall');
    await expect.poll(() => sweep.said()).toContain('has forgotten this sweep');
    startWorker(place);
    await expectDone(sweep, out, expected);
  });

  it('has numbers of its workers told to Prometheus', async () => {
    const server = await startServer();
    const place = newPlace(server.url);
    const port = await freePort();
    const worker = startWorker(place, '--metrics', String(port), ...PATIENT);
    await startSweep(grid, newOut(), place).done;
    const page = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    await expect.poll(page).toMatch(/negative_knowledge_runs_in_hand 0/);
    const text = await page();
    const steps = 2 * (4 + 8 + 8);
    for (const line of [
      'attempts_total 2',
      'runs_total{status="finished"} 2',
      `steps_total ${steps}`,
      'leases_lost_total 0',
      'refused_total 0',
      'run_seconds_count 2',
    ])
      expect(text).toContain(`negative_knowledge_${line}\n`);
    expect(Number(/negative_knowledge_tokens_total (\d+)/.exec(text)?.[1])).toBeGreaterThan(steps);
    worker.child.kill('SIGTERM');
    expect((await worker.done).code, worker.said()).toBe(0);
  });

  /** Texts of commands and of all that a sweep leaves, with the server's password in the address or in the environment. */
  const SECRET = 'hunter2-hunter2';
  it.each(['the address', 'the environment'])('never finds its password told: given in %s', async (where) => {
    const server = await startServer({ password: SECRET });
    const store = path.join(temporaryFolder(), 'store');
    const out = newOut();
    const env = {
      NEGATIVE_KNOWLEDGE_ENGINE: 'wasm',
      NEGATIVE_KNOWLEDGE_QUEUE: where === 'the address' ? '' : server.url,
    };
    const on = [...(where === 'the address' ? ['--queue', server.url] : []), '--store', store];
    const start = (...args: string[]): Heard => {
      const child = startCommand(args, env);
      onTestFinished(() => void child.kill('SIGKILL'));
      return heard(child);
    };
    const worker = start('worker', ...on, '--jobs', '1', '--lease', '2s');
    const sweep = start('sweep', slower, '--out', out, ...(where === 'the address' ? on : ['--queue', ...on]));
    await expect.poll(() => worker.said()).toContain(': begins');
    if (TELLS) {
      await expect.poll(() => trainersOf(worker.child.pid!)).not.toEqual([]);
      for (const trainer of trainersOf(worker.child.pid!)) expect(commandOf(trainer)).not.toContain(SECRET);
    }
    const status = await start('sweep', 'status', ...on).done;
    expect(status.code, status.stderr).toBe(0);
    await server.kill();
    for (const { said } of [worker, sweep]) await expect.poll(said).toContain('is lost');
    await server.start();
    const { code, stdout, stderr } = await sweep.done;
    expect(code, stderr).toBe(1);
    worker.child.kill('SIGTERM');
    const last = await worker.done;
    expect(last.code, last.stderr).toBe(0);
    const told = { sweep: stdout + stderr, worker: last.stdout + last.stderr, status: status.stdout + status.stderr };
    const kept = { store: textIn(store), out: textIn(out), server: textIn(server.folder) };
    expect(kept.server, 'what the server was told is in its files').toContain('negative-knowledge');
    for (const [what, text] of Object.entries({ ...told, ...kept })) {
      expect(text.length, what).toBeGreaterThan(0);
      expect(text.includes(SECRET), what).toBe(false);
    }
  });

  it.skipIf(!SPEAKS_TLS)(
    `may speak TLS, to those who know its certificate${SPEAKS_TLS ? '' : ' (SKIPPED: this one is built without)'}`,
    async () => {
      const keys = temporaryFolder();
      const certificate = { file: path.join(keys, 'certificate.pem'), key: path.join(keys, 'key.pem') };
      execFileSync(
        'openssl',
        ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=queue'].concat([
          '-addext',
          'subjectAltName=IP:127.0.0.1',
          '-keyout',
          certificate.key,
          '-out',
          certificate.file,
        ]),
        { stdio: 'ignore' },
      );
      const server = await startServer({ certificate, password: SECRET });
      await expectRefused(server.url, /the queue's server rediss:\/\/\S+ cannot be used \(.*self-signed certificate/);
      const place = newPlace(server.url, { NODE_EXTRA_CA_CERTS: certificate.file });
      startWorker(place);
      const out = newOut();
      const { stderr } = await expectDone(startSweep(grid, out, place), out, expected);
      expect(stderr).not.toContain(SECRET);
    },
  );
});
