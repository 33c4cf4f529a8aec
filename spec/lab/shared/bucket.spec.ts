/** What is true of every place for files that machines share, and what each says where it cannot be used. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Bucket, FolderBucket, openBucket, StoreError } from '../../../src/lab/shared/bucket.ts';
import { openS3 } from '../../../src/lab/shared/s3.ts';
import { StorageError } from '../../../src/records/storing.ts';
import { sharedFolder, temporaryFolder } from '../../helpers/folder.ts';
import { type Listed, refuse, startS3, stubAws, type TestS3 } from '../../helpers/s3.ts';

const SECRET = 'swordfish/4711+x';
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | null): string | null => bytes && new TextDecoder().decode(bytes);
const readText = async (bucket: Bucket, name: string): Promise<string | null> => textOf(await bucket.read(name));
const putText = (bucket: Bucket, name: string, text: string): Promise<void> =>
  bucket.put(name, (file) => writeFileSync(file, text));
const getText = (bucket: Bucket, name: string): Promise<string | null> =>
  bucket.get(name, (file) => readFileSync(file, 'utf8'));

/** The sentence that something ends with. */
async function faultOf(doing: Promise<unknown>): Promise<Error> {
  const fault = await doing.then(
    () => null,
    (error: Error) => error,
  );
  expect(fault, 'it went well').not.toBeNull();
  return fault as Error;
}

const folder = sharedFolder();
let s3: TestS3;
let simple: TestS3;
beforeAll(async () => {
  s3 = await startS3(path.join(folder, 's3'));
  simple = await startS3(path.join(folder, 'simple'), { conditions: false });
});
afterAll(async () => {
  await s3.close();
  await simple.close();
});
afterEach(() => {
  s3.before = null;
  vi.unstubAllEnvs();
});

/** A bucket that is empty, and what fills it quickly. */
interface Fresh {
  readonly bucket: Bucket;
  seed(names: readonly string[]): void;
}
const inFolder = async (): Promise<Fresh> => {
  const place = temporaryFolder();
  const seed = (names: readonly string[]) => {
    for (const name of names) {
      mkdirSync(path.dirname(path.join(place, name)), { recursive: true });
      writeFileSync(path.join(place, name), 'x');
    }
  };
  return { bucket: await openBucket(place), seed };
};
const on = async (server: TestS3): Promise<Fresh> => {
  server.stub();
  const place = server.place();
  return { bucket: await openBucket(place), seed: (names) => server.seed(place, names) };
};

/** Of many that create a file at the same moment, the contents of those that are told that they have. */
async function createdAtOnce(bucket: Bucket): Promise<string[]> {
  const contents = Array.from({ length: 16 }, (_, index) => String(index).padStart(2, '0').repeat(500));
  const done = await Promise.all(contents.map((content) => bucket.create('new/one', bytesOf(content))));
  return contents.filter((_, index) => done[index]);
}

