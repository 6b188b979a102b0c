/** Edits and deletions that come in, or that the owner makes on the phone. */
import { and, eq, inArray, ne, or, type SQL } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { messages } from '../../db/schema.ts';
import type { Fact } from '../../events/record.ts';
import { type Amendment, amend, amendable } from '../../queue/amend.ts';
import type { AccountRef, InboundMessage } from '../../whatsapp/engine.ts';

/**
 * `unknown`: the history has no message that it is about. `refused`: it is about a message that is not its author's to change.
 * Otherwise the row that it changes.
 */
export type Aim = 'unknown' | 'refused' | { target: AimedAt };

type AimedAt = Pick<typeof messages.$inferSelect, keyof typeof amendable>;

/** What an edit or a deletion is about; null for other messages. */
export function amendmentOf({ content }: InboundMessage): Amendment | null {
  if (content.type === 'edit') return { type: 'edit', messageId: content.messageId, text: content.text };
  return content.type === 'delete' ? { type: 'delete', messageId: content.messageId } : null;
}

/**
 * Finds the message that it is about. People change their own messages only, the owner on the phone all of this session. An
 * admin of a group may delete what others wrote, which cannot be told from here: such a deletion changes no row.
 */
export async function aimOf(
  tx: Tx,
  account: AccountRef,
  message: InboundMessage,
  amendment: Amendment,
): Promise<Aim> {
  // A sender chooses the id: others may have used it too, in this chat and elsewhere.
  const inChat = (directions: ('in' | 'out')[]) =>
    and(
      eq(messages.accountId, account.id),
      inArray(messages.direction, directions),
      eq(messages.messageId, amendment.messageId),
      isInChatOf(message),
      ne(messages.type, 'undecryptable'),
    );
  const [target] = await tx
    .select(amendable)
    .from(messages)
    .where(and(inChat(message.own ? ['out'] : ['in']), message.own ? undefined : isByAuthorOf(message)))
    .limit(1);
  if (target) return { target };
  // Of the owner every one in the chat was looked at.
  if (message.own) return 'unknown';
  const { id } = messages;
  const [others] = await tx
    .select({ id })
    .from(messages)
    .where(inChat(['in', 'out']))
    .limit(1);
  return others ? 'refused' : 'unknown';
}

/** A person may have become known by another name since. */
function isInChatOf({ chat, phone, lid }: InboundMessage): SQL | undefined {
  return or(
    eq(messages.peer, chat),
    phone === null ? undefined : eq(messages.phone, phone),
    lid === null ? undefined : eq(messages.lid, lid),
  );
}

function isByAuthorOf({ author, participant }: InboundMessage): SQL | undefined {
  return or(
    author === null ? undefined : eq(messages.author, author),
    participant === null ? undefined : eq(messages.participant, participant),
  );
}

/** Applies it, and resolves with its fact; without one when it changes nothing. */
export async function applyAmendment(
  tx: Tx,
  { target }: { target: AimedAt },
  message: InboundMessage,
  amendment: Amendment,
  now: number,
): Promise<Fact[]> {
  const source = message.own ? { source: 'phone' as const } : {};
  const fact = await amend(tx, target, amendment, { at: message.at, now, by: message.messageId, ...source });
  return fact === null ? [] : [fact];
}
