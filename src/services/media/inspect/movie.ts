/** Films in MP4 and its relatives: how long, and how large they are shown. */
import { type FileHandle, open } from 'node:fs/promises';
import type { MediaDetails } from '../../../whatsapp/content.ts';

type Film = Awaited<ReturnType<typeof open>>;

/** The details in the file's head; a film without one, or of another container, gives none. */
export async function readMovie(path: string): Promise<MediaDetails> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const details: MediaDetails = {};
    for await (const box of boxesIn(file, 0, size)) {
      if (box.type === 'moov') await readMoov(file, box, details);
    }
    return details;
  } finally {
    await file.close();
  }
}

async function readMoov(file: Film, moov: Box, details: MediaDetails): Promise<void> {
  for await (const box of boxesIn(file, moov.from, moov.to)) {
    if (box.type === 'mvhd') Object.assign(details, durationOf(await bytesAt(file, box.from, 36)));
    if (box.type !== 'trak' || details.width !== undefined) continue;
    for await (const part of boxesIn(file, box.from, box.to)) {
      if (part.type === 'tkhd') Object.assign(details, sizeOf(await bytesAt(file, part.from, 104)));
    }
  }
}

function durationOf(mvhd: Buffer): MediaDetails {
  const long = mvhd[0] === 1;
  if (mvhd.length < (long ? 32 : 20)) return {};
  const scale = mvhd.readUInt32BE(long ? 20 : 12);
  const units = long ? Number(mvhd.readBigUInt64BE(24)) : mvhd.readUInt32BE(16);
  return scale === 0 || units === 0 ? {} : { seconds: Math.max(1, Math.round(units / scale)) };
}

/** Sound tracks have the size 0. A matrix that turns by a quarter swaps the sides. */
function sizeOf(tkhd: Buffer): MediaDetails {
  const matrix = tkhd[0] === 1 ? 52 : 40;
  if (tkhd.length < matrix + 44) return {};
  const width = Math.round(tkhd.readUInt32BE(matrix + 36) / 65_536);
  const height = Math.round(tkhd.readUInt32BE(matrix + 40) / 65_536);
  if (width === 0 || height === 0) return {};
  const turned = tkhd.readInt32BE(matrix) === 0 && tkhd.readInt32BE(matrix + 4) !== 0;
  return turned ? { width: height, height: width } : { width, height };
}

interface Box {
  type: string;
  /** of its content, in the file */
  from: number;
  to: number;
}

/** More than any film has on one level. */
const MAX_BOXES = 1_000;

/** The boxes between two places. Ends where one is damaged, and after 1,000. */
async function* boxesIn(file: FileHandle, from: number, to: number): AsyncGenerator<Box> {
  let at = from;
  for (let n = 0; n < MAX_BOXES && at + 8 <= to; n++) {
    const head = await bytesAt(file, at, 16);
    if (head.length < 8) return;
    let size = head.readUInt32BE(0);
    let headerBytes = 8;
    if (size === 1 && head.length === 16) {
      size = Number(head.readBigUInt64BE(8));
      headerBytes = 16;
    } else if (size === 0) {
      size = to - at;
    }
    if (size < headerBytes || at + size > to) return;
    yield { type: head.toString('latin1', 4, 8), from: at + headerBytes, to: at + size };
    at += size;
  }
}

/** At most `length` bytes; fewer at the end of the file. */
async function bytesAt(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
  return buffer.subarray(0, bytesRead);
}
