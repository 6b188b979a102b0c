/** A LID and a number that turn out to be one person: that is kept, and what is kept of their chat under either name is one from then on. */
import { and, eq, inArray, or, type SQL } from 'drizzle-orm';
import { inBatches } from '../db/batches.ts';
import type { Tx } from '../db/client.ts';
import { incoming, upsert } from '../db/ops.ts';
import { waChatStates, waContacts, waLabelUses } from '../db/schema.ts';
import { lidJid, phoneJid } from './jid.ts';

/** Digits. */
export interface Pair {
  lid: string;
  phone: string;
}

/** Digits, as many as the columns hold. The key of the other direction is named by the LID, and a word. */
const PHONE = /^\d{1,20}$/;
const LID = /^\d{1,32}$/;
const KEY_TYPE = 'lid-mapping';
/** Pairs of one statement. */
export const PAIRS_AT_ONCE = 200;
/** Uses of labels of one statement. */
const BATCH_SIZE = 100;
/** Uses of labels that one transaction moves, while others wait for its locks: of one person there may be 50,000. */
const MAX_MOVED = 500;

/** The pairs among keys that engines keep, the last of each LID. What is no number, or too long to be one, is left out. */
export function pairsIn(keys: readonly { type: string; name: string; value: Buffer | null }[]): Pair[] {
  const pairs = new Map<string, Pair>();
  for (const { type, name: phone, value } of keys) {
    if (type !== KEY_TYPE || value === null || !PHONE.test(phone)) continue;
    const lid: unknown = JSON.parse(value.toString());
    if (typeof lid === 'string' && LID.test(lid)) pairs.set(lid, { lid, phone });
  }
  return [...pairs.values()];
}

/**
 * Keeps pairs in the caller's transaction, which has locked the session's row, and joins what is kept of their chats. `now`:
 * epoch milliseconds. The pairs of whose chats more is left than one transaction moves: it is read under both names, and the
 * caller moves it with `joinChats`.
 */
export async function learnPairs(
  tx: Tx,
  accountId: string,
  pairs: readonly Pair[],
  now: number,
): Promise<Pair[]> {
  const left: Pair[] = [];
  for await (const batch of inBatches(pairs, PAIRS_AT_ONCE)) {
    const rows = batch.map((pair) => ({ ...pair, accountId, updatedAt: now }));
    const set = { phone: incoming<string>(waContacts.phone), updatedAt: now };
    await upsert(tx, waContacts, rows, [waContacts.accountId, waContacts.lid], set);
    if (!(await joinChats(tx, accountId, batch))) left.push(...batch);
  }
  return left;
}

/**
 * Moves what is kept of chats under their LIDs to their numbers. Under the same lock; up to 200 pairs. False: more of it is left
 * for another transaction.
 */
export async function joinChats(tx: Tx, accountId: string, pairs: readonly Pair[]): Promise<boolean> {
  const numberOf = new Map(pairs.map(({ lid, phone }) => [lidJid(lid), phoneJid(phone)]));
  if (numberOf.size === 0) return true;
  await moveStates(tx, accountId, numberOf);
  return moveUses(tx, accountId, numberOf);
}

async function moveStates(tx: Tx, id: string, numberOf: ReadonlyMap<string, string>): Promise<void> {
  const { accountId, chat, archived, pinned, mutedUntil, markedUnread, changedAt } = waChatStates;
  const lids = [...numberOf.keys()];
  const rows = await tx
    .select()
    .from(waChatStates)
    .where(and(eq(accountId, id), inArray(chat, [...lids, ...new Set(numberOf.values())])));
  const moved = new Set(rows.flatMap((row) => numberOf.get(row.chat) ?? []));
  if (moved.size === 0) return;
  const nameOf = (row: { chat: string }) => numberOf.get(row.chat) ?? row.chat;
  const whole = [...moved].flatMap((name) => {
    const joined = joinStates(rows.filter((row) => nameOf(row) === name));
    return joined === null ? [] : [{ ...joined, chat: name }];
  });
  await upsert(tx, waChatStates, whole, [accountId, chat], {
    archived: incoming(archived),
    pinned: incoming(pinned),
    mutedUntil: incoming(mutedUntil),
    markedUnread: incoming(markedUnread),
    changedAt: incoming(changedAt),
  });
  await tx.delete(waChatStates).where(and(eq(accountId, id), inArray(chat, lids)));
}

async function moveUses(tx: Tx, id: string, numberOf: ReadonlyMap<string, string>): Promise<boolean> {
  const { accountId, label, chat, messageId, changedAt } = waLabelUses;
  const old = and(eq(accountId, id), inArray(chat, [...numberOf.keys()]));
  const rows = await tx.select().from(waLabelUses).where(old).limit(MAX_MOVED);
  for await (const batch of inBatches(rows, BATCH_SIZE)) {
    const moved = batch.map((row) => ({ ...row, chat: numberOf.get(row.chat) ?? row.chat }));
    const set = { changedAt: incoming<number>(changedAt) };
    await upsert(tx, waLabelUses, moved, [accountId, label, chat, messageId], set);
    await tx.delete(waLabelUses).where(areUses(id, batch));
  }
  return rows.length < MAX_MOVED;
}

type UseKey = Pick<typeof waLabelUses.$inferSelect, 'label' | 'chat' | 'messageId'>;

/**
 * The condition that a row is one of these uses of a session: some hundreds at most. Each names the session: else SQLite looks
 * through all of them.
 */
export function areUses(account: string, uses: readonly UseKey[]): SQL | undefined {
  const { accountId, label, chat, messageId } = waLabelUses;
  return or(
    ...uses.map((use) =>
      and(eq(accountId, account), eq(label, use.label), eq(chat, use.chat), eq(messageId, use.messageId)),
    ),
  );
}

type Kept = Pick<typeof waChatStates.$inferSelect, 'archived' | 'pinned' | 'mutedUntil' | 'markedUnread'>;

/**
 * What is kept of one chat under several names: of each part the newest that was told. Null for none; `changedAt` is the newest.
 */
export function joinStates<R extends Kept & { changedAt: number }>(rows: readonly R[]): R | null {
  const [first, ...newer] = [...rows].sort((a, b) => a.changedAt - b.changedAt);
  if (first === undefined) return null;
  return newer.reduce(
    (joined, row) => ({
      ...row,
      archived: row.archived ?? joined.archived,
      pinned: row.pinned ?? joined.pinned,
      mutedUntil: row.mutedUntil ?? joined.mutedUntil,
      markedUnread: row.markedUnread ?? joined.markedUnread,
    }),
    first,
  );
}
