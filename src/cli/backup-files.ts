import type { BackupFolders } from '../services/backup/files.ts';
import { systemClock as clock } from '../utils/clock.ts';
import type { DataConfig } from '../utils/config.ts';
import { createLogger } from '../utils/logger.ts';
import { createStorage } from '../utils/storage/open-storage.ts';

/** Runs `fn` with the files' places open. What goes wrong with them is thrown, so nothing is logged. */
export async function withBackupFiles<R>(
  config: DataConfig,
  fn: (places: BackupFolders) => Promise<R>,
): Promise<R> {
  const logger = createLogger({ level: 'silent', dir: '', json: false, files: false });
  const storage = createStorage({ config, clock, logger });
  try {
    return await fn({ storage, uploadPath: config.files.uploadPath });
  } finally {
    await storage.close();
    await logger.close();
  }
}
