/** SHA-256 without Node, so that a run has the same digests in a browser. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

const bytesOf = (part: string | ArrayBufferView): Uint8Array =>
  typeof part === 'string' ? utf8ToBytes(part) : new Uint8Array(part.buffer, part.byteOffset, part.byteLength);

/** SHA-256, in hexadecimal digits, of texts (UTF-8) and arrays of numbers, one after the other. */
export function sha256Hex(...parts: readonly (string | ArrayBufferView)[]): string {
  const hash = sha256.create();
  for (const part of parts) hash.update(bytesOf(part));
  return bytesToHex(hash.digest());
}
