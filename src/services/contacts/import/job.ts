/**
 * Working off one uploaded file: it is checked as a whole first, so that a file that is no CSV changes nothing, and
 * then written in batches, each in one transaction with its counts, so that a restart goes on with the next row.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tx } from '../../../db/client.ts';
import { monotonicMs, yieldToEventLoop } from '../../../db/event-loop.ts';
import { transact } from '../../../db/ops.ts';
import { inBackground } from '../../../db/work.ts';
import { record } from '../../../events/record.ts';
import { AppError } from '../../../utils/errors.ts';
import { createFairQueue } from '../../../utils/fair-queue.ts';
import type { LoopShare } from '../../../utils/loop-share.ts';
import type { BareReading } from '../../../utils/phone.ts';
import type { Deps } from '../../context.ts';
import { type ColumnPlan, planColumns, UnknownColumns } from '../columns.ts';
import type { NewContact } from '../merge.ts';
import { readNumber } from '../numbers.ts';
import { type BareVerdict, createColumnProof } from './bare-numbers.ts';
import { detectEncoding } from './encoding.ts';
import { toCsv } from './formats.ts';
import { type CsvShape, detectShape, forEachRecord, requireHeader } from './records.ts';
import { type LineNote, type ReadRow, readRow, unreadable } from './rows.ts';
import { SINKS } from './sinks.ts';
import {
  changeOwn,
  type ImportOptions,
  type ImportPreview,
  type ImportRow,
  optionsOf,
  writeNotes,
} from './store.ts';
import type { TableFormat } from './tables/process.ts';

export type ImportDeps = Pick<
  Deps,
  'config' | 'database' | 'db' | 'clock' | 'stream' | 'logger' | 'background' | 'loopShare' | 'allowances'
>;

const MAX_ROWS = 1_000_000;
/** Rows of a transaction: about 5 ms on SQLite. */
const BATCH_SIZE = 200;
/** How long rows are read at a stretch. */
const MAX_HOLD_MS = 4;
/** Repaired numbers are listed one by one up to here; all of them are counted. */
const MAX_REPAIRED_NOTES = 1_000;

/** The import was cut off between two batches; it can go on there. */
export class ImportStopped extends Error {
  override name = 'ImportStopped';
}

/** A place for each tenant that imports: what they take of the event loop they take in turn. */
const running = createFairQueue({ concurrency: 20, maxWaiting: Number.POSITIVE_INFINITY });

/** The folder of contact lists that are being imported, below `uploadPath`. */
export const IMPORTS_FOLDER = 'imports';

/** Where the uploaded file of an import lies until it is done. */
export function spoolPath({ config }: Pick<Deps, 'config'>, importId: string): string {
  return join(config.files.uploadPath, IMPORTS_FOLDER, `${importId}.csv`);
}

/**
 * Works on an import that this process owns until it has ended, well or not, and removes its file. Throws
 * ImportStopped when `signal` ended it before, ImportLost when another process has taken it, and what the database
 * throws when it is away; then the import can be taken up again.
 */
export async function runImport(deps: ImportDeps, job: ImportRow, signal: AbortSignal): Promise<void> {
  try {
    // An import that waits for its workbook to be read takes no place from those whose file is CSV already.
    const format = await toCsv(spoolPath(deps, job.id), String(job.userId), signal);
    await running.run(String(job.userId), () =>
      inBackground(job.userId, () => work(deps, job, format, signal)),
    );
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'UNAVAILABLE') throw error;
    await finish(deps, job, {
      status: 'failed',
      errorCode: error.code,
      errorMessage: error.message.slice(0, 300),
    });
    // A person is asked which column holds the numbers: the file waits for the answer.
    if (error instanceof UnknownColumns && optionsOf(job).asks) return;
  }
  await rm(spoolPath(deps, job.id), { force: true });
}

async function work(
  deps: ImportDeps,
  job: ImportRow,
  format: 'csv' | TableFormat,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) throw new ImportStopped();
  const path = spoolPath(deps, job.id);
  const options = optionsOf(job);
  const { encoding, sample, warning } = await detectEncoding(
    path,
    (job.format ?? format) === 'csv' ? options.encoding : null,
  );
  const shape = detectShape(encoding, sample);
  const checked = await checkFile(deps, job, path, shape, options, signal).catch(async (error) => {
    if (error instanceof UnknownColumns) await keepPreview(deps, job, path, shape);
    throw error;
  });
  const { plan, totalRows, bare } = checked;
  const warnings = [warning, bare.warning].filter((code) => code !== null);
  await changeOwn(deps.db, job.id, deps.background.processId, {
    // A restart finds CSV where a workbook was.
    format: job.format ?? format,
    warnings: warnings.length === 0 ? null : warnings,
    encoding,
    delimiter: shape.delimiter,
    columns: plan.fields.map(({ name }) => name),
    totalRows,
    updatedAt: deps.clock.now(),
  });
  await writeRows(deps, job, { path, shape, plan, bare: bare.reading }, signal);
  await finish(deps, job, { status: 'completed' });
}

