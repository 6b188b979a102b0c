/** Whether a SQLite file is whole, before the service trusts it: what is wrong in one line, with what to do. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { StartError } from '../utils/errors.ts';
import type { Connection } from './sqlite-connection.ts';
import { readWalState } from './sqlite-wal.ts';

const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
const RESTORE = 'keep a copy of it and restore a backup (docs/backup.md, "A damaged database")';

/** How the file was left. */
export interface FoundFile {
  /** every page must be looked at: its log is still there after a kill, or its head does not say how long it is */
  unclean: boolean;
}

/**
 * Looks at the files without SQLite, which would begin an empty database where there was one, or leave out a damaged
 * log. Throws StartError. `served`: a service has used this file before. `refill`: the caller replaces all its data.
 */
export function checkSqliteFile(
  path: string,
  { served, refill }: { served: boolean; refill: boolean },
): FoundFile {
  const wal = `${path}-wal`;
  const walBytes = sizeOf(wal) ?? 0;
  const bytes = sizeOf(path);
  if (bytes === null && walBytes > 0) {
    throw new StartError(`${path} is missing, but its log ${wal} is there: put the file back, or ${RESTORE}`);
  }
  if (bytes === 0 && (served || walBytes > 0) && !refill) {
    throw new StartError(
      `${path} is empty, but a service has used it before: the disk was full or the file was cut off. Restore a backup (docs/backup.md, "A damaged database"); to start again with nothing, remove ${path} and the files beside it that begin with its name`,
    );
  }
  if (bytes === null || bytes === 0) return { unclean: false };
  const { counted } = checkHeader(path, bytes, walBytes > 0);
  checkLog(path, wal);
  return { unclean: walBytes > 0 || !counted };
}

function checkHeader(path: string, bytes: number, hasLog: boolean): { counted: boolean } {
  const header = readStart(path);
  if (bytes < HEADER_BYTES || header.toString('latin1', 0, 16) !== MAGIC) {
    throw new StartError(`${path} is not a SQLite database, or its beginning is damaged: ${RESTORE}`);
  }
  const stored = header.readUInt16BE(16);
  const pageBytes = stored === 1 ? 65_536 : stored;
  const pages = header.readUInt32BE(28);
  // The count is good when both change counters agree (sqlite.org/fileformat.html, 1.3.7).
  const counted = header.readUInt32BE(24) === header.readUInt32BE(92);
  // With a log the file may be on its way to the size that its header names.
  if (counted && !hasLog && bytes < pages * pageBytes) {
    throw new StartError(`${path} is cut off (${bytes} of ${pages * pageBytes} bytes are there): ${RESTORE}`);
  }
  return { counted };
}

function checkLog(path: string, wal: string): void {
  const found = readWalState(wal);
  if (found.state !== 'damaged') return;
  throw new StartError(
    `the log ${wal} is damaged after ${found.goodBytes} bytes, so the last commits in it cannot be read: restore a backup (docs/backup.md, "A damaged database"); to go on without those commits, run: truncate -s ${found.goodBytes} ${wal}, and keep a copy of both files (${path})`,
  );
}

/** SQLite's own look at every page: some seconds for each gigabyte. Throws StartError. */
export async function quickCheck(path: string, connection: Connection): Promise<void> {
  const { rows } = await connection.execute('PRAGMA quick_check(1)');
  const found = String(rows[0]?.[0] ?? 'no answer');
  if (found === 'ok') return;
  const [line = found] = found.replace(/^\*+.*\*+\s*/, '').split('\n');
  throw new StartError(`${path} is damaged (${line.trim().slice(0, 200)}): ${RESTORE}`);
}

const DAMAGED = new Set(['SQLITE_CORRUPT', 'SQLITE_NOTADB']);
const TROUBLES: Readonly<Record<string, string>> = {
  SQLITE_READONLY: 'it or its folder is read-only: let this user write there',
  SQLITE_CANTOPEN: 'it or a file beside it cannot be opened: let this user read and write there',
  SQLITE_FULL: 'the disk is full: make room',
  SQLITE_IOERR: 'the disk does not answer properly: look at the system log',
};

/** The StartError for what SQLite says of the file while it is opened; other errors as they are. */
export function explainSqliteError(error: unknown, path: string): unknown {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (!('code' in at && typeof at.code === 'string')) continue;
    if (DAMAGED.has(at.code)) {
      return new StartError(`${path} is damaged (${at.message}): ${RESTORE}`, { cause: error });
    }
    const trouble = TROUBLES[at.code];
    if (trouble) return new StartError(`${path} cannot be used, ${trouble} (${at.code})`, { cause: error });
  }
  return error;
}

function readStart(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    readSync(file, header, 0, HEADER_BYTES, 0);
    return header;
  } finally {
    closeSync(file);
  }
}

function sizeOf(path: string): number | null {
  return existsSync(path) ? statSync(path).size : null;
}
