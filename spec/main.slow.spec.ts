/** The executable: however it is started it runs the command line, and 0 and 1 are never the exit code of a fault. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { configuration, jobArguments, MAIN } from './helpers/command.ts';
import { temporaryFolder } from './helpers/folder.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const PATIENCE = 10 * 60_000;

const run = (args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv; command?: string } = {}) => {
  const { status, stdout, stderr } = spawnSync(options.command ?? process.execPath, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    encoding: 'utf8',
    timeout: PATIENCE,
  });
  return { status, stdout, stderr };
};

describe('the executable', () => {
  it.each([
    ['as itself', [MAIN]],
    ['as TypeScript', ['--import', import.meta.resolve('tsx'), path.join(ROOT, 'src', 'main.ts')]],
    ['by the file of its commands', ['--import', import.meta.resolve('tsx'), path.join(ROOT, 'src', 'cli', 'cli.ts')]],
  ])(
    'runs the command line %s, from any folder',
    (_, start) => {
      const cwd = temporaryFolder();
      expect(run([...start, 'list-nothing'], { cwd })).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/unknown command/),
      });
      expect(run([...start, '--help'], { cwd })).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/^Usage: negative-knowledge/),
      });
    },
    PATIENCE,
  );

  it(
    'runs through symbolic links: to the file, to its folder, and as npm links a bin',
    () => {
      const folder = temporaryFolder();
      symlinkSync(MAIN, path.join(folder, 'link'));
      symlinkSync(ROOT, path.join(folder, 'checkout'));
      const modules = path.join(folder, 'node_modules');
      mkdirSync(path.join(modules, '.bin'), { recursive: true });
      symlinkSync(ROOT, path.join(modules, 'negative-knowledge'));
      symlinkSync(
        path.join('..', 'negative-knowledge', 'src', 'main.cjs'),
        path.join(modules, '.bin', 'negative-knowledge'),
      );
      const usage = { status: 0, stdout: expect.stringMatching(/^Usage: negative-knowledge/) };
      expect(run([path.join(folder, 'link'), '--help'], { cwd: folder })).toMatchObject(usage);
      expect(run([path.join(folder, 'checkout', 'src', 'main.cjs'), '--help'], { cwd: folder })).toMatchObject(usage);
      expect(run(['--help'], { cwd: folder, command: path.join(modules, '.bin', 'negative-knowledge') })).toMatchObject(
        usage,
      );
    },
    PATIENCE,
  );

  it(
    'is what npx starts in the folder of a clone, without a network',
    () => {
      const env = { npm_config_cache: temporaryFolder(), npm_config_offline: 'true' };
      const { status, stdout, stderr } = run(['negative-knowledge', 'explore', '--help'], {
        cwd: ROOT,
        env,
        command: 'npx',
      });
      expect(status, stderr).toBe(0);
      expect(stdout).toMatch(/^Usage: negative-knowledge explore/);
    },
    PATIENCE,
  );
});

describe('a Node that is too old', () => {
  it('is refused with one sentence and exit code 2, before anything is loaded', () => {
    const old = path.join(temporaryFolder(), 'old.cjs');
    writeFileSync(old, "Object.defineProperty(process, 'version', { value: 'v20.10.0' });");
    for (const command of ['reproduce', '--help']) {
      const { status, stdout, stderr } = run(['--require', old, MAIN, command]);
      expect(stderr.trim().split('\n')).toEqual([
        expect.stringMatching(
          /^error: this is Node v20\.10\.0, and negative-knowledge needs .*; install a newer Node$/,
        ),
      ]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    }
  });
});

describe('a fault', () => {
  /** A file that is loaded before the program, and does in the main thread what no one would do on purpose. */
  const preloaded = (code: string): string => {
    const file = path.join(temporaryFolder(), 'preloaded.cjs');
    // Node loads it in the thread of its loader as well.
    writeFileSync(file, `if (require('node:worker_threads').isMainThread) setImmediate(() => { ${code} });`);
    return file;
  };

  it.each([
    ['an error that no one catches', "throw new Error('made up')", /error: Error: made up/],
    ['a promise that no one hears', "Promise.reject(new Error('made up'))", /error: Error: made up/],
    [
      'too many open files',
      "throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' })",
      /may open no more files; raise the limit/,
    ],
  ])(
    '%s, ends with exit code 2 and says so',
    (_, code, message) => {
      const { status, stderr } = run([
        '--require',
        preloaded(code),
        MAIN,
        'fuzz',
        '--budget',
        '600s',
        '--runs',
        '100000',
        '--out',
        temporaryFolder(),
        '--jobs',
        '1',
      ]);
      expect(stderr).toMatch(message);
      expect(status).toBe(2);
    },
    PATIENCE,
  );

  it(
    'of starting with hardly any open files allowed, whatever is reached first, is never a verdict',
    () => {
      const folder = temporaryFolder();
      const config = configuration(folder);
      let refused = 0;
      for (const limit of [20, 22, 24, 26, 32, 40, 48, 60]) {
        const command = `ulimit -n ${limit}; exec "${process.execPath}" "${MAIN}" reproduce --config "${config}" --seeds 1 --claims main --out "${folder}/${limit}"`;
        const { status, stdout, stderr } = run(['-c', command], { command: 'bash' });
        // Node may not even get so far as to open the program, and then ends by itself.
        if (stderr.includes('node:internal/modules/cjs/loader')) continue;
        expect({ status, stdout }, `${limit} open files: ${stderr}`).toEqual({ status: 2, stdout: '' });
        expect(stderr).toMatch(/may open no more files|raise the limit of open files/);
        refused += 1;
      }
      expect(refused).toBeGreaterThan(4);
    },
    PATIENCE,
  );

  it(
    'of starting with hardly any memory is never a verdict',
    () => {
      const folder = temporaryFolder();
      const args = jobArguments(configuration(folder), '201', path.join(folder, 'out'));
      const { status, stdout } = run(['--max-old-space-size=12', MAIN, ...args]);
      expect(stdout).toBe('');
      expect([0, 1]).not.toContain(status); // V8 ends the process itself, by a signal
    },
    PATIENCE,
  );

  /** A copy of the program that may be damaged. */
  const copyOfProgram = (): string => {
    const copy = temporaryFolder();
    for (const part of ['src', 'package.json', 'tsconfig.json'])
      cpSync(path.join(ROOT, part), path.join(copy, part), { recursive: true });
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
    return copy;
  };

  it.each([
    'package.json',
    'src/node-version.cjs',
    'src/faults.cjs',
    'src/start.cjs',
    'src/main.ts',
    'src/cli/cli.ts',
    'src/setup/presets.ts',
  ])(
    'of a program whose %s is damaged is exit code 2 and one sentence',
    (file) => {
      const copy = copyOfProgram();
      const main = path.join(copy, 'src', 'main.cjs');
      const read = [main, 'list', 'presets'];
      expect(run(read).status).toBe(0);
      writeFileSync(path.join(copy, file), 'const = ((');
      const { status, stdout, stderr } = run(read);
      expect({ status, stdout }, stderr).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^error: [^\n]*install it again \(npm ci\)[^\n]*\n$/);
    },
    PATIENCE,
  );

  it.each(['node_modules', 'src/node-version.cjs', 'src/faults.cjs', 'src/start.cjs', 'src/main.ts', 'src/cli/cli.ts'])(
    'of a program that lacks %s is exit code 2 and one sentence',
    (file) => {
      const copy = copyOfProgram();
      rmSync(path.join(copy, file));
      const { status, stdout, stderr } = run([path.join(copy, 'src', 'main.cjs'), '--help']);
      expect({ status, stdout }, stderr).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^error: [^\n]*install it again \(npm ci\)[^\n]*\n$/);
    },
    PATIENCE,
  );

  it(
    'of a command that never ends, with nothing left to wait for, is exit code 2',
    () => {
      const copy = copyOfProgram();
      writeFileSync(path.join(copy, 'src', 'main.ts'), 'await new Promise(() => {});');
      expect(run([path.join(copy, 'src', 'main.cjs'), 'reproduce'])).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/stopped before it was done/),
      });
    },
    PATIENCE,
  );

  // As a library may, and as Node does where the thread of its loader dies: no handler of errors hears of it.
  it.each([0, 1])(
    'that ends the process with %d before the command has ended is exit code 2',
    (code) => {
      const { status, stdout, stderr } = run(['--require', preloaded(`process.exit(${code})`), MAIN, 'reproduce']);
      expect({ status, stdout }, stderr).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/ended before its command was/);
    },
    PATIENCE,
  );

  it.each(['main.cjs', 'main.ts', 'cli/cli.ts'])(
    'of an output that is closed or full, though there is a verdict, is exit code 2 (%s)',
    async (file) => {
      const folder = temporaryFolder();
      const program = path.join(ROOT, 'src', file);
      const start = file.endsWith('.ts') ? ['--import', import.meta.resolve('tsx'), program] : [program];
      const settings = ['--config', configuration(folder), '--seeds', '1', '--claims', 'main', '--jobs', '1'];
      const args = [...start, 'reproduce', ...settings, '--out'];
      const child = spawn(process.execPath, [...args, path.join(folder, 'closed')], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.stdout.destroy();
      let err = '';
      child.stderr.on('data', (text) => {
        err += text;
      });
      const [code] = await once(child, 'close');
      expect(err).toMatch(/its output was closed before all of it was written/);
      expect(code).toBe(2);
      const full = run(
        [
          '-c',
          '"$@" > /dev/full',
          'full',
          process.execPath,
          ...start,
          'report',
          '--from',
          path.join(folder, 'closed'),
        ].concat('--out', path.join(folder, 'report')),
        { command: 'bash' },
      );
      expect(full.stderr).toMatch(/error: .*ENOSPC/);
      expect(full.status).toBe(2);
    },
    PATIENCE,
  );
});