describe.each([
  ['a folder', inFolder],
  ['S3', () => on(s3)],
])('%s', (_, fresh) => {
  let bucket: Bucket;
  let seed: Fresh['seed'];
  beforeEach(async () => {
    ({ bucket, seed } = await fresh());
  });

  it('gives back what was put there, and null for what was not', async () => {
    expect(await bucket.create('runs/a/small.json', bytesOf('small'))).toBe(true);
    await putText(bucket, 'checkpoints/large', 'large');
    for (const [name, text] of [
      ['runs/a/small.json', 'small'],
      ['checkpoints/large', 'large'],
      ['runs/a/none.json', null],
      ['none/at/all', null],
    ] as const) {
      expect(await readText(bucket, name)).toBe(text);
      expect(await getText(bucket, name)).toBe(text);
    }
  });

  it('keeps an empty file, and every byte of another', async () => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    await bucket.create('empty', new Uint8Array());
    await putText(bucket, 'put', '');
    await bucket.create('bytes', all);
    expect(await readText(bucket, 'empty')).toBe('');
    expect(await getText(bucket, 'empty')).toBe('');
    expect(await getText(bucket, 'put')).toBe('');
    expect([...((await bucket.read('bytes')) as Uint8Array)]).toEqual([...all]);
  });

  it('is the same place to others who open it by its name', async () => {
    await bucket.create('a', bytesOf('here'));
    expect(await readText(await openBucket(bucket.place), 'a')).toBe('here');
  });

  it('never replaces a file by creating one, and says so', async () => {
    expect(await bucket.create('store.json', bytesOf('first'))).toBe(true);
    expect(await bucket.create('store.json', bytesOf('second'))).toBe(false);
    expect(await readText(bucket, 'store.json')).toBe('first');
  });

  it('lets exactly one of many that create a file at once have done it, and has its content whole', async () => {
    const winners = await createdAtOnce(bucket);
    expect(winners).toHaveLength(1);
    expect(await readText(bucket, 'new/one')).toBe(winners[0]);
    expect(await bucket.list('new')).toEqual(['new/one']);
  });

  it('puts a large file in place of one of that name', async () => {
    await putText(bucket, 'a/b', 'old');
    await putText(bucket, 'a/b', 'new');
    expect(await getText(bucket, 'a/b')).toBe('new');
    expect(await bucket.list('a')).toEqual(['a/b']);
  });

  it('puts nothing there that could not be written whole', async () => {
    await putText(bucket, 'a/old', 'kept');
    const stop = new Error('no more');
    const half = (file: string) => {
      writeFileSync(file, 'half');
      throw stop;
    };
    await expect(bucket.put('a/old', half)).rejects.toBe(stop);
    await expect(bucket.put('a/new', half)).rejects.toBe(stop);
    expect(await getText(bucket, 'a/old')).toBe('kept');
    expect(await bucket.list('a')).toEqual(['a/old']);
  });

  it('passes on what a reader of a file throws', async () => {
    await putText(bucket, 'a', 'x');
    const damaged = new Error('damaged');
    const read = () => {
      throw damaged;
    };
    await expect(bucket.get('a', read)).rejects.toBe(damaged);
    expect(await bucket.get('none', read)).toBeNull();
  });

  it('names the files of a folder and of its folders, and no others', async () => {
    for (const name of ['a/z', 'a/b/c/d', 'a/b/e', 'ab/f', 'g', 'b/a/h']) await bucket.create(name, bytesOf(name));
    expect(await bucket.list('a')).toEqual(['a/b/c/d', 'a/b/e', 'a/z']);
    expect(await bucket.list('a/b')).toEqual(['a/b/c/d', 'a/b/e']);
    expect(await bucket.list('none')).toEqual([]);
    expect(await bucket.list('g'), 'a file is no folder').toEqual([]);
  });

  it('names more files than a server tells at once', async () => {
    const names = Array.from({ length: 1010 }, (_, index) => `many/${String(index).padStart(5, '0')}`);
    seed(names);
    expect(await bucket.list('many')).toEqual(names);
  });

  it('removes a file, and finds no fault with one that is not there', async () => {
    await bucket.create('a/b', bytesOf('x'));
    await bucket.create('a/c', bytesOf('x'));
    await bucket.remove('a/b');
    await bucket.remove('a/b');
    await bucket.remove('none/at/all');
    expect(await bucket.list('a')).toEqual(['a/c']);
    await bucket.remove('a/c');
    expect(await bucket.list('a')).toEqual([]);
    expect(await bucket.create('a/b', bytesOf('again'))).toBe(true);
  });

  it('clears a folder, and no other', async () => {
    for (const name of ['a/b', 'a/c/d', 'ab/e', 'f']) await bucket.create(name, bytesOf(name));
    await bucket.clear('a');
    await bucket.clear('none');
    expect(await bucket.list('a')).toEqual([]);
    expect(await bucket.list('ab')).toEqual(['ab/e']);
    expect(await readText(bucket, 'f')).toBe('f');
  });

  it('gives back a file of several parts as it was', async () => {
    const content = Buffer.alloc(17 * 2 ** 20 + 5, 'parts of sixteen mebibytes, and one that is smaller');
    await bucket.put('models/weights', (file) => writeFileSync(file, content));
    expect(await bucket.get('models/weights', (file) => readFileSync(file).equals(content))).toBe(true);
    expect(await bucket.list('models')).toEqual(['models/weights']);
  });
});

describe('a server like S3 that does not know conditions, and does not say so', () => {
  it('never replaces a file that was there before, and never mixes those that are created at the same moment', async () => {
    const { bucket } = await on(simple);
    const winners = await createdAtOnce(bucket);
    const content = await readText(bucket, 'new/one');
    expect(winners, 'several may be told true there: the later one replaces the earlier one').toContain(content);
    expect(await bucket.create('new/one', bytesOf('late'))).toBe(false);
    expect(await readText(bucket, 'new/one')).toBe(content);
  });
});

