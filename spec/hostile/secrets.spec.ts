/** No secret of the environment is shown, whatever goes wrong with it. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { redact } from '../../src/redact.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { written } from '../helpers/written.ts';

afterEach(() => vi.unstubAllEnvs());

const SECRET = 'swordfish-4711';

/** What `fetch` says and leaves, with an environment of its own. */
async function fetching(env: Record<string, string>) {
  const home = temporaryFolder();
  vi.stubEnv('HF_HOME', home);
  vi.stubEnv('HF_HUB_CACHE', path.join(home, 'hub'));
  vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  return written('fetch', 'someone/model');
}

describe('a token', () => {
  it.each([
    ['with a line end', `${SECRET}\n`],
    ['of two lines', `${SECRET}\r\nX-Other: 1`],
    ['with a blank', `${SECRET} more`],
    ['with a letter that no header may have', `${SECRET}ü`],
    ['with a null', `${SECRET}\u0000`.replace('\u0000', '\t')],
    ['of a megabyte', SECRET.repeat(100_000)],
  ])('%s is refused with a sentence that does not show it', async (_, token) => {
    for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
      const { code, out, err } = await fetching({ HF_TOKEN: '', [name]: token });
      expect(err).toMatch(new RegExp(`^error: ${name} holds no token: `));
      expect(out + err).not.toContain(SECRET);
      expect(code).toBe(2);
    }
  });

  it('in the file that a login left, is held to the same', async () => {
    const file = path.join(temporaryFolder(), 'token');
    writeFileSync(file, `${SECRET}\nsecond line`);
    const { code, out, err } = await fetching({ HF_TOKEN: '', HUGGING_FACE_HUB_TOKEN: '', HF_TOKEN_PATH: file });
    expect(err).toMatch(/token holds no token: /);
    expect(out + err).not.toContain(SECRET);
    expect(code).toBe(2);
    expect(
      (await fetching({ HF_TOKEN: '', HUGGING_FACE_HUB_TOKEN: '', HF_TOKEN_PATH: temporaryFolder() })).err,
    ).toMatch(/is a folder/);
  });
});

describe('a hub’s address', () => {
  it.each([
    ['with a password', `https://user:${SECRET}@example.org`],
    ['with a user name', `https://${SECRET}@example.org`],
    ['with a token in its query', `https://example.org/?token=${SECRET}`],
    ['with a fragment', `https://example.org/#${SECRET}`],
    ['that is none', `not an address ${SECRET}`],
    ['of another kind', `ftp://example.org/${SECRET}`],
    ['of a file', `file:///${SECRET}`],
  ])('%s is refused with a sentence that does not show it', async (_, address) => {
    const { code, out, err } = await fetching({ HF_ENDPOINT: address });
    expect(err).toMatch(/^error: HF_ENDPOINT must be an address such as https:\/\/huggingface\.co/);
    expect(out + err).not.toContain(SECRET);
    expect(code).toBe(2);
  });
});

describe('a message', () => {
  const word = fc.stringMatching(/^[!-~]{8,40}$/);

  it('never keeps a token, a password or a piece of one, however it is written', () => {
    fc.assert(
      fc.property(word, word, fc.string(), (token, password, around) => {
        const env = { HF_TOKEN: token, HTTPS_PROXY: `http://user:${encodeURIComponent(password)}@proxy:3128` };
        for (const secret of [
          token,
          encodeURIComponent(token),
          JSON.stringify(token).slice(1, -1),
          password,
          encodeURIComponent(password),
        ])
          expect(redact(`${around}${secret}${around}`, env).includes(secret) && !around.includes(secret)).toBe(false);
      }),
    );
  });

  it('keeps what is no secret', () => {
    expect(
      redact('the file /tmp/x has 3 bytes, and a is a letter', { HF_TOKEN: 'a', HTTP_PROXY: 'http://proxy:3128' }),
    ).toBe('the file /tmp/x has 3 bytes, and a is a letter');
  });

  it('loses what looks like a secret though no variable has it', () => {
    expect(redact('git://me:pw@host/x, hf_ABCDEFGHIJK, Authorization: Bearer abc.def', {})).toBe(
      'git://[hidden]@host/x, [hidden], Authorization: Bearer [hidden]',
    );
  });
});
