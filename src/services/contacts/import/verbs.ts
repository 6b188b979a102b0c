/** Importing a CSV file: taking it, following it, and what became of its lines. */

import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { and, eq } from 'drizzle-orm';
import { readBatches } from '../../../db/batches.ts';
import { affected, transact } from '../../../db/ops.ts';
import { contactImports } from '../../../db/schema.ts';
import { record } from '../../../events/record.ts';
import { csvLines } from '../../../utils/csv.ts';
import { DAY_MS } from '../../../utils/durations.ts';
import { AppError } from '../../../utils/errors.ts';
import { newId } from '../../../utils/ids.ts';
import { type Ctx, originOf } from '../../context.ts';
import { type Answer, claimIdempotency } from '../../idempotency.ts';
import { findList } from '../../lists/lists.ts';
import type { ReceivedFile } from '../../media/sources.ts';
import { takeRoom } from '../../quotas.ts';
import type { SessionRef } from '../../sessions/find.ts';
import { type BroadcastRef, enterBroadcast } from '../../sessions/tenant.ts';
import { signLink } from '../../signed-links.ts';
import { readingsOf, reasonOf } from '../numbers.ts';
import { spoolPath } from './job.ts';
import { thisHost, workOn } from './resume.ts';
import type { ColumnMapping, ImportFields } from './schemas.ts';
import {
  failureOf,
  findImport,
  type ImportLine,
  type ImportOptions,
  type ImportOutput,
  type ImportRow,
  optionsOf,
  readImports,
  readNotes,
  toLine,
  toOutput,
} from './store.ts';

const LINK_MS = DAY_MS;
const BATCH_SIZE = 1000;

export interface StartedImport {
  importId: string;
  status: 'running';
  statusUrl: string;
  /** opens without a credential for a day: Server-Sent Events */
  eventsUrl: string;
}

interface ImportInput extends BroadcastRef, ImportFields {
  /** where the contacts go; missing for a file of opt-outs */
  listId?: string | undefined;
  file: ReceivedFile;
}

export interface StartImportInput extends SessionRef, Omit<ImportInput, keyof BroadcastRef> {
  /** wait for the end, however long it takes */
  wait: boolean;
}

/**
 * Takes the file over and works it off; with `wait` it resolves at the end. A file that is no CSV changes nothing
 * and throws VALIDATION_FAILED or UNSUPPORTED_MEDIA. Throws NOT_FOUND for the list, and UNAVAILABLE when the service
 * stops meanwhile: the import goes on when it is back.
 */
export async function startImport(ctx: Ctx, input: StartImportInput): Promise<ImportOutput | StartedImport> {
  const { userId, job, done } = await takeFile(ctx, input, (made) => ({
    // The signed link is a credential, which must not be in what is kept.
    answer: { status: 202, body: { success: true, data: startedOf(ctx, made, (path) => path) } },
    final: !input.wait,
  }));
  if (!input.wait) {
    const issuedAt = ctx.clock.now();
    const scope = { purpose: 'import' as const, issuedAt };
    return startedOf(ctx, job, (path) => signLink(ctx.secrets, path, userId, issuedAt + LINK_MS, scope));
  }
  await done;
  const row = await findImport(ctx.db, userId, job.id);
  if (row.status === 'running') throw goesOn(row);
  if (row.status === 'failed') throw failureOf(row);
  return toOutput(ctx, row);
}

/**
 * The same for a page, which follows the import by its id, and asks a person when no column is known to hold the
 * numbers (`mapImport`). Throws NOT_FOUND for the list.
 */
export async function beginImport(ctx: Ctx, input: ImportInput): Promise<{ importId: string }> {
  const { job, done } = await takeFile(
    ctx,
    input,
    ({ id }) => ({
      answer: { status: 202, body: { success: true, data: { importId: id } } },
      final: true,
    }),
    true,
  );
  // How it ends is in its row.
  done.catch(() => undefined);
  return { importId: job.id };
}

