/** The row of an import: what is known of it, and who works on it. */

import { and, asc, desc, eq, gt } from 'drizzle-orm';
import type { Db, Tx } from '../../../db/client.ts';
import { affected, insertMany } from '../../../db/ops.ts';
import { contactImportErrors, contactImports } from '../../../db/schema.ts';
import { AppError, ERROR_STATUS, type ErrorCode } from '../../../utils/errors.ts';
import { own } from '../../../utils/own.ts';
import { type BoundSessions, ofBound } from '../../bound.ts';
import type { Deps } from '../../context.ts';
import { readingsOf, reasonOf } from '../numbers.ts';
import type { NumbersWithoutPlus } from './bare-numbers.ts';
import type { LineNote } from './rows.ts';
import type { ColumnMapping } from './schemas.ts';

export type ImportRow = typeof contactImports.$inferSelect;

/** Lines told in the answer itself; all of them are in the file of errors. */
const MAX_SHOWN = 100;

/** A report about one line of the file. */
export interface ImportLine {
  /** the header is 1 */
  line: number;
  kind: LineNote['kind'];
  code: string;
  number: string;
  /** with +, when the number can be read in several ways */
  readings: string[];
  reason: string;
}

export interface ImportOutput {
  id: string;
  importId: string;
  kind: ImportRow['kind'];
  listId: string | null;
  status: ImportRow['status'];
  fileName: string | null;
  sizeBytes: number;
  format: 'csv' | 'xlsx' | 'vcard' | null;
  encoding: string | null;
  delimiter: string | null;
  columns: string[];
  warnings: { code: string; message: string }[];
  /** null until the file has been checked */
  total: number | null;
  processed: number;
  percent: number;
  added: number;
  updated: number;
  duplicates: number;
  invalid: number;
  repaired: number;
  errors: ImportLine[];
  /** set when it is not known which column holds the numbers */
  preview: ImportPreview | null;
  errorCode: string | null;
  errorMessage: string | null;
  createdAt: string;
  finishedAt: string | null;
}

/** The options that the sender of a file gave. */
export interface ImportOptions {
  mapping: ColumnMapping;
  /** a label of the WHATWG Encoding Standard; null: to be found out */
  encoding: string | null;
  /** its file waits when a person must say which column holds the numbers */
  asks: boolean;
  /** what numbers without + are */
  numbers: NumbersWithoutPlus;
}

/** The first lines of a file, for a person who is asked about them. */
export interface ImportPreview {
  columns: string[];
  sample: string[][];
}

/** Safe because only the import itself writes it. */
const previewOf = (row: Pick<ImportRow, 'preview'>) => row.preview as ImportPreview | null;

/** Safe because only `newImport` and `mapImport` write them. */
export function optionsOf(row: Pick<ImportRow, 'options'>): ImportOptions {
  const options = (row.options ?? {}) as Partial<ImportOptions>;
  const { mapping = {}, encoding = null, asks = false, numbers = 'auto' } = options;
  return { mapping, encoding, asks, numbers };
}

const WARNINGS: Record<string, (row: ImportRow) => string> = {
  encoding_guessed: ({ encoding }) =>
    `The file is not UTF-8 and does not say what it is; it was read as ${encoding}. If names look wrong, send it again with \`encoding\`.`,
  numbers_at_home: () =>
    'Numbers that could also be ones abroad were read as numbers at home without their 0, as the others of the file. If they are not, send it again with `numbers`: international.',
  numbers_ambiguous: () =>
    'Some numbers can be read in two ways and were left out, because the file has numbers without their 0 beside ones with a country code: send it again with `numbers`: home or international.',
  letters_lost: () => 'Some letters of the file are no UTF-8 and were replaced; the rest was read as UTF-8.',
};

