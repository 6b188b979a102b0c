/** Checking many numbers: giving them, following the job, and what WhatsApp has said of each. */

import { and, asc, desc, eq, gt, type SQL } from 'drizzle-orm';
import { mapInTurns, readBatches } from '../../db/batches.ts';
import type { Db } from '../../db/client.ts';
import { cursorOf, encodeCursor, isOlder, parseCursor, parseCursorParts } from '../../db/keyset.ts';
import { insertMany, transact } from '../../db/ops.ts';
import { numberCheckItems, numberCheckJobs } from '../../db/schema.ts';
import { csvLines } from '../../utils/csv.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { formatE164, normalizePhone, readingsIn, readPhone } from '../../utils/phone.ts';
import { type BoundSessions, ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import { type Answer, claimIdempotency } from '../idempotency.ts';
import type { CsvExport } from '../lists/export.ts';
import { requireQueueing } from '../messages/session.ts';
import { readNumberList, wrongNumbers } from '../number-lists.ts';
import { takeRoom } from '../quotas.ts';
import { type BroadcastRef, enterBroadcast } from '../sessions/tenant.ts';
import type { CheckedNumberOutput, CheckNumbersInput, CheckPageInput, NumberCheckOutput } from './schemas.ts';

export type NumberCheckRow = typeof numberCheckJobs.$inferSelect;
type ItemRow = typeof numberCheckItems.$inferSelect;

export interface CheckRef extends Pick<BroadcastRef, 'userId'> {
  checkId: string;
}

/** What could not be asked, or was not answered, for so long will not be. */
export const GIVE_UP_AFTER_MS = DAY_MS;
/** number_check_items.written */
const MAX_KEPT = 64;
/** Rows of one reading. */
const BATCH_SIZE = 500;

/**
 * Takes up to 1,000 numbers, which the session then looks up some at a time. Throws SESSION_NOT_FOUND, NOT_CONNECTED,
 * QUOTA_EXCEEDED, and when none of them is a phone number VALIDATION_FAILED, or INVALID_NUMBER with what those can be that can
 * be read in several ways.
 */
export async function checkNumbers(
  ctx: Ctx,
  { session: sessionId, numbers }: CheckNumbersInput,
  answer: (check: NumberCheckOutput) => Answer,
): Promise<NumberCheckOutput> {
  const { userId, session } = await enterBroadcast(ctx, { sessionId }, 'broadcast');
  requireQueueing(session);
  const now = ctx.clock.now();
  const job: NumberCheckRow = {
    id: newId(now),
    userId,
    accountId: session.id,
    sessionId: session.sessionId,
    status: 'running',
    reason: null,
    total: numbers.length,
    done: 0,
    registered: 0,
    notRegistered: 0,
    invalid: 0,
    attempts: 0,
    failingSince: null,
    claimedBy: null,
    dueAt: now,
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
  };
  const items = await mapInTurns(numbers, (written, index) =>
    toItem(job.id, index + 1, written, ctx.config.defaultCountry),
  );
  if (items.every(({ phone }) => phone === null)) throw await noneOf(ctx, numbers);
  await transact(ctx.database, async (tx) => {
    await takeRoom(tx, ctx, userId, 'numberChecksRunning');
    await takeRoom(tx, ctx, userId, 'numberChecksPerDay', items.length);
    await tx.insert(numberCheckJobs).values(job);
    await insertMany(tx, numberCheckItems, items);
    await claimIdempotency(ctx, tx, answer(toOutput(job)));
  });
  return toOutput(job);
}

/** Where some of them can be read in several ways the refusal says how, else that none is a number. */
async function noneOf({ config }: Pick<Ctx, 'config'>, numbers: readonly string[]): Promise<AppError> {
  const read = (number: string) => normalizePhone(number, config.defaultCountry);
  const { wrong } = await readNumberList(numbers, read);
  const unclear = wrong.filter(({ error }) => error.details?.readings !== undefined);
  if (unclear.length > 0) return wrongNumbers(unclear, numbers.length);
  return new AppError('VALIDATION_FAILED', 'None of these is a phone number.', {
    details: { numbers: 'must hold a phone number' },
  });
}

function toItem(jobId: string, position: number, written: string, country: string): ItemRow {
  const read = readPhone(written, country);
  const phone = 'phone' in read ? read.phone : null;
  const state = phone === null ? 'invalid' : 'pending';
  return { jobId, position, written: written.slice(0, MAX_KEPT), phone, state, jid: null, checkedAt: null };
}

/** The tenant's jobs, newest first. */
export async function listNumberChecks(
  ctx: Ctx,
  input: CheckPageInput & Pick<BroadcastRef, 'userId'>,
): Promise<{ data: NumberCheckOutput[]; nextCursor: string | null }> {
  const { userId } = await enterBroadcast(ctx, { userId: input.userId }, 'read');
  const { id, createdAt, sessionId } = numberCheckJobs;
  const rows = await ctx.db
    .select()
    .from(numberCheckJobs)
    .where(
      and(
        eq(numberCheckJobs.userId, userId),
        ofBound(ctx.actor.sessionIds, sessionId),
        isOlder({ at: createdAt, id }, parseCursor(input.cursor)),
      ),
    )
    .orderBy(desc(createdAt), desc(id))
    .limit(input.limit);
  const last = rows.length === input.limit ? rows.at(-1) : undefined;
  return { data: rows.map(toOutput), nextCursor: last === undefined ? null : encodeCursor(cursorOf(last)) };
}

/** How far a job is. Throws NOT_FOUND. */
export async function getNumberCheck(ctx: Ctx, ref: CheckRef): Promise<NumberCheckOutput> {
  return toOutput(await findCheck(ctx, ref, 'read'));
}

/** What is known of its numbers, in the order that they were given in. Throws NOT_FOUND. */
export async function listCheckedNumbers(
  ctx: Ctx,
  input: CheckRef & CheckPageInput & { state?: ItemRow['state'] | undefined },
): Promise<{ data: CheckedNumberOutput[]; nextCursor: string | null }> {
  const [after = '0'] = parseCursorParts(input.cursor, /^(\d{1,6})$/) ?? [];
  const job = await findCheck(ctx, input, 'read');
  const wanted = input.state === undefined ? undefined : eq(numberCheckItems.state, input.state);
  const rows = await readItems(ctx.db, job.id, Number(after), input.limit, wanted);
  const last = rows.length === input.limit ? rows.at(-1) : undefined;
  return {
    data: await toCheckedNumbers(ctx, rows),
    nextCursor: last === undefined ? null : String(last.position),
  };
}

/** Every number with its answer as CSV, piece by piece. Throws NOT_FOUND. */
export async function exportNumberCheck(ctx: Ctx, ref: CheckRef): Promise<CsvExport> {
  const { id } = await findCheck(ctx, ref, 'read');
  return { fileName: `numbers-${id}.csv`, lines: resultLines(ctx, id) };
}

async function* resultLines(deps: Pick<Ctx, 'db' | 'config'>, jobId: string): AsyncGenerator<string> {
  yield csvLines([['number', 'phone', 'state', 'jid', 'checked_at', 'readings']]);
  const batches = readBatches<ItemRow>(BATCH_SIZE, (last, size) =>
    readItems(deps.db, jobId, last?.position ?? 0, size),
  );
  for await (const rows of batches) {
    const checked = await toCheckedNumbers(deps, rows);
    yield csvLines(
      checked.map(({ number, phone, state, jid, checkedAt, readings }) => [
        ...[number, phone, state, jid, checkedAt],
        readings.join(' '),
      ]),
    );
  }
}

/** Ends a job: what it has found stays, the rest is not asked. One that has ended stays as it is. Throws NOT_FOUND. */
export async function cancelNumberCheck(ctx: Ctx, ref: CheckRef): Promise<NumberCheckOutput> {
  const { id } = await findCheck(ctx, ref, 'broadcast');
  const now = ctx.clock.now();
  await ctx.db
    .update(numberCheckJobs)
    .set({ status: 'canceled', reason: null, claimedBy: null, dueAt: null, updatedAt: now, finishedAt: now })
    .where(and(eq(numberCheckJobs.id, id), eq(numberCheckJobs.status, 'running')));
  return toOutput(await findCheck(ctx, ref, 'broadcast'));
}

/** Its numbers after a position. */
export function readItems(
  db: Db,
  jobId: string,
  after: number,
  limit: number,
  wanted?: SQL,
): Promise<ItemRow[]> {
  return db
    .select()
    .from(numberCheckItems)
    .where(and(eq(numberCheckItems.jobId, jobId), gt(numberCheckItems.position, after), wanted))
    .orderBy(asc(numberCheckItems.position))
    .limit(limit);
}

async function findCheck(ctx: Ctx, ref: CheckRef, scope: 'read' | 'broadcast'): Promise<NumberCheckRow> {
  const { userId } = await enterBroadcast(ctx, { userId: ref.userId }, scope);
  const [row] = await ctx.db
    .select()
    .from(numberCheckJobs)
    .where(isCheck(userId, ref.checkId, ctx.actor.sessionIds));
  if (!row) throw new AppError('NOT_FOUND', 'There is no such check of numbers.');
  return row;
}

const isCheck = (userId: number, id: string, bound: BoundSessions) =>
  and(
    eq(numberCheckJobs.id, id),
    eq(numberCheckJobs.userId, userId),
    ofBound(bound, numberCheckJobs.sessionId),
  );

const iso = (at: number) => new Date(at).toISOString();
const isoOrNull = (at: number | null) => (at === null ? null : iso(at));

function toOutput(row: NumberCheckRow): NumberCheckOutput {
  const { id, sessionId, status, reason, total, done, registered, notRegistered, invalid } = row;
  return {
    id,
    session: sessionId,
    status,
    reason,
    total,
    done,
    percent: Math.floor((done * 100) / total),
    registered,
    notRegistered,
    unknown: done - registered - notRegistered - invalid,
    invalid,
    ...waitOf(row),
    createdAt: iso(row.createdAt),
    updatedAt: iso(row.updatedAt),
    finishedAt: isoOrNull(row.finishedAt),
  };
}

/** Since when it waits for an answer, when it is tried again, and when it is given up. */
function waitOf({ status, failingSince, dueAt }: NumberCheckRow) {
  const since = status === 'running' ? failingSince : null;
  return {
    waitingSince: isoOrNull(since),
    nextAttemptAt: isoOrNull(since === null ? null : dueAt),
    givesUpAt: isoOrNull(since === null ? null : since + GIVE_UP_AFTER_MS),
  };
}

/** What is no number is read once more, for its readings: some tenths of a millisecond each. */
function toCheckedNumbers(
  { config }: Pick<Ctx, 'config'>,
  rows: readonly ItemRow[],
): Promise<CheckedNumberOutput[]> {
  return mapInTurns(rows, (row) => toCheckedNumber(row, config.defaultCountry));
}

function toCheckedNumber(
  { position, written, phone, state, jid, checkedAt }: ItemRow,
  country: string,
): CheckedNumberOutput {
  return {
    readings: phone === null ? readingsIn(written, country) : [],
    position,
    number: written,
    phone: phone === null ? null : formatE164(phone),
    state,
    jid,
    checkedAt: isoOrNull(checkedAt),
  };
}