describe('a folder', () => {
  it('makes files while others remove the last ones beside them', async () => {
    const bucket = new FolderBucket(temporaryFolder());
    const coming = async (name: string) => {
      for (let round = 0; round < 50; round++) {
        await putText(bucket, `a/${name}`, name);
        await bucket.remove(`a/${name}`);
      }
    };
    await Promise.all(['1', '2', '3', '4'].map(coming));
    expect(await bucket.list('a')).toEqual([]);
  });

  it('neither names nor keeps what a killed process has left half written', async () => {
    const place = temporaryFolder();
    const bucket = new FolderBucket(place);
    await bucket.create('checkpoints/k/1', bytesOf('x'));
    writeFileSync(path.join(place, 'checkpoints', 'k', '2.00000000-0000-4000-8000-000000000000.part'), 'half');
    expect(await bucket.list('checkpoints')).toEqual(['checkpoints/k/1']);
    await bucket.clear('checkpoints/k');
    expect(existsSync(path.join(place, 'checkpoints', 'k'))).toBe(false);
  });

  it('of a file system without hard links creates files that it does not replace', async () => {
    const place = temporaryFolder();
    for (const code of ['EPERM', 'ENOTSUP', 'ENOSYS']) {
      const bucket = new FolderBucket(place, async () => {
        throw Object.assign(new Error(code), { code });
      });
      expect(await bucket.create(`a/${code}`, bytesOf('first'))).toBe(true);
      expect(await bucket.create(`a/${code}`, bytesOf('second'))).toBe(false);
      expect(await readText(bucket, `a/${code}`)).toBe('first');
    }
    expect(readdirSync(path.join(place, 'a')).sort()).toEqual(['ENOSYS', 'ENOTSUP', 'EPERM']);
  });

  it('that was created at the same moment on such a file system is left as it is', async () => {
    const place = temporaryFolder();
    const bucket = new FolderBucket(place, async (_, file) => {
      writeFileSync(file, 'theirs');
      throw Object.assign(new Error('EPERM'), { code: 'EPERM' });
    });
    expect(await bucket.create('a', bytesOf('ours'))).toBe(false);
    expect(await readText(bucket, 'a')).toBe('theirs');
  });

  it('has no names that lead out of it', async () => {
    const bucket = new FolderBucket(temporaryFolder());
    for (const name of ['../a', 'runs/../../a', '/a', 'a//b', './a', '']) {
      await expect(bucket.read(name), name).rejects.toThrow(StoreError);
      await expect(bucket.create(name, bytesOf('x')), name).rejects.toThrow(StoreError);
      await expect(bucket.list(name), name).rejects.toThrow(StoreError);
    }
  });

  it('that is no longer there is not made anew: a disk that is not mounted would be', async () => {
    const place = path.join(temporaryFolder(), 'mounted');
    const bucket = await openBucket(place);
    rmSync(place, { recursive: true });
    await expect(bucket.create('a/b', bytesOf('x'))).rejects.toThrow(/its folder is not there.*--store/);
    await expect(putText(bucket, 'a/b', 'x')).rejects.toThrow(StorageError);
    expect(existsSync(place)).toBe(false);
  });

  it('that is a file, or lies in one, is refused with a sentence', async () => {
    const file = path.join(temporaryFolder(), 'taken');
    writeFileSync(file, '');
    for (const [place, why] of [
      [file, /taken: it is a file and no folder: choose another place with --store/],
      [path.join(file, 'store'), /a part of its path is a file and no folder: choose another place with --store/],
    ] as const) {
      const fault = await faultOf(openBucket(place));
      expect(fault).toBeInstanceOf(StorageError);
      expect(fault.message).toMatch(why);
    }
  });

  it('says what it cannot read', async () => {
    const place = temporaryFolder();
    const bucket = await openBucket(place);
    mkdirSync(path.join(place, 'store.json'));
    symlinkSync('loop', path.join(place, 'loop'));
    for (const name of ['store.json', 'loop']) {
      const fault = await faultOf(bucket.read(name));
      expect(fault).toBeInstanceOf(StorageError);
      expect(fault.message).toMatch(
        /^Cannot read .*(store\.json|loop) \(E\w+: .*\): see to it, or choose another place/,
      );
    }
  });

  it.skipIf(process.getuid?.() === 0)(
    'that may not be written or read is told with a sentence (not shown as root, whom nothing stops)',
    async () => {
      const place = temporaryFolder();
      const bucket = await openBucket(place);
      await bucket.create('a', bytesOf('x'));
      chmodSync(path.join(place, 'a'), 0);
      await expect(bucket.read('a')).rejects.toThrow(/Cannot read .*EACCES/);
      await expect(bucket.get('a', () => 'read')).rejects.toThrow(/Cannot read .*EACCES/);
      chmodSync(place, 0o500);
      await expect(bucket.create('b', bytesOf('x'))).rejects.toThrow(/may not be written here: see to its rights/);
      await expect(openBucket(path.join(place, 'store'))).rejects.toThrow(/may not be written here: see to its rights/);
      chmodSync(place, 0o700);
    },
  );
});

