/** Databases with rows in every table, whatever the release, and a raw look at them. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Database, type DatabaseOptions, openDatabase } from '../../src/db/client.ts';
import { type JournalEntry, migrationsFolder, readJournal } from '../../src/db/journal.ts';
import { dbType } from '../../src/db/kit.ts';
import { loadRows } from '../../src/db/load.ts';
import { migrate } from '../../src/db/migrate.ts';
import { type Cell, withSnapshot } from '../../src/db/snapshot.ts';
import { PASSING_TABLES } from '../../src/services/backup/format.ts';
import { openSource } from '../../src/services/backup/sources.ts';
import { createTarget } from '../../src/services/backup/targets.ts';
import { verifyBackup } from '../../src/services/backup/verify.ts';
import { writeBackup } from '../../src/services/backup/write.ts';
import { createLocalStorage } from '../../src/utils/storage/local.ts';
import { createEmptyDatabase, openTestDatabase, type TestDatabase } from '../helpers/database.ts';

/** A folder for uploads and backups of one test file, and its databases. */
export interface Place {
  dir: string;
  path(name: string): string;
  /** a database of this release's tables, all empty */
  migrated(): Promise<TestDatabase>;
  /** a database without any table */
  empty(): Promise<{ options: DatabaseOptions; database: Database }>;
  /** opens one of these again */
  open(options: DatabaseOptions): Promise<Database>;
  remove(): Promise<void>;
}

export function makePlace(): Place {
  const dir = mkdtempSync(join(tmpdir(), 'wahub-care-'));
  const undo: (() => Promise<void>)[] = [];
  const open = async (options: DatabaseOptions) => {
    const database = await openDatabase(options);
    undo.push(() => database.close());
    return database;
  };
  return {
    dir,
    path: (name) => join(dir, name),
    async migrated() {
      const database = await openTestDatabase();
      undo.push(() => database.close());
      return database;
    },
    async empty() {
      const { options, remove } = await createEmptyDatabase();
      undo.push(remove);
      return { options, database: await open(options) };
    },
    open,
    async remove() {
      for (const step of undo.reverse()) await step();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

interface Column {
  name: string;
  type: string;
  notNull: boolean;
}

/** The columns as MySQL has them, which says more of them than SQLite. */
function columnsAt({ tag }: JournalEntry): Map<string, Column[]> {
  const file = join(migrationsFolder('mysql'), 'meta', `${tag.split('_', 1)[0]}_snapshot.json`);
  const snapshot: { tables: Record<string, { columns: Record<string, Column> }> } = JSON.parse(
    readFileSync(file, 'utf8'),
  );
  return new Map(
    Object.entries(snapshot.tables).map(([name, table]) => [name, Object.values(table.columns)]),
  );
}

const ROWS = 3;
const BIG = Number.MAX_SAFE_INTEGER;
const hexOf = (text: string, n: number) => createHash('sha256').update(text).digest('hex').slice(0, n);

/** The last row has null wherever it may; texts hold what is hard: two bytes, four bytes, quotes, a line break. */
function cellOf(table: string, { name, type, notNull }: Column, row: number): Cell {
  if (!notNull && row === ROWS - 1) return null;
  const length = Number(/\((\d+)\)/.exec(type)?.[1] ?? 0);
  if (type.includes('ascii')) return hexOf(`${table}.${name}.${row}`, Math.min(length, 32));
  if (type.startsWith('varchar')) return `ü😀"\n'\\${row}`.slice(0, length);
  if (type.startsWith('mediumtext')) return JSON.stringify({ text: `ü😀"\n'\\ \u2028${row}`, n: row });
  if (type === 'int') return row === 0 ? -2_147_483_648 + row : row;
  if (type === 'bigint') return row === 0 ? -BIG : BIG - row - (name === 'fence' ? 10_000 : 0);
  if (type === 'tinyint') return row % 2;
  if (/blob|binary/.test(type)) return Buffer.concat([Buffer.from([0, 255, 10, row]), Buffer.from('ü😀')]);
  throw new Error(`no value for ${type}`);
}

/** Migrates the database up to `entry` and puts rows into every table. */
export async function fill(database: Database, entry: JournalEntry): Promise<void> {
  await migrate(database, { upTo: entry.when });
  const mysqlEntry = readJournal('mysql').find(({ tag }) => tag === entry.tag);
  if (!mysqlEntry) throw new Error(`MySQL has no migration ${entry.tag}`);
  for (const [name, columns] of columnsAt(mysqlEntry)) {
    const rows = Array.from({ length: ROWS }, (_, row) => columns.map((column) => cellOf(name, column, row)));
    await loadRows(database, { name, columns: columns.map((column) => column.name) }, rows);
  }
}

export const newest = (): JournalEntry => {
  const entry = readJournal(dbType).at(-1);
  if (!entry) throw new Error('there are no migrations');
  return entry;
};

type Rows = Record<string, Record<string, Cell>[]>;

/** Every row of every table that a backup holds, by the names of tables and columns. */
export function readEverything(options: DatabaseOptions): Promise<Rows> {
  return withSnapshot(options, async (snapshot) => {
    const found: Rows = {};
    for (const shape of snapshot.tables) {
      if (PASSING_TABLES.has(shape.name) || BOOKKEEPING.has(shape.name)) continue;
      const rows = await snapshot.page(shape, null, 100_000);
      found[shape.name] = rows.map((row) =>
        Object.fromEntries(shape.columns.map((column, at) => [column, row[at] ?? null])),
      );
    }
    return found;
  });
}
const BOOKKEEPING = new Set(['migration_lease', '__drizzle_migrations']);

/** Files as rows of `media` and `contact_imports` name them. */
export function writeUpload(uploadPath: string, name: string, text: string): void {
  const path = join(uploadPath, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** The folders of a service that keeps its files below `uploadPath`. */
export const placesIn = (uploadPath: string) => ({
  uploadPath,
  storage: createLocalStorage(join(uploadPath, 'media')),
});

export async function backUp(database: DatabaseOptions, uploadPath: string, path: string) {
  return writeBackup({
    ...placesIn(uploadPath),
    database,
    target: await createTarget(path),
    version: '1.2.3',
  });
}

/** A source that was looked at, as the restore wants it. */
export async function verified(path: string) {
  const source = openSource(path);
  return { source, ...(await verifyBackup(source)) };
}