/**
 * Goes on with a file whose columns were not known. Throws NOT_FOUND, and CONFLICT when nothing is asked about it or its
 * file is not on this machine any more.
 */
export async function mapImport(
  ctx: Ctx,
  input: BroadcastRef & Pick<ImportFields, 'numbers'> & { id: string; mapping: ColumnMapping },
): Promise<void> {
  const { userId } = await enterBroadcast(ctx, input, 'broadcast');
  const row = await findImport(ctx.db, userId, input.id, ctx.actor.sessionIds);
  const { encoding, asks, numbers } = optionsOf(row);
  const waits = row.status === 'failed' && row.preview !== null && asks && row.doneRows === 0;
  if (!waits || !existsSync(spoolPath(ctx, row.id))) {
    throw new AppError('CONFLICT', 'The file of this import is not there any more: send it again.');
  }
  const owner = ctx.background.processId;
  const now = ctx.clock.now();
  const options: ImportOptions = {
    mapping: input.mapping,
    encoding,
    asks,
    numbers: input.numbers ?? numbers,
  };
  const begun = { status: 'running', owner, host: thisHost(), options, updatedAt: now } as const;
  const cleared = { preview: null, errorCode: null, errorMessage: null, finishedAt: null };
  const taken = await ctx.db
    .update(contactImports)
    .set({ ...begun, ...cleared })
    .where(and(eq(contactImports.id, row.id), eq(contactImports.status, 'failed')));
  if (affected(taken) === 0) throw new AppError('CONFLICT', 'This import goes on already.');
  const job: ImportRow = { ...row, ...begun, ...cleared };
  ctx.background.run('an import', (signal) => workOn(ctx, job, signal)).catch(() => undefined);
}

type KeptOf = (job: ImportRow) => { answer: Answer; final: boolean };