describe('a place', () => {
  it.each([
    [
      `redis://user:${SECRET}@host:6379`,
      /^--store: redis:\/\/ is none that runs can be kept at; give a folder, or s3:/,
    ],
    [`https://${SECRET}@bucket.s3.amazonaws.com`, /^--store: https:\/\/ is none/],
    ['file:///mnt/share', /^--store: file:\/\/ is none/],
    [`s3://user:${SECRET}@bucket/prefix`, /^--store: must be a folder, or s3:\/\/bucket\/prefix; who may use a bucket/],
    [`s3://${SECRET}@bucket`, /^--store: must be/],
    [`s3://bucket/prefix?secret=${SECRET}`, /^--store: must be/],
    ['s3://', /^--store: "s3:\/\/" must be/],
    ['s3://Bucket/prefix', /^--store: "s3:\/\/Bucket\/prefix" must be/],
    ['S3://bucket', /^--store: "S3:\/\/bucket" must be/],
    ['s3://b', /^--store: "s3:\/\/b" must be/],
  ])('%s is refused with a sentence that shows no secret', async (place, why) => {
    const fault = await faultOf(openBucket(place));
    expect(fault).toBeInstanceOf(StoreError);
    expect(fault.message).toMatch(why);
    for (const part of SECRET.split('/')) expect(fault.message).not.toContain(part);
  });
});

