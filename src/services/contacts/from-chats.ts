/** People of the history as contacts: those who have written to a session lately. */

import { and, desc, eq, gte, max, ne, notLike } from 'drizzle-orm';
import { inBatches } from '../../db/batches.ts';
import { transact } from '../../db/ops.ts';
import { messages } from '../../db/schema.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { CHANNEL_SERVER, lidOf, phoneJid, phoneOf, STATUS_JID } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';
import type { Ctx } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import { findList, type ListRef, lockList } from '../lists/lists.ts';
import { readNames } from '../messages/names.ts';
import { isOptedOut } from '../opt-outs/opted-out.ts';
import { enterBroadcast } from '../sessions/tenant.ts';
import { mergeContacts, type NewContact, updateListFacts } from './merge.ts';

/** Reading that many takes about a second. */
const MAX_PEOPLE = 50_000;
/** As many as one statement takes well. */
const BATCH_SIZE = 500;

export interface FromChats {
  /** people who have written */
  found: number;
  added: number;
  /** they were on the list already, and stay as they are */
  existing: number;
  /** they have opted out */
  optedOut: number;
  /** WhatsApp shows no number of theirs */
  withoutNumber: number;
}

export interface FromChatsInput extends ListRef {
  sessionId: string;
  /** counted back from now */
  days: number;
  /** whether those who have opted out are added too: they are marked there, and broadcasts leave them out */
  optedOut: boolean;
}

/**
 * Adds everybody who has written to the session in the last days, groups aside, with the name that the session knows them by. Whoever
 * is on the list already stays as they are, so that it may be called again. Throws SESSION_NOT_FOUND, NOT_FOUND,
 * QUOTA_EXCEEDED (`details.added`: those who were added before, the last to write first), and VALIDATION_FAILED for more than 50,000 people.
 */
export async function addFromChats(
  ctx: Ctx,
  input: FromChatsInput,
  answer: (result: FromChats) => Record<string, unknown>,
): Promise<FromChats> {
  const { userId, session } = await enterBroadcast(
    ctx,
    { ...input, sessionId: input.sessionId },
    'broadcast',
  );
  await findList(ctx.db, userId, input.listId, ctx.actor.sessionIds);
  const peers = await readWriters(ctx, session.id, ctx.clock.now() - input.days * DAY_MS);
  const result: FromChats = { found: 0, added: 0, existing: 0, optedOut: 0, withoutNumber: 0 };
  const seen = new Set<string>();
  for await (const batch of inBatches(peers, BATCH_SIZE)) {
    const people = await toPeople(ctx, session.id, batch);
    result.withoutNumber += batch.length - people.length;
    const fresh = people.filter(({ phone }) => !seen.has(phone) && seen.add(phone));
    const one = { userId, listId: input.listId, optedOut: input.optedOut, people: fresh, result };
    await addPeople(ctx, one).catch((error: unknown) => {
      throw withAdded(error, result);
    });
  }
  result.found = seen.size + result.withoutNumber;
  await transact(ctx.database, (tx) => claimIdempotency(ctx, tx, { status: 201, body: answer(result) }));
  return result;
}

/** What was added before stays on the list: the error tells how many. */
function withAdded(error: unknown, { added }: FromChats): unknown {
  if (!(error instanceof AppError) || added === 0) return error;
  const { code, message, details, retryAfterSeconds } = error;
  return new AppError(code, `${message} ${added} people were added before.`, {
    cause: error,
    details: { ...details, added },
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** Canonical JIDs of those who wrote since a moment, the last one first. */
async function readWriters(ctx: Ctx, accountId: string, since: number): Promise<string[]> {
  const rows = await ctx.database.scan
    .select({ peer: messages.peer })
    .from(messages)
    .where(
      and(
        eq(messages.accountId, accountId),
        gte(messages.createdAt, since),
        eq(messages.direction, 'in'),
        notLike(messages.peer, '%@g.us'),
        ne(messages.peer, STATUS_JID),
        notLike(messages.peer, `%${CHANNEL_SERVER}`),
      ),
    )
    .groupBy(messages.peer)
    .orderBy(desc(max(messages.createdAt)), messages.peer)
    .limit(MAX_PEOPLE + 1);
  if (rows.length <= MAX_PEOPLE) return rows.map(({ peer }) => peer);
  throw new AppError('VALIDATION_FAILED', `More than ${MAX_PEOPLE} people have written: take fewer days.`, {
    details: { days: 'must be fewer' },
  });
}

/** Those whose number is known, each with the name that the session has. */
async function toPeople(ctx: Ctx, accountId: string, peers: readonly string[]): Promise<NewContact[]> {
  const lids = peers.flatMap((peer) => lidOf(peer) ?? []);
  const pairs = await findLidPairs(ctx.db, { accountId }, 'lid', lids);
  const phones = new Map(pairs.map(({ lid, phone }) => [lid, phone]));
  const known = peers.flatMap((peer) => {
    const phone = phoneOf(peer) ?? phones.get(lidOf(peer) ?? '');
    return phone === undefined ? [] : [{ peer, phone }];
  });
  const names = await readNames(
    ctx,
    known.map(({ peer, phone }) => ({ accountId, jids: [phoneJid(phone), peer] })),
  );
  return known.map(({ phone }, i) => ({ phone, name: names[i] ?? null, fields: {} }));
}

interface Batch extends Pick<FromChatsInput, 'listId' | 'optedOut'> {
  userId: number;
  people: readonly NewContact[];
  /** counted up */
  result: FromChats;
}

async function addPeople(ctx: Ctx, { userId, listId, optedOut, people, result }: Batch): Promise<void> {
  const out = await isOptedOut(
    ctx.db,
    userId,
    people.map(({ phone }) => phone),
  );
  result.optedOut += out.size;
  const wanted = optedOut ? people : people.filter(({ phone }) => !out.has(phone));
  if (wanted.length === 0) return;
  const merged = await transact(ctx.database, async (tx) => {
    const now = ctx.clock.now();
    const list = await lockList(tx, userId, listId, now, ctx.actor.sessionIds);
    const done = await mergeContacts(tx, list, wanted, { now, importId: null, keep: true });
    await updateListFacts(tx, ctx, list, { delta: done.added, columns: [] });
    return done;
  });
  result.added += merged.added;
  result.existing += merged.seen.size;
}
