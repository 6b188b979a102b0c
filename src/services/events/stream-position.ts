/**
 * Where a tenant-wide stream stopped, small enough for a header. Everything that happened before `since` was told;
 * of the sessions in `seqs` everything up to that number; of all others nothing from `since` on.
 */
import { createHash } from 'node:crypto';

export interface StreamPosition {
  /** epoch milliseconds */
  since: number;
  /** short name of a session (`shortName`) -> its last told seq */
  seqs: Map<string, number>;
}

const VERSION = 1;
const NAME_BYTES = 4;
const TIME_BYTES = 6;
const MAX_SEQ_BYTES = 8;
/** 2,200 characters at most: Node takes 16 KB of headers. What is left out may be told twice, never not at all. */
export const MAX_POSITION_ENTRIES = 200;

/** Four bytes of a hash: two sessions of a tenant that share one are both taken up at the lower number. */
export function shortName(accountId: string): string {
  return createHash('sha256')
    .update(accountId)
    .digest('hex')
    .slice(0, NAME_BYTES * 2);
}

/** The newest entries are kept when there are too many: give them oldest first. */
export function encodePosition(position: StreamPosition): string {
  const entries = [...position.seqs].slice(-MAX_POSITION_ENTRIES);
  const buffer = Buffer.alloc(1 + TIME_BYTES + entries.length * (NAME_BYTES + MAX_SEQ_BYTES));
  let at = buffer.writeUInt8(VERSION, 0);
  at = buffer.writeUIntBE(position.since, at, TIME_BYTES);
  for (const [name, seq] of entries) {
    at += buffer.write(name, at, 'hex');
    // Seven bits a byte, the lowest first; the top bit says that there are more.
    for (let rest = seq; ; rest = Math.floor(rest / 128)) {
      at = buffer.writeUInt8(rest < 128 ? rest : (rest % 128) + 128, at);
      if (rest < 128) break;
    }
  }
  return buffer.subarray(0, at).toString('base64url');
}

/** Null for a text that this service did not make. */
export function decodePosition(text: string): StreamPosition | null {
  if (!/^[\w-]{10,6000}$/.test(text)) return null;
  const buffer = Buffer.from(text, 'base64url');
  if (buffer.length < 1 + TIME_BYTES || buffer.readUInt8(0) !== VERSION) return null;
  const since = buffer.readUIntBE(1, TIME_BYTES);
  const seqs = new Map<string, number>();
  let at = 1 + TIME_BYTES;
  while (at < buffer.length) {
    const name = buffer.toString('hex', at, at + NAME_BYTES);
    at += NAME_BYTES;
    let seq = 0;
    for (let place = 1; ; place *= 128) {
      if (at >= buffer.length || place >= 128 ** MAX_SEQ_BYTES) return null;
      const byte = buffer.readUInt8(at++);
      seq += (byte % 128) * place;
      if (byte < 128) break;
    }
    if (!Number.isSafeInteger(seq)) return null;
    seqs.set(name, Math.min(seq, seqs.get(name) ?? seq));
  }
  return { since, seqs };
}
