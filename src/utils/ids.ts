import { randomFillSync, randomUUID } from 'node:crypto';

const POOL_BYTES = 8_192;
const pool = Buffer.alloc(POOL_BYTES);
let usedBytes = POOL_BYTES;

/** Random bytes in hex. From a pool: asking the system for each id takes ten times as long as making it. */
function randomHex(bytes: number): string {
  if (usedBytes + bytes > POOL_BYTES) {
    randomFillSync(pool);
    usedBytes = 0;
  }
  const from = usedBytes;
  usedBytes += bytes;
  return pool.toString('hex', from, usedBytes);
}

/** First digit after the version's part (RFC 9562, 4.1). */
const VARIANTS = '89ab';

/** A UUID v7 in hex: 32 ASCII characters that sort by time. For lookup; never rely on it for exact order. */
export function newId(now: number = Date.now()): string {
  const time = Math.floor(now).toString(16).padStart(12, '0');
  const random = randomHex(10);
  const variant = VARIANTS[Number.parseInt(random.slice(3, 4), 16) & 3];
  return `${time}7${random.slice(0, 3)}${variant}${random.slice(4, 19)}`;
}

/** Sorts before every id that is made at `at` (epoch milliseconds) or later, and after those made earlier. */
export function idAt(at: number): string {
  return Math.max(0, Math.floor(at)).toString(16).padStart(12, '0').padEnd(32, '0');
}

/** Epoch milliseconds of the clock that an id was made by. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 12), 16);
}

/** The id of one HTTP request when the caller brought none. */
export function newRequestId(): string {
  return randomUUID();
}

/** A WhatsApp message id as WhatsApp Web makes them: `3EB0` and 18 random upper-case hex digits. */
export function newMessageId(): string {
  return `3EB0${randomHex(9).toUpperCase()}`;
}
