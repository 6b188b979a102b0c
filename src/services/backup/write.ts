/** Making a backup: every table as it was at one moment, then the files that its rows name. */

import { createReadStream } from 'node:fs';
import { LEASE_MS } from '../../cluster/processes.ts';
import { readBatches } from '../../db/batches.ts';
import type { DatabaseOptions } from '../../db/client.ts';
import { positionOf, readJournal, tablesAfter } from '../../db/journal.ts';
import { readCutOff } from '../../db/restore-mark.ts';
import { type Cell, type Snapshot, type TableShape, withSnapshot } from '../../db/snapshot.ts';
import { keyIdOfText } from '../../utils/crypto.ts';
import { StartError } from '../../utils/errors.ts';
import { type BackupFolders, importName, mediaName, withFile } from './files.ts';
import {
  compress,
  encodeRow,
  FORMAT,
  fileEntry,
  MANIFEST,
  type Manifest,
  type ManifestTable,
  PASSING_TABLES,
  PIECE_BYTES,
  pieceName,
} from './format.ts';
import { type BackupTarget, bodyOf } from './targets.ts';

export interface BackupInput extends BackupFolders {
  database: DatabaseOptions;
  target: BackupTarget;
  /** the release that makes it */
  version: string;
  onProgress?: (what: string) => void;
}

export interface BackupReport {
  manifest: Manifest;
  /** files that rows name and that are not there (any more) */
  missingFiles: number;
  /** files whose bytes are not those that were stored */
  changedFiles: number;
}

const BATCH_SIZE = 500;

/**
 * Writes the whole backup, beside the running service or without one. Needs no encryption key. Throws StartError for
 * a database that is empty, of a later release, or in the middle of a migration or a restore.
 */
export async function writeBackup(input: BackupInput): Promise<BackupReport> {
  const { target } = input;
  try {
    const found: Found = { sealed: new Map(), files: [] };
    const made = await withSnapshot(input.database, (snapshot) => writeTables(input, snapshot, found));
    // The rows first: a file that is stored later belongs to no row of the snapshot.
    const { files, missing, changed } = await writeFiles(input, found.files);
    const manifest: Manifest = {
      program: 'wahub',
      format: FORMAT,
      version: input.version,
      ...made,
      sealed: Object.fromEntries([...found.sealed].sort()),
      files,
    };
    const text = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
    // Last: what has a manifest is whole.
    await target.add(MANIFEST, bodyOf(text), text.length);
    await target.finish();
    return { manifest, missingFiles: missing, changedFiles: changed };
  } catch (error) {
    await target.discard();
    throw error;
  }
}

/** Facts that are found in the rows on the way. */
interface Found {
  /** values by the id of their key */
  sealed: Map<string, number>;
  files: { name: string; sha256: string | null }[];
}

type Made = Pick<Manifest, 'madeAt' | 'dialect' | 'migration' | 'live' | 'tables'>;

async function writeTables(input: BackupInput, snapshot: Snapshot, found: Found): Promise<Made> {
  const { dialect, takenAt } = snapshot;
  const shapes = new Map(snapshot.tables.map((shape) => [shape.name, shape]));
  const entry = await readEntry(snapshot, shapes);
  const tables: ManifestTable[] = [];
  for (const name of tablesAfter(dialect, entry)) {
    const shape = shapes.get(name);
    if (!shape) throw new StartError(`the table ${name} is missing in this database`);
    if (!PASSING_TABLES.has(name)) tables.push(await writeTable(input, snapshot, shape, found));
  }
  const live = await isLive(snapshot, shapes);
  return { madeAt: new Date(takenAt).toISOString(), dialect, migration: entry.tag, live, tables };
}

async function readEntry(snapshot: Snapshot, shapes: ReadonlyMap<string, TableShape>) {
  const applied = await readAll(snapshot, shapes.get('__drizzle_migrations'));
  const times = applied.map((row) => Number(row.created_at));
  const position = positionOf(readJournal(snapshot.dialect), Math.max(0, ...times));
  if (position.state === 'empty') throw new StartError('this database is empty: there is nothing to back up');
  if (position.state === 'unknown') {
    throw new StartError('this database was migrated by a later release: back it up with that one');
  }
  const lease = await readAll(snapshot, shapes.get('migration_lease'));
  const cutOff = readCutOff(lease, new Set(applied.map((row) => String(row.hash))));
  if (cutOff !== null) throw new StartError(cutOff);
  return position.entry;
}

