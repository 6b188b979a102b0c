/** Sessions that go: one by its name, or those that ended long ago. History stays. */

import { and, eq, lt, notInArray } from 'drizzle-orm';
import { untilUsedUp } from '../../db/batches.ts';
import type { Tx } from '../../db/client.ts';
import { affected, deleteInBatches, transact } from '../../db/ops.ts';
import {
  contactTurns,
  firstContacts,
  LINKING_STATUSES,
  messageQueue,
  waChatStates,
  waChats,
  waContacts,
  waCredentials,
  waLabels,
  waLabelUses,
  waPeople,
  whatsappAccounts,
} from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { cancelRows } from '../../queue/take-off.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import { deleteKeys } from '../../whatsapp/credential-transfer.ts';
import { requireScope } from '../access.ts';
import { ofBound } from '../bound.ts';
import { handBackOfSession } from '../campaigns/hand-back.ts';
import { type Ctx, originOf } from '../context.ts';
import { askOwner } from './ask-owner.ts';
import { LOGOUT_TIMEOUT_MS } from './control.ts';
import { findSession, type SessionRecord, type SessionRef } from './find.ts';

const accounts = whatsappAccounts;
/** Queued messages canceled in one transaction. */
const BATCH_SIZE = 200;

/**
 * Logs out, cancels what is queued and forgets the session: row, credentials, keys and contacts.
 * Throws SESSION_NOT_FOUND, UNAVAILABLE when its owner cannot be asked to log out.
 */
export async function deleteSession(ctx: Ctx, ref: SessionRef): Promise<{ sessionId: string }> {
  requireScope(ctx, 'sessions:write');
  const session = await findSession(ctx, ref);
  await askOwner(ctx, session, 'logout', {}, LOGOUT_TIMEOUT_MS);
  await forget(ctx, session);
  return { sessionId: session.sessionId };
}

/**
 * Removes the caller's sessions that never paired or were logged out at least `hours` ago. Whoever has
 * credentials, or is being linked, stays.
 */
export async function cleanupSessions(ctx: Ctx, { hours }: { hours: number }): Promise<{ removed: number }> {
  requireScope(ctx, 'sessions:write');
  const before = Math.floor(ctx.clock.now() - hours * HOUR_MS);
  const { userId, sessionIds } = ctx.actor;
  const rows = await ctx.db
    .select()
    .from(accounts)
    .where(
      and(
        eq(accounts.userId, userId),
        ofBound(sessionIds, accounts.sessionId),
        unused(),
        lt(accounts.updatedAt, before),
      ),
    );
  let removed = 0;
  for (const row of rows) if (await forget(ctx, row, true)) removed += 1;
  return { removed };
}

const unused = () => and(eq(accounts.paired, false), notInArray(accounts.status, [...LINKING_STATUSES]));

/** False when `onlyUnused` and the session was linked, or began to be, in the meantime. */
async function forget(ctx: Ctx, session: SessionRecord, onlyUnused = false): Promise<boolean> {
  // While there is a row, the cancellations have their place in the session's order of events.
  if (!onlyUnused) await cancelQueue(ctx, session);
  if (!(await deleteRow(ctx, session, onlyUnused))) return false;
  await cancelQueue(ctx, session);
  await deleteBelongings(ctx, session.id);
  return true;
}

async function deleteRow(ctx: Ctx, session: SessionRecord, onlyUnused: boolean): Promise<boolean> {
  try {
    await transact(ctx.database, async (tx) => {
      await record(tx, ctx, [{ ...factOf(ctx, session), event: 'session.deleted' }]);
      const condition = and(eq(accounts.id, session.id), onlyUnused ? unused() : undefined);
      if (affected(await tx.delete(accounts).where(condition)) === 0) throw new SessionInUse();
    });
    return true;
  } catch (error) {
    if (error instanceof SessionInUse) return false;
    throw error;
  }
}

async function deleteBelongings({ db }: Ctx, accountId: string): Promise<void> {
  const contacts = eq(waContacts.accountId, accountId);
  await deleteInBatches(db, { table: waContacts, key: waContacts.lid, where: contacts });
  const people = eq(waPeople.accountId, accountId);
  await deleteInBatches(db, { table: waPeople, key: waPeople.jid, where: people });
  const chats = eq(waChats.accountId, accountId);
  await deleteInBatches(db, { table: waChats, key: waChats.chat, where: chats });
  const states = eq(waChatStates.accountId, accountId);
  await deleteInBatches(db, { table: waChatStates, key: waChatStates.chat, where: states });
  const uses = eq(waLabelUses.accountId, accountId);
  await deleteInBatches(db, { table: waLabelUses, key: waLabelUses.chat, where: uses });
  await db.delete(waLabels).where(eq(waLabels.accountId, accountId));
  const strangers = eq(firstContacts.accountId, accountId);
  await deleteInBatches(db, { table: firstContacts, key: firstContacts.person, where: strangers });
  await db.delete(contactTurns).where(eq(contactTurns.accountId, accountId));
  await db.delete(waCredentials).where(eq(waCredentials.accountId, accountId));
  await deleteKeys(db, accountId);
}

function cancelQueue(ctx: Ctx, session: SessionRecord): Promise<void> {
  return untilUsedUp(BATCH_SIZE, () => transact(ctx.database, (tx) => cancelBatch(ctx, tx, session)));
}

/** Rolls the transaction back. */
class SessionInUse extends Error {
  override name = 'SessionInUse';
}

const factOf = (ctx: Ctx, { id, userId, sessionId }: SessionRecord) => ({
  userId,
  session: { id, sessionId },
  origin: originOf(ctx),
});

/** Like every other cancellation; what is being sent ends too, because no session can send it any more. */
async function cancelBatch(ctx: Ctx, tx: Tx, session: SessionRecord): Promise<number> {
  const rows = await tx
    .select({ id: messageQueue.id })
    .from(messageQueue)
    .where(eq(messageQueue.accountId, session.id))
    .limit(BATCH_SIZE);
  const ids = rows.map(({ id }) => id);
  await handBackOfSession(tx, ctx, ids, ctx.clock.now());
  const { facts } = await cancelRows(tx, ctx, {
    ids,
    claimedToo: true,
    errorCode: 'SESSION_DELETED',
    origin: originOf(ctx),
  });
  await record(tx, ctx, facts);
  return rows.length;
}
