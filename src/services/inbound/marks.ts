/** Pins of others and of the owner's phone, and stars of the account: what they make of the messages that they are about. */
import { and, eq, inArray } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { messages } from '../../db/schema.ts';
import type { Fact } from '../../events/record.ts';
import { markable, pin, star } from '../../queue/marks.ts';
import type { AppStateChange } from '../../whatsapp/app-state.ts';
import type { AccountRef, InboundMessage } from '../../whatsapp/engine.ts';
import { isGroupJid, lidOf, phoneOf } from '../../whatsapp/jid.ts';
import { personBehind } from '../groups/news.ts';
import { hasIdInChat, isSameChat, withBothNames } from './amend.ts';

interface Came {
  account: AccountRef;
  message: InboundMessage;
}

/**
 * Applies the pins among messages that have just been stored, in the caller's transaction, in their order; their facts, which are
 * to be recorded. One that may be about several messages, because their senders gave them one id, changes nothing.
 */
export async function applyPins(tx: Tx, came: readonly Came[], now: number): Promise<Fact[]> {
  const facts: Fact[] = [];
  for (const { account, message } of came) {
    const { content } = message;
    if (content.type !== 'pin') continue;
    const named = await withBothNames(tx, account, message);
    const [target, other] = await tx
      .select(markable)
      .from(messages)
      .where(hasIdInChat(account, named, content.messageId, ['in', 'out']))
      .limit(2);
    if (!target || other) continue;
    const { pinned, seconds } = content;
    const fact = await pin(tx, target, { pinned, seconds, at: message.at, by: whoOf(message) }, now);
    if (fact) facts.push(fact);
  }
  return facts;
}

const whoOf = ({ own, participant, chat }: InboundMessage) =>
  own ? null : personBehind(participant ?? chat);

export type StarChange = Extract<AppStateChange, { kind: 'star' }>;

/** messages.message_id */
const MAX_MESSAGE_ID = 64;

/**
 * Applies what the account has starred, or not any more, in the caller's transaction, in its order; the facts, which are to be
 * recorded. Stars of messages that the history does not have change nothing. `known`: they were learnt before, else only what was
 * asked for here is told.
 */
export async function applyStars(
  tx: Tx,
  account: AccountRef,
  stars: readonly StarChange[],
  { known, at }: { known: boolean; at: number },
): Promise<Fact[]> {
  const ids = [...new Set(stars.map(({ messageId }) => messageId))].filter(
    (id) => id.length <= MAX_MESSAGE_ID,
  );
  if (ids.length === 0) return [];
  const rows = await tx
    .select({ ...markable, lid: messages.lid })
    .from(messages)
    .where(
      and(
        eq(messages.accountId, account.id),
        inArray(messages.direction, ['in', 'out']),
        inArray(messages.messageId, ids),
      ),
    );
  const facts: Fact[] = [];
  for (const { messageId, chat, fromMe, starred, own } of stars) {
    const side = fromMe ? 'out' : 'in';
    const same = rows.filter((row) => row.messageId === messageId && row.direction === side);
    if (same.length === 0) continue;
    const isGroup = isGroupJid(chat);
    const person = isGroup ? { phone: null, lid: null } : { phone: phoneOf(chat), lid: lidOf(chat) };
    const named = await withBothNames(tx, account, { chat, ...person });
    const target = same.find((row) => isSameChat(row, named));
    const fact = target && (await star(tx, target, { starred, at }, at));
    if (fact && (known || own)) facts.push(fact);
  }
  return facts;
}
