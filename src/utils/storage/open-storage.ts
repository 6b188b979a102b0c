import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../logger.ts';
import { createLocalStorage } from './local.ts';
import { createS3Storage } from './s3.ts';
import { type FileStorage, StorageError } from './storage.ts';
import { watchStorage } from './watched.ts';

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
