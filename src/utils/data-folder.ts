/** The folder with the database, credentials and files: for the service's own user only. */
import { mkdirSync, statSync } from 'node:fs';
import type { Config } from './config.ts';
import { withFileErrors } from './file-errors.ts';

/** Bits that let the group or everybody else in. */
const OTHERS = 0o077;

/**
 * Makes DATA_DIR with mode 0700 when it is missing. One that is there stays as it is, because it may be shared with
 * something else on purpose: then the sentence for the log that says how to close it, else null.
 */
export function ensureDataFolder({ dataDir }: Pick<Config, 'dataDir'>): string | null {
  withFileErrors(dataDir, 'DATA_DIR', () => mkdirSync(dataDir, { recursive: true, mode: 0o700 }));
  if (process.platform === 'win32' || (statSync(dataDir).mode & OTHERS) === 0) return null;
  return `the data folder ${dataDir} is open to other users of this machine: chmod 700 ${dataDir}`;
}
