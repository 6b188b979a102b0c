import type { Fact } from '../events/record.ts';
import { formatE164 } from '../utils/phone.ts';
import type { MessageRef } from './claim.ts';

/** A fact about a message: never its content. */
export function messageFact(
  row: MessageRef,
  event: Fact['event'],
  at: number,
  data: Record<string, unknown>,
): Fact {
  return {
    userId: row.userId,
    event,
    session: { id: row.accountId, sessionId: row.sessionId },
    subject: row.messageId,
    status: event === 'message.failed' ? 'failure' : 'success',
    data: {
      messageId: row.messageId,
      to: row.phone === null ? row.peer : formatE164(row.phone),
      type: row.type,
      ...data,
      timestamp: new Date(at).toISOString(),
    },
  };
}
