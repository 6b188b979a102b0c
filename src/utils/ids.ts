import { randomBytes, randomUUID } from 'node:crypto';

/** A UUID v7 in hex: 32 ASCII characters that sort by time. For lookup; never rely on it for exact order. */
export function newId(now: number = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex');
}

/** Sorts before every id that is made at `at` (epoch milliseconds) or later, and after those of before. */
export function idAt(at: number): string {
  return Math.max(0, Math.floor(at)).toString(16).padStart(12, '0').padEnd(32, '0');
}

/** The id of one HTTP request when the caller brought none. */
export function newRequestId(): string {
  return randomUUID();
}

/** A WhatsApp message id as WhatsApp Web makes them: `3EB0` and 18 random upper-case hex digits. */
export function newMessageId(): string {
  return `3EB0${randomBytes(9).toString('hex').toUpperCase()}`;
}
