/** Recipients whose messages are made again: by another session, or in the morning. Nothing of these has left. */
import { and, eq, inArray, isNotNull } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { campaignRecipients, campaigns, messages } from '../../db/schema.ts';
import { dequeueUntouched } from '../../queue/take-off.ts';
import { type TakenBack, type UsageDeps, uncountMessages } from '../../queue/usage.ts';
import { NO_SENDER } from './pool-facts.ts';

type HandBackDeps = Pick<UsageDeps, 'usageSlot'>;

/** A message of a campaign, and whom it goes to. */
export interface Unsent {
  id: string;
  phone: string | null;
}

/**
 * Deletes messages as if they had never been, and lets their recipients wait until `dueAt` for others. The caller has taken
 * them off the queue.
 */
export async function deferRecipients(
  tx: Tx,
  deps: HandBackDeps,
  campaignId: string,
  rows: readonly Unsent[],
  { reason, dueAt, now }: { reason: string; dueAt: number; now: number },
): Promise<void> {
  if (rows.length === 0) return;
  const phones = rows.flatMap(({ phone }) => phone ?? []);
  const ids = rows.map(({ id }) => id);
  const gone = await readGone(tx, campaignId, phones, ids);
  await tx
    .update(campaignRecipients)
    .set({
      state: 'deferred',
      reason,
      dueAt,
      messageRowId: null,
      countedAs: null,
      variant: null,
      queuedAt: null,
      updatedAt: now,
    })
    .where(
      and(
        // By their phones: that is their index.
        eq(campaignRecipients.campaignId, campaignId),
        inArray(campaignRecipients.phone, phones),
        inArray(campaignRecipients.messageRowId, ids),
        eq(campaignRecipients.state, 'queued'),
      ),
    );
  await uncountMessages(tx, deps, gone);
  await tx.delete(messages).where(inArray(messages.id, ids));
}

/** What was counted for these messages. */
function readGone(
  tx: Tx,
  campaignId: string,
  phones: readonly string[],
  ids: readonly string[],
): Promise<TakenBack[]> {
  const { userId, sessionId, createdAt } = messages;
  return tx
    .select({ userId, sessionId, createdAt, countedAs: campaignRecipients.countedAs })
    .from(campaignRecipients)
    .innerJoin(messages, eq(messages.id, campaignRecipients.messageRowId))
    .where(
      and(
        eq(campaignRecipients.campaignId, campaignId),
        inArray(campaignRecipients.phone, [...phones]),
        inArray(campaignRecipients.messageRowId, [...ids]),
        eq(campaignRecipients.state, 'queued'),
      ),
    );
}

/**
 * Takes what was never begun of these off the queue, for another session to send from `dueAt` on. How many were handed
 * back.
 */
export async function handBack(
  tx: Tx,
  deps: HandBackDeps,
  campaignId: string,
  rows: readonly Unsent[],
  { now, dueAt = now }: { now: number; dueAt?: number },
): Promise<number> {
  const off = new Set(
    await dequeueUntouched(
      tx,
      rows.map(({ id }) => id),
    ),
  );
  const gone = rows.filter(({ id }) => off.has(id));
  await deferRecipients(tx, deps, campaignId, gone, { reason: NO_SENDER, dueAt, now });
  return gone.length;
}

/** The same of a session that is being deleted: what its running campaigns have other sessions for. */
export async function handBackOfSession(
  tx: Tx,
  deps: HandBackDeps,
  ids: readonly string[],
  now: number,
): Promise<void> {
  if (ids.length === 0) return;
  const rows = await tx
    .select({ id: messages.id, phone: messages.phone, campaignId: messages.campaignId })
    .from(messages)
    .innerJoin(campaigns, eq(campaigns.id, messages.campaignId))
    .where(
      and(inArray(messages.id, [...ids]), eq(campaigns.status, 'running'), isNotNull(campaigns.senders)),
    );
  for (const campaignId of new Set(rows.flatMap((row) => row.campaignId ?? []))) {
    await handBack(
      tx,
      deps,
      campaignId,
      rows.filter((row) => row.campaignId === campaignId),
      { now },
    );
  }
}