/** Makes the file an import of this process and begins it; `done` is its end. */
async function takeFile(
  ctx: Ctx,
  input: ImportInput,
  kept: KeptOf,
  asks = false,
): Promise<{ userId: number; job: ImportRow; done: Promise<unknown> }> {
  const { userId } = await enterBroadcast(ctx, input, 'broadcast');
  if (input.listId !== undefined) await findList(ctx.db, userId, input.listId, ctx.actor.sessionIds);
  const job = newImport(ctx, userId, input, asks);
  const path = spoolPath(ctx, job.id);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // The file first: a row without one could not be worked off.
  await rename(input.file.path, path);
  try {
    await transact(ctx.database, async (tx) => {
      await takeRoom(tx, ctx, userId, 'importsRunning');
      await tx.insert(contactImports).values(job);
      const { kind, listId, fileName } = job;
      const fact = { userId, event: 'contacts.import_started' as const, subject: job.id };
      await record(tx, ctx, [{ ...fact, data: { kind, listId, fileName }, origin: originOf(ctx) }]);
      const { answer, final } = kept(job);
      await claimIdempotency(ctx, tx, answer, { final });
    });
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return { userId, job, done: ctx.background.run('an import', (signal) => workOn(ctx, job, signal)) };
}

/** How far an import is, and what became of it. Throws NOT_FOUND. */
export async function getImport(ctx: Ctx, input: BroadcastRef & { id: string }): Promise<ImportOutput> {
  const { userId } = await enterBroadcast(ctx, input, 'read');
  return toOutput(ctx, await findImport(ctx.db, userId, input.id, ctx.actor.sessionIds));
}

/** The newest imports of the tenant, or into one list. */
export async function listImports(
  ctx: Ctx,
  input: BroadcastRef & { listId?: string | undefined; kind: ImportRow['kind']; limit: number },
): Promise<ImportOutput[]> {
  const { userId } = await enterBroadcast(ctx, input, 'read');
  const rows = await readImports(ctx.db, userId, input, ctx.actor.sessionIds);
  return Promise.all(rows.map((row) => toOutput(ctx, row, 0)));
}

/** The reports about single lines, in the order of the file, after the line `after`. Throws NOT_FOUND. */
export async function listImportLines(
  ctx: Ctx,
  input: BroadcastRef & {
    id: string;
    kind?: ImportLine['kind'] | undefined;
    after: number;
    limit: number;
  },
): Promise<{ data: ImportLine[]; nextAfter: number | null }> {
  const { userId } = await enterBroadcast(ctx, input, 'read');
  const row = await findImport(ctx.db, userId, input.id, ctx.actor.sessionIds);
  const notes = await readNotes(ctx.db, row.id, input.after, input.limit, input.kind);
  const last = notes.length === input.limit ? notes.at(-1) : undefined;
  return {
    data: notes.map((note) => toLine(note, ctx.config.defaultCountry)),
    nextAfter: last?.line ?? null,
  };
}

/** Every line that was refused, left out or repaired, as CSV, piece by piece. Throws NOT_FOUND. */
export async function exportImportErrors(
  ctx: Ctx,
  input: BroadcastRef & { id: string },
): Promise<AsyncIterable<string>> {
  const { userId } = await enterBroadcast(ctx, input, 'read');
  const row = await findImport(ctx.db, userId, input.id, ctx.actor.sessionIds);
  return errorLines(ctx, row.id);
}

async function* errorLines(ctx: Ctx, importId: string): AsyncGenerator<string> {
  yield csvLines([['line', 'number', 'kind', 'code', 'reason']]);
  const batches = readBatches<Awaited<ReturnType<typeof readNotes>>[number]>(BATCH_SIZE, (last) =>
    readNotes(ctx.db, importId, last?.line ?? 0, BATCH_SIZE),
  );
  for await (const notes of batches) {
    yield csvLines(
      notes.map(({ line, value, kind, code }) => [
        line,
        value,
        kind,
        code,
        reasonOf(code, readingsOf(code, value, ctx.config.defaultCountry)),
      ]),
    );
  }
}

function startedOf(ctx: Ctx, job: ImportRow, sign: (path: string) => string): StartedImport {
  const path = `/session/${job.sessionId}/broadcast/imports/${job.id}`;
  const { publicUrl } = ctx.config;
  return {
    importId: job.id,
    status: 'running',
    statusUrl: `${publicUrl}${path}`,
    eventsUrl: `${publicUrl}${sign(`${path}/events`)}`,
  };
}

function goesOn({ id }: ImportRow): AppError {
  return new AppError('UNAVAILABLE', 'The service stops; the import goes on when it is back.', {
    details: { importId: id },
    retryAfterSeconds: 30,
  });
}

function optionsFor(input: ImportInput, asks: boolean): ImportOptions | null {
  const { mapping = {}, encoding = null, numbers = 'auto' } = input;
  const isPlain = Object.keys(mapping).length === 0 && encoding === null && numbers === 'auto' && !asks;
  return isPlain ? null : { mapping, encoding, asks, numbers };
}

function newImport(ctx: Ctx, userId: number, input: ImportInput, asks: boolean): ImportRow {
  const now = ctx.clock.now();
  return {
    id: newId(now),
    userId,
    kind: input.listId === undefined ? 'opt_outs' : 'contacts',
    listId: input.listId ?? null,
    // Empty when the file came by a surface without a session.
    sessionId: input.sessionId ?? '',
    status: 'running',
    fileName: input.file.filename?.slice(-190) ?? null,
    sizeBytes: input.file.size,
    owner: ctx.background.processId,
    host: thisHost(),
    format: null,
    options: optionsFor(input, asks),
    encoding: null,
    delimiter: null,
    preview: null,
    warnings: null,
    columns: null,
    totalRows: null,
    doneRows: 0,
    added: 0,
    updated: 0,
    duplicates: 0,
    invalid: 0,
    repaired: 0,
    errorCode: null,
    errorMessage: null,
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
  };
}
