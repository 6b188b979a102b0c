/** The body of an object, gone on with where a connection broke. */

import { Readable } from 'node:stream';
import { jitteredBackoffMs } from '../backoff.ts';
import { type Clock, sleep } from '../clock.ts';
import { StorageError } from './storage.ts';

export interface ObjectBody {
  first: Readable;
  /** bytes of the whole object */
  size: number;
  /** The rest from that byte on, of the very same object. Throws StorageError. */
  reopen(at: number): Promise<Readable>;
}

/** In a row, without a byte between them. */
const MAX_FAILURES = 3;
const PAUSE = { firstMs: 400, maxMs: 5_000 };

/**
 * Reads on after a connection that broke off, a few times in a row; then it ends with StorageError. It never ends
 * early without an error.
 */
export function readOn({ first, size, reopen }: ObjectBody, clock: Clock): Readable {
  let current = first;
  async function* chunks(): AsyncGenerator<Buffer> {
    let at = 0;
    for (let failures = 0; at < size; ) {
      try {
        for await (const chunk of current) {
          const bytes: Buffer = chunk;
          at += bytes.length;
          failures = 0;
          yield bytes;
        }
        if (at < size) throw new StorageError('away', 'S3 broke off in the middle of a file');
      } catch (error) {
        current.destroy();
        failures++;
        if (failures >= MAX_FAILURES) throw toStorageError(error);
        await sleep(clock, jitteredBackoffMs(PAUSE, failures, Math.random()));
        current = await reopen(at);
      }
    }
  }
  // An error before anybody reads is reported to the reader.
  first.on('error', () => undefined);
  const stream = Readable.from(chunks(), { objectMode: false });
  // A generator that was never begun has no `finally` that could do it.
  stream.once('close', () => current.destroy());
  return stream;
}

function toStorageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  return new StorageError('away', 'S3 broke off in the middle of a file');
}
