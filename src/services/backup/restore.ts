/** Filling a database from a backup. Until the last step it is marked, so that no service takes it for whole. */
import { createHash } from 'node:crypto';
import type { Database } from '../../db/client.ts';
import { readJournal } from '../../db/journal.ts';
import { loadRows, readColumns } from '../../db/load.ts';
import { migrate } from '../../db/migrate.ts';
import { dropTables } from '../../db/reset.ts';
import { clearRestoreMark, markRestore } from '../../db/restore-mark.ts';
import type { Cell } from '../../db/snapshot.ts';
import { StartError } from '../../utils/errors.ts';
import { type BackupFolders, putFile } from './files.ts';
import { fileEntry, type Manifest, type ManifestTable, readPiece } from './format.ts';
import { type BackupSource, readBody } from './sources.ts';
import { emptiesFor } from './target-database.ts';
import type { Verified } from './verify.ts';

export interface RestoreInput extends Verified, BackupFolders {
  database: Database;
  source: BackupSource;
  /** what is in the database may go */
  force: boolean;
  /**
   * Nothing ran on the data since the backup: Signal sessions are restored as well. Otherwise they are left out, and
   * made again with the next message: an old one would use keys again that the other side has already seen.
   */
  moved: boolean;
  onProgress?: (what: string) => void;
}

/** Types of `wa_keys` that go forward with each message. */
const RATCHETS: ReadonlySet<Cell | undefined> = new Set(['session', 'sender-key', 'sender-key-memory']);

/**
 * Replaces what is in the database by the backup, of whichever dialect, and brings it to this release's newest
 * migration; `finish` is the last step before it counts as whole. Throws StartError before anything is touched when
 * the backup is of a later release, or the database is in use or holds something and `force` is not given. Cut off
 * later, it leaves a database that no service starts on, and that the same command fills again from the beginning.
 */
export async function restoreBackup(input: RestoreInput, finish: () => Promise<void>): Promise<void> {
  const { database, manifest, source } = input;
  const entry = readJournal(database.dialect).find(({ tag }) => tag === manifest.migration);
  if (!entry) {
    throw new StartError(
      `the backup was made by a later release (${manifest.version}, migration ${manifest.migration}): restore it with that one`,
    );
  }
  const old = await emptiesFor(database, manifest, input.force);
  await markRestore(database, source.path);
  await dropTables(database, old);
  await migrate(database, { upTo: entry.when, restoring: true });
  await requireColumns(database, manifest);
  await loadEntries(input);
  await migrate(database, { restoring: true });
  await finish();
  await clearRestoreMark(database);
}

async function requireColumns(database: Database, { tables }: Manifest): Promise<void> {
  for (const { name, columns } of tables) {
    const known = new Set(await readColumns(database, name));
    const strange = columns.filter((column) => !known.has(column));
    if (strange.length > 0)
      throw new StartError(`the table ${name} has no column ${strange.join(', ')} here`);
  }
}

async function loadEntries(input: RestoreInput): Promise<void> {
  const { manifest, source, damagedFiles, onProgress } = input;
  const pieces = new Map(
    manifest.tables.flatMap((table) => table.pieces.map((piece) => [piece.name, { table, piece }])),
  );
  const files = new Map(manifest.files.map((file) => [fileEntry(file.name), file]));
  const loaded = new Map<string, number>();
  let stored = 0;
  for await (const { name, body } of source.entries()) {
    const found = pieces.get(name);
    if (found) {
      const { table, piece } = found;
      const rows = await readPiece(requireSame(await readBody(body, piece.bytes), piece));
      await loadRows(input.database, table, input.moved ? rows : rows.filter((row) => isKept(table, row)));
      loaded.set(table.name, (loaded.get(table.name) ?? 0) + rows.length);
      onProgress?.(`${table.name}: ${loaded.get(table.name)} of ${table.rows} rows`);
    }
    const file = files.get(name);
    if (file && !damagedFiles.has(file.name)) {
      if (!(await putFile(input, file.name, body, file.sha256))) throw changed(name);
      stored += 1;
      onProgress?.(`files: ${stored} of ${files.size}`);
    }
  }
  const short = manifest.tables.find(({ name, rows }) => (loaded.get(name) ?? 0) !== rows);
  if (short) throw new StartError(`the backup has changed: not all rows of ${short.name} are there any more`);
}

function isKept({ name, columns }: ManifestTable, row: readonly Cell[]): boolean {
  return name !== 'wa_keys' || !RATCHETS.has(row[columns.indexOf('type')]);
}

/** It was checked before, and is read a second time now. */
function requireSame(bytes: Buffer, { name, sha256 }: { name: string; sha256: string }): Buffer {
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw changed(name);
  return bytes;
}

const changed = (name: string) => new StartError(`the backup has changed while it was read: ${name}`);
