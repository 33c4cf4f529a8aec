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
  /** A command, and what it answers. */
  cli(...args: string[]): string;
  /** Kills it as a fault of its machine would. */
  kill(): Promise<void>;
  /** Has it give no answer until SIGCONT, as over a network that is cut. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Starts it (again), with the files that it has. */
  start(): Promise<void>;
}

/** Starts a server that keeps what it is told, with further options as its command line has them. It ends with the test. */
export async function startServer(options: readonly string[] = [], password?: string): Promise<TestServer> {
  const port = await freePort();
  const folder = temporaryFolder();
  const host = password === undefined ? '' : `:${password}@`;
  let child: ChildProcess | null = null;
  const cli = (...args: string[]): string =>
    execFileSync(
      CLI,
      ['-p', String(port), ...(password === undefined ? [] : ['--no-auth-warning', '-a', password]), ...args],
      {
        encoding: 'utf8',
        stdio: 'pipe',
      },
    ).trim();
  const server: TestServer = {
    ...{ port, cli, url: `redis://${host}127.0.0.1:${port}` },
    signal: (signal) => void child?.kill(signal),
    kill: async () => {
      const ended = child && once(child, 'exit');
      child?.kill('SIGKILL');
      await ended;
      child = null;
    },
    start: async () => {
      const args = [
        '--port',
        String(port),
        '--dir',
        folder,
        '--save',
        '',
        '--appendonly',
        'yes',
        '--appendfsync',
        'everysec',
      ];
      const secret = password === undefined ? [] : ['--requirepass', password];
      child = spawn(PROGRAM as string, [...args, ...secret, ...options], { stdio: 'ignore' });
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
