/** A server of queues, as the system has it, with its files in a folder of the spec. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './folder.ts';

const PROGRAMS = ['redis-server', 'valkey-server'];

/** The program, or undefined where there is none. @throws where one is required, as in CI */
export const PROGRAM = PROGRAMS.find((name) => spawnSync(name, ['--version']).status === 0);
if (PROGRAM === undefined && process.env.NEGATIVE_KNOWLEDGE_REDIS === 'required')
  throw new Error(`none of ${PROGRAMS.join(', ')} is installed, and NEGATIVE_KNOWLEDGE_REDIS is "required"`);

const CLI = (PROGRAM ?? 'redis-server').replace('server', 'cli');

/** For titles of specs that are skipped. */
export const WITHOUT =
  PROGRAM === undefined ? ' (SKIPPED: redis-server is not installed, "apt-get install redis-server")' : '';

/** Whether it is built with TLS. */
export const SPEAKS_TLS = spawnSync(CLI, ['--help'], { encoding: 'utf8' }).stdout?.includes('--tls') === true;

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** Where its files are. */
  readonly folder: string;
  /** A command, and what it answers. */
  cli(...args: string[]): string;
  /** Kills it as a fault of its machine would. */
  kill(): Promise<void>;
  /** Has it give no answer until SIGCONT, as over a network that is cut. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Starts it (again), with the files that it has. */
  start(): Promise<void>;
}

export interface TestServerOptions {
  /** Further options, as its command line has them. */
  readonly options?: readonly string[];
  readonly password?: string;
  /** Of a server that speaks TLS. */
  readonly certificate?: { readonly file: string; readonly key: string };
  /** Where it listens, in place of this machine alone. */
  readonly host?: string;
}

/** Starts a server that keeps what it is told. It ends with the test. */
export async function startServer({
  options = [],
  password,
  certificate,
  host = '127.0.0.1',
}: TestServerOptions = {}): Promise<TestServer> {
  const port = await freePort();
  const folder = temporaryFolder();
  const user = password === undefined ? '' : `:${password}@`;
  const secret = password === undefined ? [] : ['--no-auth-warning', '-a', password];
  const tls = certificate && ['--tls', '--cacert', certificate.file];
  let child: ChildProcess | null = null;
  const cli = (...args: string[]): string =>
    execFileSync(CLI, ['-h', host, '-p', String(port), ...(tls ?? []), ...secret, ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  const listening = certificate
    ? ['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no']
        .concat(['--tls-cert-file', certificate.file, '--tls-key-file', certificate.key])
        .concat(['--tls-ca-cert-file', certificate.file])
    : ['--port', String(port)];
  const args = [
    ...listening,
    ...['--bind', host, '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'],
    ...(password === undefined ? [] : ['--requirepass', password]),
    ...options,
  ];
  const server: TestServer = {
    ...{ port, cli, folder, url: `${certificate ? 'rediss' : 'redis'}://${user}${host}:${port}` },
    signal: (signal) => void child?.kill(signal),
    kill: async () => {
      const ended = child && once(child, 'exit');
      child?.kill('SIGKILL');
      await ended;
      child = null;
    },
    start: async () => {
      child = spawn(PROGRAM as string, args, { stdio: 'ignore' });
      for (let tries = 0; tries < 200; tries++) {
        try {
          if (cli('ping') === 'PONG') return;
        } catch {
          // not yet
        }
        await sleep(50);
      }
      throw new Error(`${PROGRAM} does not answer at port ${port}`);
    },
  };
  await server.start();
  onTestFinished(server.kill);
  return server;
}