async function isLive(snapshot: Snapshot, shapes: ReadonlyMap<string, TableShape>): Promise<boolean> {
  const rows = await readAll(snapshot, shapes.get('processes'));
  return rows.some((row) => Number(row.heartbeat_at) > snapshot.takenAt - LEASE_MS);
}

type NamedRow = Record<string, Cell | undefined>;

const named = ({ columns }: TableShape, row: readonly Cell[]): NamedRow =>
  Object.fromEntries(columns.map((column, at) => [column, row[at]]));

/** Of a small table; none when there is no such table. */
async function readAll(snapshot: Snapshot, shape: TableShape | undefined): Promise<NamedRow[]> {
  const all: NamedRow[] = [];
  if (!shape) return all;
  for await (const rows of pagesOf(snapshot, shape)) all.push(...rows.map((row) => named(shape, row)));
  return all;
}

const pagesOf = (snapshot: Snapshot, shape: TableShape): AsyncGenerator<Cell[][]> =>
  readBatches<Cell[]>(BATCH_SIZE, (last) => snapshot.page(shape, last, BATCH_SIZE));

async function writeTable(
  { target, onProgress }: BackupInput,
  snapshot: Snapshot,
  shape: TableShape,
  found: Found,
): Promise<ManifestTable> {
  const table: ManifestTable = { name: shape.name, columns: [...shape.columns], rows: 0, pieces: [] };
  let lines: string[] = [];
  let size = 0;
  async function flush(): Promise<void> {
    if (lines.length === 0) return;
    const rows = lines.length;
    const bytes = await compress(lines.join(''));
    const name = pieceName(table.name, table.pieces.length + 1);
    const written = await target.add(name, bodyOf(bytes), bytes.length);
    table.pieces.push({ name, rows, ...written });
    table.rows += rows;
    lines = [];
    size = 0;
    onProgress?.(`${table.name}: ${table.rows} rows`);
  }
  for await (const rows of pagesOf(snapshot, shape)) {
    for (const row of rows) {
      note(found, shape, row);
      const line = encodeRow(row);
      lines.push(line);
      size += line.length;
      if (size >= PIECE_BYTES) await flush();
    }
  }
  await flush();
  return table;
}

/** Columns with sealed texts; bytes in a column `sealed` have their key beside them, in `key_id`. */
const SEALED_TEXTS: Record<string, readonly string[] | undefined> = {
  alert_channels: ['secret'],
  api_keys: ['sealed'],
  otps: ['sealed'],
  second_factors: ['secret'],
  webhooks: ['secret', 'previous_secret', 'older_secrets', 'headers'],
  whatsapp_accounts: ['proxy'],
};

function note(found: Found, shape: TableShape, cells: readonly Cell[]): void {
  const texts = SEALED_TEXTS[shape.name];
  // Elsewhere a `key_id` may be that of an API key.
  const hasKeys = shape.columns.includes('key_id') && shape.columns.includes('sealed');
  const hasFiles = shape.name === 'media' || shape.name === 'contact_imports';
  if (!texts && !hasKeys && !hasFiles) return;
  const row = named(shape, cells);
  const count = (keyId: string) => found.sealed.set(keyId, (found.sealed.get(keyId) ?? 0) + 1);
  if (typeof row.key_id === 'string') count(row.key_id);
  for (const column of texts ?? []) {
    const text = row[column];
    if (typeof text === 'string') count(keyIdOfText(text));
  }
  if (shape.name === 'media') {
    found.files.push({ name: mediaName(String(row.storage_key)), sha256: String(row.sha256) });
  }
  if (shape.name === 'contact_imports' && row.status === 'running') {
    found.files.push({ name: importName(String(row.id)), sha256: null });
  }
}

async function writeFiles(
  input: BackupInput,
  wanted: Found['files'],
): Promise<{ files: Manifest['files']; missing: number; changed: number }> {
  const files: Manifest['files'] = [];
  const seen = new Set<string>();
  let missing = 0;
  let changed = 0;
  for (const { name, sha256 } of wanted) {
    if (seen.has(name)) continue;
    seen.add(name);
    const written = await withFile(input, name, ({ path, size }) =>
      input.target.add(fileEntry(name), createReadStream(path), size),
    );
    if (written === null) missing++;
    else {
      files.push({ name, ...written });
      if (sha256 !== null && sha256 !== written.sha256) changed++;
    }
    input.onProgress?.(`files: ${files.length}`);
  }
  return { files, missing, changed };
}
