/**
 * Reads a JSON object piece by piece and takes `data:` URLs out of it on the way, so that a file in a body is never
 * there as a whole: not as text, not as a string, not as bytes.
 */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { AppError } from '../utils/errors.ts';
import { sayBytes } from '../utils/sizes.ts';
import { createJsonScanner, unescapeJson } from './json-scanner.ts';

/** Takes the text of one `data:` URL; what it throws ends the reading. */
export type Lift = (field: string, url: PassThrough) => Promise<void>;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MARK = 'data:';

/**
 * The bytes of the JSON text without the `data:` URLs of these top-level fields: an empty string is left of each. What is left may
 * have `maxBytes`; throws BODY_TOO_LARGE. Whether it is JSON at all shows when it is parsed.
 */
export async function liftDataUrls(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  fields: readonly string[],
  lift: Lift,
  maxBytes: number,
): Promise<Uint8Array> {
  const scanner = createJsonScanner(fields, MARK);
  const rest = createRest(maxBytes);
  let url: LiftedUrl | null = null;
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        if (url === null) {
          const end = scanner.scan(chunk, at);
          rest.add(chunk.subarray(at, end));
          at = end;
          if (!scanner.foundMark()) continue;
          rest.drop(MARK.length);
          url = openUrl(scanner.key(), lift);
          await url.write(Buffer.from(MARK));
        } else {
          at = await url.feed(chunk, at);
          if (at >= chunk.length) continue;
          // The closing quote: the scanner goes on after an empty string.
          await url.end();
          url = null;
        }
      }
    }
  } finally {
    url?.cancel();
  }
  return rest.bytes();
}

interface LiftedUrl {
  write(bytes: Uint8Array): Promise<void>;
  /** Hands on what belongs to the URL; where its closing quote is, or the length of the chunk. */
  feed(chunk: Uint8Array, from: number): Promise<number>;
  end(): Promise<void>;
  cancel(): void;
}

function openUrl(field: string, lift: Lift): LiftedUrl {
  const stream = new PassThrough();
  stream.on('error', () => undefined);
  const done = lift(field, stream);
  // It is heard when it is waited for, and may fail long before.
  done.catch(() => stream.destroy());
  /** an escape that has begun, without its backslash */
  let pendingEscape: string | null = null;

  async function write(bytes: Uint8Array): Promise<void> {
    if (!stream.destroyed && stream.write(bytes)) return;
    const waiting = new AbortController();
    const { signal } = waiting;
    if (!stream.destroyed) {
      await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]).catch(
        () => 0,
      );
    }
    waiting.abort();
    if (stream.destroyed) await done;
  }

  return {
    write,
    async feed(chunk, from) {
      for (let at = from; at < chunk.length; ) {
        if (pendingEscape !== null) {
          pendingEscape += String.fromCharCode(chunk[at] ?? 0);
          at++;
          const text = unescapeJson(pendingEscape);
          if (text === null) continue;
          pendingEscape = null;
          await write(Buffer.from(text));
          continue;
        }
        const quote = indexOrEnd(chunk, QUOTE, at);
        const stop = indexOrEnd(chunk.subarray(0, quote), BACKSLASH, at);
        if (stop > at) await write(chunk.subarray(at, stop));
        if (stop === quote) return quote;
        pendingEscape = '';
        at = stop + 1;
      }
      return chunk.length;
    },
    async end() {
      stream.end();
      await done;
    },
    cancel() {
      stream.destroy();
    },
  };
}

function indexOrEnd(chunk: Uint8Array, byte: number, from: number): number {
  const index = chunk.indexOf(byte, from);
  return index < 0 ? chunk.length : index;
}

interface Rest {
  add(bytes: Uint8Array): void;
  /** Takes the last bytes back. */
  drop(count: number): void;
  bytes(): Uint8Array;
}

function createRest(maxBytes: number): Rest {
  let pieces: Buffer[] = [];
  let length = 0;
  return {
    add(bytes) {
      length += bytes.length;
      if (length > maxBytes) {
        const details = { maxBytes };
        throw new AppError(
          'BODY_TOO_LARGE',
          `The body is larger than ${sayBytes(maxBytes)}, its file left out.`,
          { details },
        );
      }
      pieces.push(Buffer.from(bytes));
    },
    drop(count) {
      length -= count;
      pieces = [Buffer.concat(pieces).subarray(0, length)];
    },
    bytes: () => Buffer.concat(pieces),
  };
}
