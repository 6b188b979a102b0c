/** Tells the operator when the storage stops working and when it works again. */

import type { Clock } from '../clock.ts';
import { MINUTE_MS } from '../durations.ts';
import type { Logger } from '../logger.ts';
import { type FileStorage, StorageError } from './storage.ts';

/** Trouble that goes on is told again after this. */
const REPEAT_MS = MINUTE_MS;

/** The same storage, whose trouble is logged: once when it begins, now and then while it lasts, once when it is over. */
export function watchStorage(
  storage: FileStorage,
  { clock, logger }: { clock: Clock; logger: Logger },
): FileStorage {
  let toldAt: number | null = null;

  async function watch<R>(work: Promise<R>): Promise<R> {
    try {
      const result = await work;
      if (toldAt !== null) logger.info('the storage of files works again', { storage: storage.type });
      toldAt = null;
      return result;
    } catch (error) {
      if (error instanceof StorageError) tell(error);
      throw error;
    }
  }

  function tell({ trouble, reason }: StorageError): void {
    const now = clock.monotonic();
    if (toldAt !== null && now - toldAt < REPEAT_MS) return;
    toldAt = now;
    logger.error('the storage of files cannot be used', { storage: storage.type, trouble, reason });
  }

  return {
    type: storage.type,
    put: (key, file) => watch(storage.put(key, file)),
    async open(key) {
      const stream = await watch(storage.open(key));
      stream?.on('error', (error) => {
        if (error instanceof StorageError) tell(error);
      });
      return stream;
    },
    has: (key) => watch(storage.has(key)),
    remove: (key) => watch(storage.remove(key)),
    list: (prefix) => storage.list(prefix),
    check: () => watch(storage.check()),
    close: () => storage.close(),
  };
}