/** Reads the file to its end without writing anything. Throws VALIDATION_FAILED. */
async function checkFile(
  { config, loopShare }: Pick<ImportDeps, 'config' | 'loopShare'>,
  { userId }: ImportRow,
  path: string,
  shape: CsvShape,
  { mapping, numbers }: ImportOptions,
  signal: AbortSignal,
): Promise<{ plan: ColumnPlan; totalRows: number; bare: BareVerdict }> {
  const found: { columns: Columns | null; rows: number } = { columns: null, rows: 0 };
  const share = createShare(loopShare, userId);
  const addRow = (columns: Columns, cells: readonly string[]) => {
    if (++found.rows > MAX_ROWS) throw tooManyRows();
    if (numbers === 'auto') columns.proof.add(cells);
    return share.next();
  };
  await forEachRecord(path, shape, (record) => {
    if (signal.aborted) throw new ImportStopped();
    if (found.columns !== null) return addRow(found.columns, record.cells);
    const isNumber = (cell: string) => readNumber(cell, config.defaultCountry).problem === undefined;
    const plan = planColumns(requireHeader(record), mapping, isNumber);
    found.columns = { plan, proof: createColumnProof(plan, config.defaultCountry) };
    return plan.hasHeader ? undefined : addRow(found.columns, record.cells);
  });
  const { columns, rows } = found;
  if (columns === null || rows === 0) throw noRows();
  return { plan: columns.plan, totalRows: rows, bare: columns.proof.verdict(numbers) };
}

interface Columns {
  plan: ColumnPlan;
  proof: ReturnType<typeof createColumnProof>;
}

const PREVIEW_ROWS = 5;
const PREVIEW_CELL = 60;

/** Keeps the first lines, to be asked about. Throws ImportLost. */
async function keepPreview(deps: ImportDeps, job: ImportRow, path: string, shape: CsvShape): Promise<void> {
  const rows: string[][] = [];
  await forEachRecord(path, shape, ({ cells, problem }) => {
    if (problem === null && rows.length <= PREVIEW_ROWS) {
      rows.push(cells.slice(0, 20).map((cell) => cell.slice(0, PREVIEW_CELL)));
    }
    return undefined;
  });
  const [columns = [], ...sample] = rows;
  const preview: ImportPreview = { columns, sample };
  await changeOwn(deps.db, job.id, deps.background.processId, { preview });
}

interface CheckedFile {
  path: string;
  shape: CsvShape;
  plan: ColumnPlan;
  /** how numbers without + are read */
  bare: BareReading;
}

interface Batch {
  rows: number;
  contacts: Map<string, { contact: NewContact; line: number; value: string }>;
  notes: LineNote[];
  invalid: number;
  duplicates: number;
  repaired: number;
}

const newBatch = (): Batch => ({
  rows: 0,
  contacts: new Map(),
  notes: [],
  invalid: 0,
  duplicates: 0,
  repaired: 0,
});

async function writeRows(
  deps: ImportDeps,
  job: ImportRow,
  { path, shape, plan, bare }: CheckedFile,
  signal: AbortSignal,
): Promise<void> {
  const progress = { ...job };
  let toSkip = job.doneRows;
  let header = plan.hasHeader;
  let batch = newBatch();
  const share = createShare(deps.loopShare, job.userId);
  const flush = async () => {
    if (signal.aborted) throw new ImportStopped();
    await share.take();
    await writeBatch(deps, progress, plan, batch);
    batch = newBatch();
    await share.take();
  };
  await forEachRecord(path, shape, ({ cells, line, problem }) => {
    if (header) {
      header = false;
    } else if (toSkip > 0) {
      toSkip--;
      return share.next();
    } else {
      const row =
        problem === null
          ? readRow(cells, line, plan, deps.config.defaultCountry, { lids: job.kind === 'opt_outs', bare })
          : unreadable(line, problem);
      collect(batch, row, cells[plan.number] ?? '', line);
      return batch.rows >= BATCH_SIZE ? flush() : share.next();
    }
    return undefined;
  });
  if (batch.rows > 0) await flush();
}

