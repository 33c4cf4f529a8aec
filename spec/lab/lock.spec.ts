/** A folder is "in use" only while another job holds its lock; whatever else is wrong has a sentence of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Locking, lock, lockedBytes } from '../../src/lab/lock.ts';
import { RunStore } from '../../src/lab/store.ts';
import { StorageError } from '../../src/records/storing.ts';
import { configuration, jobArguments } from '../helpers/command.ts';
import { smallDisk } from '../helpers/disk.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { written } from '../helpers/written.ts';

const require = createRequire(import.meta.url);
/** macOS locks whole files alone. */
const PLATFORMS: readonly NodeJS.Platform[] = process.platform === 'darwin' ? ['darwin'] : ['linux', 'win32'];

/** Locks as on a platform: which bytes, but by this system's calls. */
const asOn = (platform: NodeJS.Platform): Locking => ({
  load: () => require('fs-native-extensions'),
  bytes: lockedBytes(platform),
  warn: (text) => expect.fail(text),
});

/** A file's lock, which must be free; given back at the end of the test. */
function taken(file: string, locking?: Locking): () => void {
  const result = lock(file, locking);
  if (typeof result !== 'function') expect.fail(`${file} is said to be held by ${result.heldBy}`);
  onTestFinished(() => {
    try {
      result();
    } catch {
      // given back already
    }
  });
  return result;
}

/** A process that holds the lock of a file until it is killed. */
async function holding(file: string, { offset, length } = lockedBytes(process.platform)): Promise<ChildProcess> {
  const script = `
    const { openSync, writeSync } = require('node:fs');
    const file = openSync(process.argv[1], 'w+');
    if (!require(process.argv[2]).tryLock(file, ${offset}, ${length})) process.exit(1);
    writeSync(file, process.pid + '\\n', 0);
    process.stdout.write('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['-e', script, file, require.resolve('fs-native-extensions')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  return child;
}

/** Locking whose call fails, or whose addon cannot be loaded. */
const failing = (
  code: string,
  where: 'load' | 'call',
  warn: Locking['warn'] = (text) => expect.fail(text),
): Locking => {
  const fail = () => {
    throw Object.assign(new Error(`made-up ${code}`), { code });
  };
  return { load: where === 'load' ? fail : () => ({ tryLock: fail }), bytes: lockedBytes(process.platform), warn };
};

const FILES = '/proc/self/fd'; // Linux alone has it
const openFiles = () => (existsSync(FILES) ? readdirSync(FILES).length : 0);

describe.each(PLATFORMS)('the bytes that are locked on %s', (platform) => {
  it('keep out another process, whose id is read, and let in once that is gone', async () => {
    const file = path.join(temporaryFolder(), '.lock');
    const other = await holding(file, lockedBytes(platform));
    expect(lock(file, asOn(platform))).toEqual({ heldBy: String(other.pid) });
    other.kill('SIGKILL');
    await once(other, 'close');
    taken(file, asOn(platform));
    expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`);
  });

  it('keep out another job of this process, and let in once the lock is given back', () => {
    const file = path.join(temporaryFolder(), '.lock');
    const release = taken(file, asOn(platform));
    expect(lock(file, asOn(platform))).toEqual({ heldBy: String(process.pid) });
    release();
    taken(file, asOn(platform));
  });
});

describe('the bytes that are locked', () => {
  it('on Windows are none of the process id, which others could not read there', () => {
    const { offset, length } = lockedBytes('win32');
    expect(offset).toBeGreaterThanOrEqual(`${2 ** 32 - 1}\n`.length); // the largest process id
    expect(length).toBe(1);
  });

  it('on macOS are all: its locks take no part of a file', () => {
    expect(lockedBytes('darwin')).toEqual({ offset: 0, length: 0 });
  });
});

