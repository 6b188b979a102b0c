/** Reads SQLite's write-ahead log (sqlite.org/walformat.html), to tell a torn end from damage. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The last bit says that checksums read 32-bit words big-endian first. */
const MAGIC = 0x377f0682;
const CHUNK_FRAMES = 64;

/** `none`: there is nothing in the log. */
export type WalState =
  | { state: 'none' }
  | { state: 'whole' }
  /** what can be read ends at `goodBytes`; `lostCommits` commits follow the damage */
  | { state: 'damaged'; goodBytes: number; lostCommits: number };

/**
 * Looks through the log. An end that was cut off in the middle of a write is `whole`: SQLite leaves it out, and nothing
 * of it was ever committed. `damaged`: commits follow frames whose checksum is wrong, which SQLite would leave
 * out as well, without a word.
 */
export function readWalState(path: string): WalState {
  const file = openIfThere(path);
  if (file === null) return { state: 'none' };
  try {
    const { size } = fstatSync(file);
    if (size === 0) return { state: 'none' };
    return examine(file, size);
  } finally {
    closeSync(file);
  }
}

function examine(file: number, size: number): WalState {
  const header = Buffer.alloc(HEADER_BYTES);
  const read = readSync(file, header, 0, HEADER_BYTES, 0);
  const pageBytes = header.readUInt32BE(8);
  const bigEndian = header.readUInt32BE(0) - MAGIC;
  const known = bigEndian === 0 || bigEndian === 1;
  // Killed while it began the log: it holds no commit.
  if (read < HEADER_BYTES || size < HEADER_BYTES + FRAME_HEADER_BYTES + 512) return { state: 'none' };
  const sums: Sums = known ? addChecksum([0, 0], header, 0, 24, bigEndian === 1) : [0, 0];
  const rightSums = sums[0] === header.readUInt32BE(24) && sums[1] === header.readUInt32BE(28);
  if (!known || !rightSums || pageBytes < 512 || pageBytes > 65_536) {
    return { state: 'damaged', goodBytes: 0, lostCommits: 1 };
  }
  return walkFrames(file, size, { pageBytes, bigEndian: bigEndian === 1, header, sums });
}

interface Log {
  pageBytes: number;
  bigEndian: boolean;
  header: Buffer;
  /** running checksum */
  sums: Sums;
}

function walkFrames(file: number, size: number, log: Log): WalState {
  const frameBytes = FRAME_HEADER_BYTES + log.pageBytes;
  const salts = log.header.subarray(16, 24);
  const chunk = Buffer.alloc(frameBytes * CHUNK_FRAMES);
  let { sums } = log;
  let goodBytes = HEADER_BYTES;
  let broken = false;
  let lostCommits = 0;
  for (let at = HEADER_BYTES; at + frameBytes <= size; at += chunk.length) {
    const bytes = readSync(file, chunk, 0, chunk.length, at);
    for (let from = 0; from + frameBytes <= bytes; from += frameBytes) {
      // Frames of an earlier round of the log end it.
      const ours = chunk.compare(salts, 0, 8, from + 8, from + 16) === 0;
      const commits = chunk.readUInt32BE(from + 4) !== 0;
      if (!broken) {
        sums = addChecksum(sums, chunk, from, from + 8, log.bigEndian);
        sums = addChecksum(sums, chunk, from + FRAME_HEADER_BYTES, from + frameBytes, log.bigEndian);
        const right =
          ours && sums[0] === chunk.readUInt32BE(from + 16) && sums[1] === chunk.readUInt32BE(from + 20);
        if (right && commits) goodBytes = at + from + frameBytes;
        if (!right) broken = true;
      }
      // The damaged frame itself may have been the last one, cut off: only what follows it proves that it was written.
      else if (ours && commits) lostCommits++;
    }
  }
  return lostCommits === 0 ? { state: 'whole' } : { state: 'damaged', goodBytes, lostCommits };
}

type Sums = readonly [number, number];

/** The format's own checksum over 8 bytes at a time. */
function addChecksum([s0, s1]: Sums, bytes: Buffer, from: number, to: number, bigEndian: boolean): Sums {
  let a = s0;
  let b = s1;
  for (let at = from; at < to; at += 8) {
    a = (a + (bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + b) >>> 0;
    b = (b + (bigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + a) >>> 0;
  }
  return [a, b];
}

function openIfThere(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
