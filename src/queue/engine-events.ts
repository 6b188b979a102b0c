import type { AccountRef, EngineEvent } from '../whatsapp/engine.ts';
import { explainRefusal, RECIPIENT_STALE } from '../whatsapp/refusals.ts';
import { isTransientRefusal } from './retry.ts';
import type { Settler } from './settle.ts';

/**
 * Takes what an engine tells about outbound messages: receipts, which prove, and refusals that came after `send`
 * had given up. Resolves when it is durable; at once for every other event.
 */
export async function settleEngineEvent(
  settler: Settler,
  account: AccountRef,
  event: EngineEvent,
): Promise<void> {
  if (event.type === 'receipt') {
    await settleReceipt(settler, account.id, event.messageId, event.status, event.at);
  } else if (event.type === 'refused' && isFinal(event.code)) {
    const { messageId, code: errorCode } = event;
    const errorMessage = explainRefusal(errorCode);
    await settler.settle({ kind: 'refused', held: account, messageId, errorCode, errorMessage });
  }
}

/** A message that waits for its next attempt is tried again with the recipient's devices asked for again. */
function isFinal(code: string): boolean {
  return !isTransientRefusal(code) && code !== RECIPIENT_STALE;
}

/**
 * A proof about the session's message with this id on the wire: always taken, whoever sent it, also before the
 * acknowledgement and over `failed` and `expired`. `at` in epoch milliseconds.
 */
export function settleReceipt(
  settler: Settler,
  accountId: string,
  messageId: string,
  status: 'sent' | 'delivered' | 'read',
  at: number,
): Promise<void> {
  return settler.settle({ kind: 'proof', accountId, messageId, status, at });
}
