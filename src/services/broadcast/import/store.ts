/** The row of an import: what is known of it, and who works on it. */
import { and, asc, eq, gt } from 'drizzle-orm';
import type { Db, Tx } from '../../../db/client.ts';
import { affected, insertMany } from '../../../db/ops.ts';
import { contactImportErrors, contactImports } from '../../../db/schema.ts';
import { AppError, ERROR_STATUS, type ErrorCode } from '../../../utils/errors.ts';
import { LINE_REASONS } from '../numbers.ts';
import type { LineNote } from './rows.ts';

export type ImportRow = typeof contactImports.$inferSelect;

/** Lines told in the answer itself; all of them are in the file of errors. */
const MAX_SHOWN = 100;

export interface ImportOutput {
  id: string;
  importId: string;
  kind: ImportRow['kind'];
  listId: string | null;
  status: ImportRow['status'];
  fileName: string | null;
  sizeBytes: number;
  encoding: string | null;
  delimiter: string | null;
  columns: string[];
  /** null until the file has been checked */
  total: number | null;
  processed: number;
  percent: number;
  added: number;
  updated: number;
  duplicates: number;
  invalid: number;
  repaired: number;
  errors: { line: number; kind: string; code: string; number: string; reason: string }[];
  errorCode: string | null;
  errorMessage: string | null;
  createdAt: string;
  finishedAt: string | null;
}

/** The tenant's import. Throws NOT_FOUND. */
export async function findImport(db: Db, userId: number, id: string): Promise<ImportRow> {
  const [row] = await db
    .select()
    .from(contactImports)
    .where(and(eq(contactImports.id, id), eq(contactImports.userId, userId)));
  if (!row) throw new AppError('NOT_FOUND', `There is no import ${id}.`);
  return row;
}

/** Somebody else has taken the import over: the transaction is rolled back and this process lets go of it. */
export class ImportLost extends Error {
  override name = 'ImportLost';
}

/** Changes an import that this process works on. Throws ImportLost when it does not any more. */
export async function changeOwn(
  db: Db | Tx,
  id: string,
  owner: string,
  changes: Partial<typeof contactImports.$inferInsert>,
): Promise<void> {
  const mine = and(
    eq(contactImports.id, id),
    eq(contactImports.owner, owner),
    eq(contactImports.status, 'running'),
  );
  const changed = await db.update(contactImports).set(changes).where(mine);
  if (affected(changed) === 0) throw new ImportLost(`import ${id} is not this process's`);
}

/** Keeps what is to be told of lines. */
export async function writeNotes(tx: Tx, importId: string, notes: readonly LineNote[]): Promise<void> {
  await insertMany(
    tx,
    contactImportErrors,
    notes.map((note) => ({ importId, ...note })),
  );
}

/** Notes after `line`, in the order of the file. */
export function readNotes(db: Db, importId: string, after: number, limit: number) {
  return db
    .select()
    .from(contactImportErrors)
    .where(and(eq(contactImportErrors.importId, importId), gt(contactImportErrors.line, after)))
    .orderBy(asc(contactImportErrors.line))
    .limit(limit);
}

/** What is told of an import, with the first 100 lines that were refused or left out. */
export async function toOutput(db: Db, row: ImportRow): Promise<ImportOutput> {
  const notes = await readNotes(db, row.id, 0, MAX_SHOWN);
  const iso = (at: number) => new Date(at).toISOString();
  const done = row.status === 'completed';
  return {
    id: row.id,
    importId: row.id,
    kind: row.kind,
    listId: row.listId,
    status: row.status,
    fileName: row.fileName,
    sizeBytes: row.sizeBytes,
    encoding: row.encoding,
    delimiter: row.delimiter,
    columns: row.columns ?? [],
    total: row.totalRows,
    processed: row.doneRows,
    percent: done ? 100 : row.totalRows ? Math.floor((row.doneRows / row.totalRows) * 100) : 0,
    added: row.added,
    updated: row.updated,
    duplicates: row.duplicates,
    invalid: row.invalid,
    repaired: row.repaired,
    errors: notes.map(({ line, kind, code, value }) => ({
      line,
      kind,
      code,
      number: value,
      reason: LINE_REASONS[code] ?? code,
    })),
    errorCode: row.errorCode,
    errorMessage: row.errorMessage,
    createdAt: iso(row.createdAt),
    finishedAt: row.finishedAt === null ? null : iso(row.finishedAt),
  };
}

/** The failure that a failed import ended with, for whoever waited for it. */
export function failureOf(row: ImportRow): AppError {
  const code = isErrorCode(row.errorCode) ? row.errorCode : 'INTERNAL';
  const { id: importId, added, updated, duplicates, invalid } = row;
  return new AppError(code, row.errorMessage ?? 'The import failed.', {
    details: { importId, file: row.errorMessage, added, updated, duplicates, invalid },
  });
}

function isErrorCode(code: string | null): code is ErrorCode {
  return code !== null && Object.hasOwn(ERROR_STATUS, code);
}
