import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { MINUTE_MS } from '../durations.ts';
import type { Logger } from '../logger.ts';
import { createLocalStorage } from './local.ts';
import { createS3Storage } from './s3.ts';
import { type FileStorage, StorageError } from './storage.ts';

/** The storage cannot be used as it is configured: for a person, in one line. */
export class StorageStartError extends Error {
  override name = 'StartError';
}

interface Parts {
  config: Pick<Config, 'storage' | 'files'>;
  clock: Clock;
  logger: Logger;
}

/** The storage that the configuration names. Nothing is asked of it yet. */
export function createStorage({ config, clock, logger }: Parts): FileStorage {
  const { storage, files } = config;
  const made =
    storage.type === 's3'
      ? createS3Storage(storage, clock)
      : createLocalStorage(join(files.uploadPath, 'media'));
  return watchStorage(made, { clock, logger });
}

/**
 * Looks once whether files can be kept. One that cannot be reached does not stop the start: everything but files works,
 * and files do when it is back. Throws StartError when a setting must be changed.
 */
export async function checkStorage(storage: FileStorage): Promise<void> {
  try {
    await storage.check();
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (error.trouble === 'refused') throw new StorageStartError(error.reason);
  }
}

/** Trouble that goes on is logged again after this. */
const REPEAT_MS = MINUTE_MS;

/** The same storage, whose trouble is logged: once when it begins, now and then while it lasts, once when it is over. */
function watchStorage(
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
