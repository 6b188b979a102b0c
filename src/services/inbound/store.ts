/** Stores inbound messages once, with everything that follows from them, before they are confirmed to WhatsApp. */
import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { isRetryable, isUnavailable, transact, tryInsert } from '../../db/ops.ts';
import { inboundMedia, messages } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { newId } from '../../utils/ids.ts';
import type { AccountRef, InboundMessage } from '../../whatsapp/engine.ts';
import type { InboundContent } from '../../whatsapp/inbound-content.ts';
import type { Deps } from '../context.ts';
import { matchReply } from '../messages/reply.ts';
import { noteOptOut } from '../opt-outs/words.ts';
import { fitMessage, withoutContent } from './fit.ts';
import { newMediaWork } from './media-work.ts';

type StoreDeps = Pick<Deps, 'db' | 'clock' | 'stream' | 'secrets' | 'logger'>;

/**
 * Stores an inbound message, its fact and the download of its file in one transaction, once: a message that is
 * redelivered (same session, chat, author and id) changes nothing. Resolves true when it is new. What the database
 * refuses for good is stored without its content, as `unknown`. Rejects only when the database cannot be used: the
 * message stays with WhatsApp then.
 */
export async function storeInbound(
  deps: StoreDeps,
  account: AccountRef,
  received: InboundMessage,
): Promise<boolean> {
  const message = fitMessage(received, deps.clock.now());
  try {
    return await store(deps, account, message);
  } catch (error) {
    if (isUnavailable(error) || isRetryable(error)) throw error;
    deps.logger.error('an inbound message cannot be stored as it came', {
      session: account.sessionId,
      messageId: message.messageId,
      type: message.content.type,
      error: describe(error),
    });
    return store(deps, account, withoutContent(message, 'unstorable'));
  }
}

/** The driver's words only: what drizzle puts before them holds the values. */
function describe(error: unknown): string {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  return cause instanceof Error ? cause.name : 'unknown';
}

async function store(deps: StoreDeps, account: AccountRef, message: InboundMessage): Promise<boolean> {
  const now = deps.clock.now();
  const id = newId(now);
  const { messageId } = message;
  const reply = await matchReply(deps.db, account, message, now);
  const content: InboundContent = reply ? { ...message.content, reply } : message.content;
  return transact(deps.db, async (tx) => {
    if (await wasStoredUnnamed(tx, account, messageId, message)) return false;
    // Only this row tells whether it is new: any other clash is an error, and the message stays with WhatsApp.
    if (!(await tryInsert(tx, messages, toRow({ id, messageId, content, now }, account, message))))
      return false;
    if (message.media) await tx.insert(inboundMedia).values(newMediaWork(deps, account, id, message.media));
    await record(tx, deps, [
      {
        userId: account.userId,
        session: account,
        event: 'message.received',
        subject: messageId,
        data: {
          id,
          type: content.type,
          chat: message.chat,
          phone: message.phone,
          lid: message.lid,
          participant: message.participant,
          pushName: message.pushName,
        },
      },
    ]);
    await noteOptOut(tx, deps, account, { id, phone: message.phone, lid: message.lid, content });
    return true;
  });
}

/** Whether an earlier release stored it, or one that still runs during an update: their rows name no author. */
async function wasStoredUnnamed(
  tx: Tx,
  account: AccountRef,
  messageId: string,
  { chat, author, participant }: InboundMessage,
): Promise<boolean> {
  if (author === null || participant === null) return false;
  const [row] = await tx
    .select({ id: messages.id })
    .from(messages)
    .where(
      and(
        eq(messages.accountId, account.id),
        eq(messages.direction, 'in'),
        eq(messages.messageId, messageId),
        eq(messages.peer, chat),
        eq(messages.author, ''),
        eq(messages.participant, participant),
      ),
    );
  return row !== undefined;
}

interface Fitted {
  id: string;
  messageId: string;
  content: InboundContent;
  now: number;
}

function toRow(
  { id, messageId, content, now }: Fitted,
  account: AccountRef,
  message: InboundMessage,
): typeof messages.$inferInsert {
  return {
    id,
    userId: account.userId,
    accountId: account.id,
    sessionId: account.sessionId,
    messageId,
    direction: 'in',
    peer: message.chat,
    phone: message.phone,
    lid: message.lid,
    participant: message.participant,
    author: message.author ?? '',
    type: content.type,
    content,
    status: 'received',
    sentAt: message.at,
    createdAt: now,
    updatedAt: now,
  };
}