/** The tenant's import, for a key that is `bound` one of that session. Throws NOT_FOUND. */
export async function findImport(
  db: Db,
  userId: number,
  id: string,
  bound: BoundSessions = null,
): Promise<ImportRow> {
  const [row] = await db
    .select()
    .from(contactImports)
    .where(
      and(
        eq(contactImports.id, id),
        eq(contactImports.userId, userId),
        ofBound(bound, contactImports.sessionId),
      ),
    );
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

/** Notes after `line`, in the order of the file; of one kind, when it is named. */
export function readNotes(
  db: Db,
  importId: string,
  after: number,
  limit: number,
  kind?: LineNote['kind'],
): Promise<(typeof contactImportErrors.$inferSelect)[]> {
  const { importId: ofImport, line, kind: kindOf } = contactImportErrors;
  const wanted = kind === undefined ? undefined : eq(kindOf, kind);
  return db
    .select()
    .from(contactImportErrors)
    .where(and(eq(ofImport, importId), gt(line, after), wanted))
    .orderBy(asc(line))
    .limit(limit);
}

/** A tenant's imports of a kind, newest first. */
export function readImports(
  db: Db,
  userId: number,
  { kind, listId, limit }: { kind: ImportRow['kind']; listId?: string | undefined; limit: number },
  bound: BoundSessions = null,
): Promise<ImportRow[]> {
  const ofList = listId === undefined ? undefined : eq(contactImports.listId, listId);
  return db
    .select()
    .from(contactImports)
    .where(
      and(
        eq(contactImports.userId, userId),
        eq(contactImports.kind, kind),
        ofList,
        ofBound(bound, contactImports.sessionId),
      ),
    )
    .orderBy(desc(contactImports.createdAt), desc(contactImports.id))
    .limit(limit);
}

/** `country`: the default country. */
export function toLine(note: typeof contactImportErrors.$inferSelect, country: string): ImportLine {
  const { line, kind, code, value } = note;
  const readings = readingsOf(code, value, country);
  return { line, kind, code, number: value, readings, reason: reasonOf(code, readings) };
}

/** The report of an import, with the first `shown` lines that were refused or left out. */
export async function toOutput(
  { db, config }: Pick<Deps, 'db' | 'config'>,
  row: ImportRow,
  shown = MAX_SHOWN,
): Promise<ImportOutput> {
  const notes = shown === 0 ? [] : await readNotes(db, row.id, 0, shown);
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
    format: row.format,
    encoding: row.encoding,
    delimiter: row.delimiter,
    columns: row.columns ?? [],
    warnings: (row.warnings ?? []).map((code) => ({ code, message: own(WARNINGS, code)?.(row) ?? code })),
    total: row.totalRows,
    processed: row.doneRows,
    percent: done ? 100 : row.totalRows ? Math.floor((row.doneRows / row.totalRows) * 100) : 0,
    added: row.added,
    updated: row.updated,
    duplicates: row.duplicates,
    invalid: row.invalid,
    repaired: row.repaired,
    errors: notes.map((note) => toLine(note, config.defaultCountry)),
    preview: previewOf(row),
    errorCode: row.errorCode,
    errorMessage: row.errorMessage,
    createdAt: iso(row.createdAt),
    finishedAt: row.finishedAt === null ? null : iso(row.finishedAt),
  };
}

/** Of what is no file of contacts, or one that cannot be read. The codes' own hint is about what a request is written in. */
const SAVE_AS = 'Save the contacts as CSV, .xlsx or vCard, and send that file.';

/** The failure that a failed import ended with, for whoever waited for it. */
export function failureOf(row: ImportRow): AppError {
  const code = isErrorCode(row.errorCode) ? row.errorCode : 'INTERNAL';
  const { id: importId, added, updated, duplicates, invalid } = row;
  return new AppError(code, row.errorMessage ?? 'The import failed.', {
    details: { ...previewOf(row), importId, file: row.errorMessage, added, updated, duplicates, invalid },
    ...(code === 'UNSUPPORTED_MEDIA' ? { hint: SAVE_AS } : {}),
  });
}

function isErrorCode(code: string | null): code is ErrorCode {
  return code !== null && Object.hasOwn(ERROR_STATUS, code);
}