describe('S3', () => {
  beforeEach(() => {
    s3.stub();
    vi.stubEnv('AWS_MAX_ATTEMPTS', '2');
  });

  it.each([
    ['the bucket is another', () => {}, 's3://nobodys/store', /there is no such bucket: make it, or choose another/],
    [
      'the key is not known',
      () => stubAws(s3.url, 'NOBODY', SECRET),
      's3://runs/store',
      /the server does not allow it \(InvalidAccessKeyId: .*\): see to AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/,
    ],
    [
      'no key is given',
      () => {
        stubAws(s3.url);
        for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, undefined);
      },
      's3://runs/store',
      /who may use it is not known: set AWS_ACCESS_KEY_ID/,
    ],
    [
      'the address is none',
      () => stubAws(`http//user:${SECRET}@host`),
      's3://runs/store',
      /AWS_ENDPOINT_URL is no address such as/,
    ],
    [
      'nobody listens at the address',
      () => stubAws(`http://user:${encodeURIComponent(SECRET)}@127.0.0.1:1`, 'S3RVER', SECRET),
      's3://runs/store',
      /the server does not answer \(connect ECONNREFUSED 127\.0\.0\.1:1\): see to it, or to AWS_ENDPOINT_URL/,
    ],
  ])('is refused with a sentence where %s', async (_, given, place, why) => {
    given();
    const began = performance.now();
    const fault = await faultOf(openBucket(place));
    expect(fault).toBeInstanceOf(StorageError);
    expect(fault.message).toMatch(why);
    expect(fault.message).toMatch(new RegExp(`^Cannot use ${place}: .* Nothing already saved is lost\\.$`));
    expect(fault.message).not.toContain(SECRET);
    expect(fault.message).not.toContain(encodeURIComponent(SECRET));
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('is refused with a sentence where the server speaks otherwise, without the secrets that it repeats', async () => {
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', SECRET);
    for (const [status, code, why] of [
      [403, 'SignatureDoesNotMatch', /does not allow it \(SignatureDoesNotMatch: .*\): see to AWS_ACCESS_KEY_ID/],
      [301, 'PermanentRedirect', /is in another region \(PermanentRedirect: .*\): set AWS_REGION/],
      [418, 'Teapot', /the server is at fault \(Teapot: .*, HTTP 418\): see to it/],
    ] as const) {
      s3.before = async (context) =>
        refuse(context, status, code, `what ${SECRET} and http://u:${SECRET}@host/ signed`);
      const fault = await faultOf(openBucket(s3.place()));
      expect(fault.message).toMatch(why);
      expect(fault.message).not.toContain(SECRET);
    }
  });

  it('is given up soon where the server takes a call and never says anything', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await expect.poll(() => silent.listening).toBe(true);
    stubAws(`http://127.0.0.1:${(silent.address() as { port: number }).port}`);
    const began = performance.now();
    await expect(openS3('s3://runs/store', { patience: 300 })).rejects.toThrow(/the server does not answer/);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('gives up a server that falls silent later', async () => {
    const bucket = await openS3(s3.place(), { patience: 200 });
    s3.before = () => sleep(20_000, undefined, { ref: false });
    const fault = await faultOf(bucket.read('a'));
    expect(fault).toBeInstanceOf(StorageError);
    expect(fault.message).toMatch(
      /^Cannot read a in s3:\/\/runs\/store-\d+: the server does not answer \(TimeoutError/,
    );
  });

  it('never takes for granted that a file is there which it could not ask about', async () => {
    const bucket = await openBucket(s3.place());
    s3.before = async (context, next) => (context.method === 'HEAD' ? refuse(context, 403, 'AccessDenied') : next());
    await expect(bucket.create('runs/a.json', bytesOf('x'))).rejects.toThrow(
      /Cannot write runs\/a\.json .*: the server does not allow it \(HTTP 403\)/,
    );
    s3.before = null;
    expect(await bucket.read('runs/a.json')).toBeNull();
  });

  it('whose bucket is gone is not taken for one that is empty', async () => {
    const bucket = await openBucket(s3.place());
    s3.before = async (context) => refuse(context, 404, 'NoSuchBucket');
    await expect(bucket.read('a')).rejects.toThrow(/there is no such bucket/);
    await expect(bucket.list('a')).rejects.toThrow(/there is no such bucket/);
  });

  it('creates a file where the server asks for another try because someone else writes', async () => {
    const bucket = await openBucket(s3.place());
    let refused = 0;
    s3.before = async (context, next) => {
      if (context.method !== 'PUT' || ++refused > 2) return next();
      refuse(context, 409, 'ConditionalRequestConflict');
    };
    expect(await bucket.create('a', bytesOf('x'))).toBe(true);
    expect(refused).toBe(3);
    expect(await readText(bucket, 'a')).toBe('x');
  });

  it('creates a file where the server refuses conditions that it does not know', async () => {
    const bucket = await openBucket(s3.place());
    s3.before = async (context, next) =>
      context.headers['if-none-match'] === undefined ? next() : refuse(context, 501, 'NotImplemented');
    expect(await bucket.create('a', bytesOf('first'))).toBe(true);
    expect(await bucket.create('a', bytesOf('second'))).toBe(false);
    expect(await readText(bucket, 'a')).toBe('first');
  });

  it('reads a file again whose connection breaks off in its midst, and never a part of it', async () => {
    const bucket = await openBucket(s3.place());
    const text = 'long '.repeat(100_000);
    await putText(bucket, 'a', text);
    let cut = 0;
    s3.before = async (context, next) => {
      await next();
      if (context.method !== 'GET' || ++cut % 2 === 0) return;
      const [body, { socket }] = [context.body as NodeJS.ReadableStream, context.req];
      body.once('data', () => setImmediate(() => socket.destroy()));
    };
    expect(await getText(bucket, 'a')).toBe(text);
    expect(await readText(bucket, 'a')).toBe(text);
    expect(cut).toBe(4);
  });

  it('leaves out what marks an empty folder', async () => {
    const bucket = await openBucket(s3.place());
    await bucket.create('a/b', bytesOf('x'));
    s3.before = async (context, next) => {
      await next();
      const { ListBucketResult: found } = context.body as { ListBucketResult: Listed };
      found.Contents.unshift({ Key: `${bucket.place.split('/')[3]}/a/` });
    };
    expect(await bucket.list('a')).toEqual(['a/b']);
  });

  it('leaves nothing on this machine’s own disk, and says where it has no room there', async () => {
    const bucket = await openBucket(s3.place());
    const room = temporaryFolder();
    vi.stubEnv('TMPDIR', room);
    await putText(bucket, 'a', 'x');
    expect(await getText(bucket, 'a')).toBe('x');
    expect(readdirSync(room)).toEqual([]);
    vi.stubEnv('TMPDIR', path.join(room, 'none'));
    const fault = await faultOf(getText(bucket, 'a'));
    expect(fault).toBeInstanceOf(StorageError);
    expect(fault.message).toMatch(/none: it may not be written: set TMPDIR to a folder that may/);
  });
});
