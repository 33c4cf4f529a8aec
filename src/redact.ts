/** Keeps secrets off the console and out of records. */

/** Variables that hold secrets: tokens, and addresses that may hold a password. */
const TOKENS = [
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'HF_TOKEN',
  'HUGGING_FACE_HUB_TOKEN',
  'HUGGINGFACE_TOKEN',
  'NODE_AUTH_TOKEN',
  'NPM_TOKEN',
];
const ADDRESSES = [
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_S3',
  'HF_ENDPOINT',
  'NEGATIVE_KNOWLEDGE_QUEUE',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'http_proxy',
  'https_proxy',
  'all_proxy',
];

const HIDDEN = '[hidden]';

/** Shorter secrets would be found in innocent words. */
const SHORTEST = 4;

/** The user name and password of an address, and the values of its query. */
function secretsOf(address: string): string[] {
  const [, user = ''] = /^[a-z][a-z0-9+.-]*:\/\/([^/@]*)@/i.exec(address) ?? [];
  const query = address.split('?')[1] ?? '';
  return [user, ...user.split(':').slice(1), ...query.split(/[&=#]/)];
}

function secrets(env: NodeJS.ProcessEnv): string[] {
  const whole = [...TOKENS.map((name) => env[name] ?? ''), ...ADDRESSES.flatMap((name) => secretsOf(env[name] ?? ''))];
  // A secret of several lines may be shown line by line; in an address or a quoted message it is escaped.
  const parts = whole.flatMap((secret) => [secret, ...secret.split(/\s+/)]);
  const spelled = parts.flatMap((part) => [
    part,
    JSON.stringify(part).slice(1, -1),
    ...[encodeURIComponent, decodeURIComponent].flatMap((spell) => {
      try {
        return [spell(part)];
      } catch {
        return []; // it has no such spelling
      }
    }),
  ]);
  return [...new Set(spelled)].filter((part) => part.length >= SHORTEST).sort((a, b) => b.length - a.length);
}

/** The text without the secrets of the environment, and without the passwords and tokens of any address in it. */
export function redact(text: string, env: NodeJS.ProcessEnv = process.env): string {
  const without = secrets(env).reduce((left, secret) => left.replaceAll(secret, HIDDEN), text);
  return without
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${HIDDEN}@`)
    .replaceAll(/([?&][^\s=&#]*(?:pass|secret|token)[^\s=&#]*=)[^\s&#'"]+/gi, `$1${HIDDEN}`)
    .replaceAll(/\bhf_[A-Za-z0-9]{8,}/g, HIDDEN)
    .replaceAll(/(authorization"?\s*[:=]\s*"?(?:bearer|basic)\s+)[^\s"',}]+/gi, `$1${HIDDEN}`);
}
