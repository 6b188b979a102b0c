/** Small files whose bytes are what their kind says. */
import { createHash, randomBytes } from 'node:crypto';

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A PNG of one pixel; the bytes after its end make each one another file, `size` bytes long. */
export function pngFile(size = 1_000): Buffer {
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  );
  return Buffer.concat([png, randomBytes(Math.max(0, size - png.length))]);
}

export function webpFile(): Buffer {
  const webp = Buffer.from('UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA', 'base64');
  return Buffer.concat([webp, randomBytes(500)]);
}

/** The `ftyp` box of an MP4, and noise in a `free` box. */
export function mp4File(size = 2_000): Buffer {
  const ftyp = Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isommp41', 'latin1');
  const free = Buffer.alloc(8);
  free.writeUInt32BE(size - ftyp.length, 0);
  free.write('free', 4, 'latin1');
  return Buffer.concat([ftyp, free, randomBytes(size - ftyp.length - 8)]);
}

/** Ogg Opus of that many seconds (RFC 3533, RFC 7845): its headers and one page of noise. */
export function opusFile(seconds: number): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 0, 'latin1');
  head[8] = 1;
  head[9] = 1;
  head.writeUInt32LE(48_000, 12);
  const tags = Buffer.alloc(16 + 4);
  tags.write('OpusTags', 0, 'latin1');
  tags.writeUInt32LE(4, 8);
  tags.write('test', 12, 'latin1');
  return Buffer.concat([
    oggPage(2, 0, 0, head),
    oggPage(0, 0, 1, tags),
    oggPage(4, seconds * 48_000, 2, randomBytes(200)),
  ]);
}

function oggPage(flags: number, granule: number, sequence: number, body: Buffer): Buffer {
  const page = Buffer.alloc(28);
  page.write('OggS', 0, 'latin1');
  page[5] = flags;
  page.writeBigUInt64LE(BigInt(granule), 6);
  page.writeUInt32LE(7, 14);
  page.writeUInt32LE(sequence, 18);
  page[26] = 1;
  page[27] = body.length;
  page.writeUInt32LE(crcOf(Buffer.concat([page, body])), 22);
  return Buffer.concat([page, body]);
}

/** The checksum of Ogg pages: polynomial 04c11db7, not reflected. */
function crcOf(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  }
  return crc >>> 0;
}

export function pdfFile(size = 3_000): Buffer {
  return Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(size - 9)]);
}

export function dataUrl(mimetype: string, bytes: Uint8Array): string {
  return `data:${mimetype};base64,${Buffer.from(bytes).toString('base64')}`;
}
