/** Edits and deletions that come in, or that the owner makes on the phone. */
import { and, eq } from 'drizzle-orm';
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

/** Of messages with one id: a sender chooses it, so that others may have used it too. */
const MAX_LOOKED_AT = 20;

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
  const found = await tx
    .select({ ...amendable, lid: messages.lid, participant: messages.participant, author: messages.author })
    .from(messages)
    .where(
      and(
        eq(messages.accountId, account.id),
        eq(messages.direction, message.own ? 'out' : 'in'),
        eq(messages.messageId, amendment.messageId),
      ),
    )
    .limit(MAX_LOOKED_AT);
  const inChat = found.filter((row) => isSameChat(row, message) && row.type !== 'undecryptable');
  const target = inChat.find((row) => message.own || isSameAuthor(row, message));
  if (target) return { target };
  if (inChat.length > 0) return 'refused';
  return !message.own && (await isOurs(tx, account, message, amendment)) ? 'refused' : 'unknown';
}

async function isOurs(
  tx: Tx,
  account: AccountRef,
  message: InboundMessage,
  { messageId }: Amendment,
): Promise<boolean> {
  const ours = await tx
    .select({ peer: messages.peer, phone: messages.phone, lid: messages.lid })
    .from(messages)
    .where(
      and(
        eq(messages.accountId, account.id),
        eq(messages.direction, 'out'),
        eq(messages.messageId, messageId),
      ),
    );
  return ours.some((row) => isSameChat(row, message));
}

interface Named {
  peer: string;
  phone: string | null;
  lid: string | null;
}

/** A person may have become known by another name since. */
function isSameChat(row: Named, { chat, phone, lid }: InboundMessage): boolean {
  if (row.peer === chat) return true;
  return (phone !== null && row.phone === phone) || (lid !== null && row.lid === lid);
}

function isSameAuthor(
  row: { author: string; participant: string | null },
  { author, participant }: InboundMessage,
): boolean {
  if (author === null && participant === null) return true;
  return row.author === author || (participant !== null && row.participant === participant);
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