/** An import's share of the event loop: a few milliseconds, then others have their turn. */
function createShare(loopShare: LoopShare, userId: number) {
  let sinceMs = monotonicMs();
  async function take(): Promise<void> {
    await yieldToEventLoop();
    await loopShare.turn(userId);
    sinceMs = monotonicMs();
  }
  return { take, next: () => (monotonicMs() - sinceMs >= MAX_HOLD_MS ? take() : undefined) };
}

function collect(batch: Batch, row: ReadRow, value: string, line: number): void {
  batch.rows++;
  if (row.contact === null) {
    batch.invalid++;
    batch.notes.push(row.note);
    return;
  }
  if (batch.contacts.has(row.contact.phone)) {
    batch.duplicates++;
    batch.notes.push(duplicate(line, value));
    return;
  }
  if (row.note !== null) {
    batch.repaired++;
    batch.notes.push(row.note);
  }
  batch.contacts.set(row.contact.phone, { contact: row.contact, line, value });
}

/** `progress` follows what is committed. */
async function writeBatch(
  deps: ImportDeps,
  progress: ImportRow,
  plan: ColumnPlan,
  batch: Batch,
): Promise<void> {
  const counts = await transact(deps.database, async (tx) => {
    const now = deps.clock.now();
    const merged = await mergeBatch(tx, deps, progress, plan, batch, now);
    const seen = [...batch.contacts.values()].filter(({ contact }) => merged.seen.has(contact.phone));
    const notes = notesOf(batch, seen, progress.repaired);
    const next = {
      doneRows: progress.doneRows + batch.rows,
      added: progress.added + merged.added,
      updated: progress.updated + merged.updated,
      duplicates: progress.duplicates + batch.duplicates + seen.length,
      invalid: progress.invalid + batch.invalid,
      repaired: progress.repaired + batch.repaired,
      updatedAt: now,
    };
    await writeNotes(tx, progress.id, notes);
    await changeOwn(tx, progress.id, deps.background.processId, next);
    return next;
  });
  Object.assign(progress, counts);
}

function mergeBatch(tx: Tx, deps: ImportDeps, job: ImportRow, plan: ColumnPlan, batch: Batch, now: number) {
  const contacts = [...batch.contacts.values()].map(({ contact }) => contact);
  if (contacts.length === 0) return { added: 0, updated: 0, seen: new Set<string>() };
  return SINKS[job.kind](tx, deps, job, plan, contacts, now);
}

/** One note a line: a line that is left out as a duplicate was not repaired. */
function notesOf(batch: Batch, seen: { line: number; value: string }[], repairedBefore: number): LineNote[] {
  const left = new Set(seen.map(({ line }) => line));
  let repaired = repairedBefore;
  const kept = batch.notes.filter(
    ({ kind, line }) => !left.has(line) && (kind !== 'repaired' || ++repaired <= MAX_REPAIRED_NOTES),
  );
  return [...kept, ...seen.map(({ line, value }) => duplicate(line, value))];
}

const duplicate = (line: number, value: string): LineNote => ({
  line,
  kind: 'duplicate',
  code: 'duplicate',
  value: value.slice(0, 80),
});

type Ending = { status: 'completed' } | { status: 'failed'; errorCode: string; errorMessage: string };

/** Writes how an import ended, as a fact with its counts. Throws ImportLost. */
export async function finish(
  deps: Pick<Deps, 'database' | 'clock' | 'stream'> & { background: { processId: string } },
  job: ImportRow,
  ending: Ending,
): Promise<void> {
  const now = deps.clock.now();
  await transact(deps.database, async (tx) => {
    await changeOwn(tx, job.id, deps.background.processId, { ...ending, updatedAt: now, finishedAt: now });
    const status = ending.status === 'completed' ? 'success' : 'failure';
    const data = { kind: job.kind, listId: job.listId, fileName: job.fileName };
    await record(tx, deps, [
      { userId: job.userId, event: 'contacts.imported', subject: job.id, status, data },
    ]);
  });
}

function tooManyRows(): AppError {
  const message = `The file has more than ${MAX_ROWS} rows: split it.`;
  return new AppError('VALIDATION_FAILED', message, { details: { file: message } });
}

function noRows(): AppError {
  const message = 'The file has no rows: the first line names the columns, each further one is a contact.';
  return new AppError('VALIDATION_FAILED', message, { details: { file: message } });
}
