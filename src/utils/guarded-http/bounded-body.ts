/** Bodies of strangers: never larger, slower or longer than agreed. */
import { StringDecoder } from 'node:string_decoder';
import { AppError } from '../errors.ts';
import { sayBytes } from '../sizes.ts';
import { HttpFailure, toFailure } from './failures.ts';

export interface BodyBounds {
  maxBytes: number;
  /** average that must be kept after the grace */
  minBytesPerSecond: number;
  graceMs: number;
}

/**
 * Hands a body on piece by piece. Throws FILE_TOO_LARGE beyond `maxBytes` and HttpFailure `slow` when bytes
 * trickle; whoever stops reading ends the connection too.
 */
export async function* boundBody(
  body: AsyncIterable<Buffer>,
  bounds: BodyBounds,
  now: () => number = () => performance.now(),
): AsyncGenerator<Buffer, void, undefined> {
  let bytes = 0;
  // Only time spent waiting for the sender counts: a reader may take as long as it likes.
  let waitedMs = 0;
  let askedAt = now();
  try {
    for await (const piece of body) {
      waitedMs += now() - askedAt;
      bytes += piece.length;
      if (bytes > bounds.maxBytes) throw tooLarge(bounds.maxBytes);
      const overdueMs = waitedMs - bounds.graceMs;
      if (overdueMs > 0 && bytes < (overdueMs / 1000) * bounds.minBytesPerSecond) {
        throw new HttpFailure('slow', 'The host sends too slowly.');
      }
      yield piece;
      askedAt = now();
    }
  } catch (error) {
    throw toFailure(error);
  }
}

/** Hands on what was unpacked. Throws FILE_TOO_LARGE beyond `maxBytes`: little may become very much. */
export async function* boundSize(body: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    yield piece;
  }
}

export function tooLarge(maxBytes: number): AppError {
  return new AppError('FILE_TOO_LARGE', `The file behind this URL is larger than ${sayBytes(maxBytes)}.`, {
    details: { maxBytes },
  });
}

/** The first `limit` bytes as text, without a character that is cut; no more are read, so that a short body leaves the socket usable. */
export async function readExcerpt(body: AsyncIterable<Buffer>, limit: number): Promise<string> {
  const pieces: Buffer[] = [];
  let read = 0;
  for await (const piece of body) {
    pieces.push(piece);
    read += piece.length;
    if (read >= limit) break;
  }
  const bytes = Buffer.concat(pieces);
  if (bytes.length <= limit) return bytes.toString('utf8');
  return new StringDecoder('utf8').write(bytes.subarray(0, limit));
}