describe('the process id', () => {
  it('replaces a longer one of an ended job', () => {
    const file = path.join(temporaryFolder(), '.lock');
    writeFileSync(file, '99999999999\n');
    taken(file);
    expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`);
  });

  it('that is not written yet is unknown, and the lock is held all the same', async () => {
    const file = path.join(temporaryFolder(), '.lock');
    await holding(file);
    writeFileSync(file, '');
    expect(lock(file)).toEqual({ heldBy: 'unknown' });
  });
});

describe('a lock that cannot be taken though no one holds it', () => {
  it.each([
    ['EIO', 'call', /made-up EIO/],
    ['EACCES', 'call', /this user may not write it: have its owner remove it/],
    ['ENOSPC', 'call', /the disk is full: free some space/],
  ] as const)('for %s of the %s, says so in a sentence, and nothing of another job', (code, where, message) => {
    const file = path.join(temporaryFolder(), '.lock');
    const before = openFiles();
    let thrown: unknown;
    try {
      lock(file, failing(code, where));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(StorageError);
    const text = (thrown as StorageError).message;
    expect(text).toMatch(new RegExp(`^Cannot write ${file}: `));
    expect(text).toMatch(message);
    expect(text).not.toMatch(/in use|another job \(/);
    expect(openFiles(), 'files left open').toBe(before);
    taken(file); // what failed holds no lock
  });

  it('for another fault than the system’s, is a bug, and keeps its stack', () => {
    const load = () => {
      throw new TypeError('made up');
    };
    expect(() => lock(path.join(temporaryFolder(), '.lock'), { ...asOn('linux'), load })).toThrow(TypeError);
  });

  it('where a part of its path is a file, says so', () => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'file'), '');
    expect(() => lock(path.join(folder, 'file', '.lock'))).toThrow(/a part of its path is a file and no folder/);
  });

  it('where its folder is missing, says so', () => {
    expect(() => lock(path.join(temporaryFolder(), 'missing', '.lock'))).toThrow(/the folder cannot be made/);
  });
});

describe('where nothing can be locked', () => {
  it.each([
    ['ENOLCK', 'call', /the system has no lock left to give/],
    ['ENOTSUP', 'call', /its file system has no locks/],
    ['EOPNOTSUPP', 'call', /its file system has no locks/],
    ['ENOSYS', 'call', /its file system has no locks/],
    ['EINVAL', 'call', /its file system has no locks/],
    ['ADDON_NOT_FOUND', 'load', /fs-native-extensions.*cannot be loaded on/],
    ['CANNOT_LOAD', 'load', /fs-native-extensions.*cannot be loaded on/],
    ['MODULE_NOT_FOUND', 'load', /fs-native-extensions.*cannot be loaded on/],
    ['ERR_DLOPEN_FAILED', 'load', /fs-native-extensions.*cannot be loaded on/],
  ] as const)('(%s of the %s) a job goes on, and says that nothing keeps another out', (code, where, why) => {
    const file = path.join(temporaryFolder(), '.lock');
    const told: string[] = [];
    taken(
      file,
      failing(code, where, (text) => told.push(text)),
    );
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(why);
    expect(told[0]).toContain(`${file} cannot be locked: `);
    expect(told[0]).toMatch(/Nothing keeps another job out of the folder/);
    expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`);
  });
});

describe('a folder', () => {
  it('on a disk that may only be read is not writable, and in use by no one', (context) => {
    const disk = smallDisk(context, 'size=256k');
    execFileSync('mount', ['-o', 'remount,ro', disk], { stdio: 'ignore' });
    expect(() => lock(path.join(disk, '.lock'))).toThrow(/the folder is not writable: choose another with --out/);
  });

  it('on a full disk is full, and in use by no one', (context) => {
    const disk = smallDisk(context, 'size=256k');
    expect(() => writeFileSync(path.join(disk, 'ballast'), Buffer.alloc(2 ** 20))).toThrow(/ENOSPC/);
    const file = path.join(disk, '.lock');
    expect(() => lock(file)).toThrow(/Cannot write .*\.lock: the disk is full: free some space/);
    // The one that failed holds nothing.
    writeFileSync(path.join(disk, 'ballast'), '');
    taken(file);
  });

  it.skipIf(process.getuid?.() === 0)('of which the lock is another user’s is refused (not shown as root)', () => {
    const file = path.join(temporaryFolder(), '.lock');
    writeFileSync(file, '');
    chmodSync(file, 0o400);
    expect(() => lock(file)).toThrow(/this user may not write it: have its owner remove it/);
  });
});

describe('a job', () => {
  const job = (folder: string) => jobArguments(configuration(folder), '201', path.join(folder, 'job'), '--resume');

  /** The fault that `reproduce` ends with: a sentence, and the exit code of a fault. */
  async function fault(folder: string): Promise<string> {
    const { code, out, err } = await written(...job(folder));
    expect({ code, out }, err).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^error: [^\n]*\n$/);
    expect(existsSync(path.join(folder, 'job', 'study.json')), 'it went on').toBe(false);
    return err;
  }

  it('is told whose job is at work in its folder', async () => {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'job'));
    const other = await holding(path.join(folder, 'job', '.lock'));
    expect(await fault(folder)).toContain(
      `${path.join(folder, 'job')} is in use by another job (process ${other.pid}): wait for it, or choose another folder with --out`,
    );
  });

  it('is told the same of a job in its own process', async () => {
    const folder = temporaryFolder();
    const store = new RunStore(path.join(folder, 'job'));
    await store.open();
    onTestFinished(() => store.close());
    expect(await fault(folder)).toContain(`is in use by another job (process ${process.pid})`);
  });

  it('is told of a folder in the place of its lock', async () => {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'job', '.lock'), { recursive: true });
    expect(await fault(folder)).toMatch(/\.lock should hold .* is a folder, .*move it away, or choose another folder/);
  });
});
