/** How many pages a PDF has: what the root of its tree of pages says (ISO 32000-1, 7.7.3). */
import { readFile } from 'node:fs/promises';
import { inflateSync } from 'node:zlib';
import type { MediaDetails } from '../../../whatsapp/content.ts';

/** The objects of a tree of pages are short; what is looked through around a mark. */
const SCAN_LIMIT = 16_384;
/** Marks that are looked at, and streams of objects that are opened. */
const MAX_MARKS = 20_000;
const MAX_STREAMS = 2_000;
const MAX_STREAM_BYTES = 4 * 1024 * 1024;
const MAX_PAGES = 1_000_000;

/** Nothing for an encrypted or damaged one whose tree cannot be read. */
export async function countPages(path: string): Promise<MediaDetails> {
  const bytes = await readFile(path);
  const plain = largestCount(bytes);
  const pages = plain > 0 ? plain : largestInStreams(bytes);
  return pages > 0 && pages <= MAX_PAGES ? { pages } : {};
}

/** The root counts every page below it, so the largest count is its own. */
function largestCount(bytes: Buffer): number {
  let largest = 0;
  let at = 0;
  for (let n = 0; n < MAX_MARKS; n++) {
    at = bytes.indexOf('/Pages', at, 'latin1');
    if (at < 0) break;
    if (/\/Type\s*$/.test(bytes.toString('latin1', Math.max(0, at - 20), at))) {
      const from = Math.max(0, at - SCAN_LIMIT);
      largest = Math.max(largest, countOf(bytes.toString('latin1', from, at + SCAN_LIMIT), at - from));
    }
    at += 6;
  }
  return largest;
}

/** The `/Count` of the dictionary around the mark. */
function countOf(text: string, mark: number): number {
  let count = 0;
  for (const match of dictionaryAround(text, mark).matchAll(/\/Count\s{0,4}(\d{1,7})/g)) {
    count = Math.max(count, Number(match[1]));
  }
  return count;
}

function dictionaryAround(text: string, mark: number): string {
  let from = mark;
  for (let depth = 0; from > 0; from--) {
    const pair = text.slice(from - 1, from + 1);
    if (pair === '<<' && depth-- === 0) break;
    if (pair !== '<<' && pair !== '>>') continue;
    if (pair === '>>') depth++;
    from--;
  }
  let to = mark;
  for (let depth = 0; to < text.length; to++) {
    const pair = text.slice(to, to + 2);
    if (pair === '>>' && depth-- === 0) break;
    if (pair !== '<<' && pair !== '>>') continue;
    if (pair === '<<') depth++;
    to++;
  }
  return text.slice(from, to);
}

/** Newer files keep their objects in compressed streams. */
function largestInStreams(bytes: Buffer): number {
  let largest = 0;
  let at = 0;
  for (let n = 0; n < MAX_STREAMS; n++) {
    at = bytes.indexOf('/ObjStm', at, 'latin1');
    if (at < 0) break;
    const start = bytes.indexOf('stream', at, 'latin1');
    at += 7;
    if (start < 0 || start - at > SCAN_LIMIT) continue;
    const from = start + (bytes[start + 6] === 0x0d ? 8 : 7);
    const end = bytes.indexOf('endstream', from, 'latin1');
    if (end < 0) continue;
    largest = Math.max(largest, largestCount(inflate(bytes.subarray(from, end))));
  }
  return largest;
}

function inflate(stream: Buffer): Buffer {
  try {
    return inflateSync(stream, { maxOutputLength: MAX_STREAM_BYTES });
  } catch {
    return Buffer.alloc(0);
  }
}
