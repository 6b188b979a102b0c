/** The boxes of an MP4 (ISO/IEC 14496-12), read where they lie: never the film itself. */
import type { FileHandle } from 'node:fs/promises';

export interface Box {
  type: string;
  /** of its content, in the file */
  from: number;
  to: number;
}

/** More than any film has on one level. */
const MAX_BOXES = 1_000;

/** The boxes between two places. Ends where one is damaged, and after 1,000. */
export async function* boxesIn(file: FileHandle, from: number, to: number): AsyncGenerator<Box> {
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
export async function bytesAt(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
  return buffer.subarray(0, bytesRead);
}
