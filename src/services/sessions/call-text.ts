/** The text that goes to whoever calls a session that rejects its calls: it is queued in the transaction that keeps the call. */
import { eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { isRetryable, isUnavailable } from '../../db/ops.ts';
import { whatsappAccounts } from '../../db/schema.ts';
import { spendFromWindow } from '../../db/windows.ts';
import { reserveQueueRoom } from '../../queue/counts.ts';
import type { IntakeDeps, QueueDeps } from '../../queue/deps.ts';
import { enqueueMany, type NewMessage } from '../../queue/enqueue.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newMessageId } from '../../utils/ids.ts';
import type { AccountRef, CallNews } from '../../whatsapp/engine.ts';
import { lidOf, phoneOf } from '../../whatsapp/jid.ts';

export type CallTextDeps = QueueDeps & Pick<IntakeDeps, 'queueCounts'>;

/** One text to the same caller in that time, however often they call. */
const TEXT_EVERY_MS = HOUR_MS;

/**
 * The text for this call, with room in the queue reserved for it. Null: the session has none, nobody waits for one, its
 * workspace is suspended, or the queue of that is full. Rejects when the database cannot be used.
 */
export async function findCallText(
  deps: CallTextDeps,
  { id, userId }: AccountRef,
  call: CallNews,
): Promise<string | null> {
  if (call.missed || call.group) return null;
  const { rejectCalls, callText, suspendedAt } = whatsappAccounts;
  const [row] = await deps.db
    .select({ rejectCalls, callText, suspendedAt })
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.id, id));
  if (!row?.rejectCalls || row.callText === null || row.suspendedAt !== null) return null;
  try {
    await reserveQueueRoom(deps, userId, 1);
    return row.callText;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    notQueued(deps, id, error);
    return null;
  }
}

/**
 * Queues it in the caller's transaction as any message is, at most once an hour for the same caller. It expires within that
 * hour, as it would be a riddle later. A refusal, such as that of a workspace that has used its messages, leaves the rest of
 * the transaction as it is.
 */
export async function queueCallText(
  tx: Tx,
  deps: CallTextDeps,
  { id: accountId, userId, sessionId }: AccountRef,
  { call: { by }, text }: { call: CallNews; text: string },
): Promise<void> {
  const now = deps.clock.now();
  const window = { key: `call_text:${accountId}:${by.jid}`, max: 1, windowMs: TEXT_EVERY_MS };
  const message: NewMessage = {
    userId,
    accountId,
    sessionId,
    messageId: newMessageId(),
    peer: by.jid,
    phone: by.phone ?? phoneOf(by.jid),
    lid: by.lid ?? lidOf(by.jid),
    type: 'text',
    content: { type: 'text', text },
    priority: PRIORITIES.normal,
    scheduledAt: null,
    expiresAt: now + TEXT_EVERY_MS,
  };
  try {
    await tx.transaction(async (inner) => {
      if ((await spendFromWindow(inner, window, now)) !== null) await enqueueMany(inner, deps, [message]);
    });
  } catch (error) {
    // These undo the call as well: it is told again.
    if (isUnavailable(error) || isRetryable(error)) throw error;
    notQueued(deps, accountId, error);
  }
}

function notQueued({ logger }: CallTextDeps, account: string, error: unknown): void {
  logger.warn('the text after a call could not be queued', { account, error: String(error) });
}
