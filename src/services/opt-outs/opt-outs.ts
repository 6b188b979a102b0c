/** The ledger of numbers that want no broadcasts of a tenant. One-time passwords never look here. */

import { and, asc, count, desc, eq, gt, inArray, or, type SQL } from 'drizzle-orm';
import { inBatches, readBatches } from '../../db/batches.ts';
import type { Db, Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { optOuts } from '../../db/schema.ts';
import { contains } from '../../db/search.ts';
import { record } from '../../events/record.ts';
import { csvLines } from '../../utils/csv.ts';
import { AppError } from '../../utils/errors.ts';
import { formatE164, normalizeKept } from '../../utils/phone.ts';
import { sessionOfNew } from '../access.ts';
import { type BoundSessions, ofBound } from '../bound.ts';
import { type Ctx, originOf } from '../context.ts';
import type { PageQuery, SearchQuery } from '../fields.ts';
import { type Answer, claimIdempotency } from '../idempotency.ts';
import type { CsvExport } from '../lists/export.ts';
import { readNumbers } from '../number-lists.ts';
import { holdsNumber, toSearchedNumber } from '../number-search.ts';
import { type BroadcastRef, enterBroadcast } from '../sessions/tenant.ts';
import { readLedgerKeys, showKey, toLedgerKey } from './ledger-keys.ts';
import { insertNewOptOuts, withoutOptedOut } from './opted-out.ts';

const MAX_COUNTED = 10_000;
const BATCH_SIZE = 500;

type Row = typeof optOuts.$inferSelect;

export interface OptOut {
  /** E.164 digits, or `…@lid` of somebody whose number was not known */
  number: string;
  source: Row['source'];
  /** the word that was written */
  word: string | null;
  note: string | null;
  sessionId: string | null;
  createdAt: string;
}

export interface NumberRef extends BroadcastRef {
  number: string;
}

/** Newest first; the total is null past 10,000. */
export async function listOptOuts(
  ctx: Ctx,
  input: BroadcastRef & PageQuery & SearchQuery,
): Promise<{ data: OptOut[]; totalItems: number | null }> {
  const { userId } = await enterBroadcast(ctx, input, 'read');
  const search = input.search?.trim() ?? '';
  const found = search === '' ? undefined : await matching(ctx, userId, search);
  const where = and(eq(optOuts.userId, userId), ofBound(ctx.actor.sessionIds, optOuts.sessionId), found);
  // Without a text the index has them in order.
  const db = found === undefined ? ctx.db : ctx.database.scan;
  const rows = await db
    .select()
    .from(optOuts)
    .where(where)
    .orderBy(desc(optOuts.createdAt), desc(optOuts.phone))
    .limit(input.limit)
    .offset((input.page - 1) * input.limit);
  const counted = db
    .select({ phone: optOuts.phone })
    .from(optOuts)
    .where(where)
    .limit(MAX_COUNTED + 1)
    .as('counted');
  const [total] = await db.select({ n: count() }).from(counted);
  const n = Number(total?.n ?? 0);
  return { data: rows.map(toOptOut), totalItems: n > MAX_COUNTED ? null : n };
}

/** Entries that hold the text, or are about the number that it is, whatever they are kept under. */
async function matching(ctx: Ctx, userId: number, search: string): Promise<SQL | undefined> {
  const number = toSearchedNumber(search, ctx.config.defaultCountry);
  const keys = [...(await readLedgerKeys(ctx.db, userId, number.whole)).values()].flat();
  return or(
    contains([optOuts.phone, optOuts.note, optOuts.word], search),
    holdsNumber(optOuts.phone, number),
    keys.length === 0 ? undefined : inArray(optOuts.phone, keys),
  );
}

/** Throws NOT_FOUND, INVALID_NUMBER. */
export async function getOptOut(ctx: Ctx, ref: NumberRef): Promise<OptOut> {
  const { userId } = await enterBroadcast(ctx, ref, 'read');
  return toOptOut(await findOptOut(ctx.db, await readNumber(ctx, userId, ref)));
}

export interface AddedOptOuts {
  added: number;
  existing: number;
  numbers: string[];
}

/**
 * Adds up to 1,000 numbers; who is there already stays as they are. `answer`: what is kept for an Idempotency-Key. Throws
 * INVALID_NUMBER, then adds none.
 */
export async function addOptOuts(
  ctx: Ctx,
  input: BroadcastRef & { numbers: readonly string[]; note?: string | null | undefined },
  answer?: (made: AddedOptOuts) => Answer,
): Promise<AddedOptOuts> {
  const { userId, session } = await enterBroadcast(ctx, input, 'broadcast');
  const { defaultCountry } = ctx.config;
  const keys = [
    ...new Set(await readNumbers(input.numbers, (number) => toLedgerKey(number, defaultCountry))),
  ];
  const numbers = keys.map(showKey);
  return transact(ctx.database, async (tx) => {
    const shared = {
      userId,
      source: 'manual' as const,
      note: input.note ?? null,
      sessionId: session?.sessionId ?? sessionOfNew(ctx),
      createdAt: ctx.clock.now(),
    };
    const fresh = await withoutOptedOut(tx, userId, keys);
    const added: string[] = [];
    for await (const phones of inBatches(fresh, BATCH_SIZE)) {
      const rows = phones.map((phone) => ({ ...shared, phone }));
      added.push(...(await insertNewOptOuts(tx, rows)).map(({ phone }) => phone));
    }
    await recordOptOuts(ctx, tx, userId, 'opt_out.added', added);
    const data = { added: added.length, existing: numbers.length - added.length, numbers };
    if (answer) await claimIdempotency(ctx, tx, answer(data));
    return data;
  });
}

/** Changes the note. Throws NOT_FOUND, INVALID_NUMBER. */
export async function updateOptOut(ctx: Ctx, input: NumberRef & { note: string | null }): Promise<OptOut> {
  const { userId } = await enterBroadcast(ctx, input, 'broadcast');
  const asked = await readNumber(ctx, userId, input);
  const updated = await ctx.db.update(optOuts).set({ note: input.note }).where(isOptOut(asked));
  if (affected(updated) === 0) throw notOptedOut(asked.phone);
  return toOptOut(await findOptOut(ctx.db, asked));
}

/** The number may get broadcasts again. Throws NOT_FOUND, INVALID_NUMBER. */
export async function removeOptOut(ctx: Ctx, ref: NumberRef): Promise<{ number: string }> {
  const { userId } = await enterBroadcast(ctx, ref, 'broadcast');
  const asked = await readNumber(ctx, userId, ref);
  await transact(ctx.database, async (tx) => {
    const removed = await tx.delete(optOuts).where(isOptOut(asked));
    if (affected(removed) === 0) throw notOptedOut(asked.phone);
    await recordOptOuts(ctx, tx, userId, 'opt_out.removed', [asked.phone]);
  });
  return { number: showKey(asked.phone) };
}

/** The whole ledger as CSV, in the columns that its import reads. */
export async function exportOptOuts(ctx: Ctx, ref: BroadcastRef): Promise<CsvExport> {
  const { userId } = await enterBroadcast(ctx, ref, 'read');
  return { fileName: 'opt-outs.csv', lines: optOutLines(ctx.db, userId, ctx.actor.sessionIds) };
}

async function* optOutLines(db: Db, userId: number, bound: BoundSessions): AsyncGenerator<string> {
  yield csvLines([['number', 'source', 'word', 'note', 'createdAt']]);
  const own = and(eq(optOuts.userId, userId), ofBound(bound, optOuts.sessionId));
  const batches = readBatches<typeof optOuts.$inferSelect>(BATCH_SIZE, (last) =>
    db
      .select()
      .from(optOuts)
      .where(and(own, gt(optOuts.phone, last?.phone ?? '')))
      .orderBy(asc(optOuts.phone))
      .limit(BATCH_SIZE),
  );
  for await (const rows of batches) {
    yield csvLines(
      rows
        .map(toOptOut)
        .map(({ number, source, word, note, createdAt }) => [
          number.includes('@') ? number : formatE164(number),
          source,
          word,
          note,
          createdAt,
        ]),
    );
  }
}

function recordOptOuts(
  ctx: Ctx,
  tx: Tx,
  userId: number,
  event: 'opt_out.added' | 'opt_out.removed',
  phones: readonly string[],
): Promise<void> {
  const origin = originOf(ctx);
  const facts = phones.map((phone) => ({
    userId,
    event,
    subject: showKey(phone),
    data: { source: 'manual' },
    origin,
  }));
  return record(tx, ctx, facts);
}

/** A number or LID that a client named, with what else its subscriber may be kept under. */
interface AskedNumber {
  userId: number;
  phone: string;
  keys: string[];
  /** the session whose entries the credential may see; null: all */
  bound: BoundSessions;
}

async function readNumber(ctx: Ctx, userId: number, { number }: { number: string }): Promise<AskedNumber> {
  const country = ctx.config.defaultCountry;
  const isKept = async (phone: string) => {
    const rows = await ctx.db
      .select({ phone: optOuts.phone })
      .from(optOuts)
      .where(and(eq(optOuts.userId, userId), eq(optOuts.phone, phone)));
    return rows.length > 0;
  };
  const isJid = number.includes('@');
  const phone = isJid ? toLedgerKey(number, country) : await normalizeKept(number, country, isKept);
  const keys = (await readLedgerKeys(ctx.db, userId, [phone])).get(phone) ?? [phone];
  return { userId, phone, keys, bound: ctx.actor.sessionIds };
}

const isOptOut = ({ userId, keys, bound }: AskedNumber) =>
  and(eq(optOuts.userId, userId), inArray(optOuts.phone, keys), ofBound(bound, optOuts.sessionId));

async function findOptOut(db: Db, asked: AskedNumber): Promise<Row> {
  const rows = await db.select().from(optOuts).where(isOptOut(asked));
  const row = rows.find(({ phone }) => phone === asked.phone) ?? rows[0];
  if (!row) throw notOptedOut(asked.phone);
  return row;
}

function toOptOut({ phone, source, word, note, sessionId, createdAt }: Row): OptOut {
  return {
    number: showKey(phone),
    source,
    word,
    note,
    sessionId,
    createdAt: new Date(createdAt).toISOString(),
  };
}

function notOptedOut(phone: string): AppError {
  return new AppError('NOT_FOUND', `${showKey(phone)} has not opted out.`);
}
