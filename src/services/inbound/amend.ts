/** Edits and deletions that come in, or that the owner makes on the phone. */
import { and, asc, desc, eq, inArray, ne, or, type SQL } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { earlyAmendments, messages } from '../../db/schema.ts';
import type { Fact } from '../../events/record.ts';
import { type Amendment, amend, amendable } from '../../queue/amend.ts';
import { sha256Hex } from '../../utils/crypto.ts';
import type { AccountRef, InboundMessage } from '../../whatsapp/engine.ts';
import type { InboundContent } from '../../whatsapp/inbound-content.ts';
import { isGroupJid, jidsOf } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';

/** `earlyAmendments.target` holds no more. */
const OWN_TARGET_LENGTH = 32;
/** Edits of one message that came before it. Nobody but its author makes them, and only the last one is seen. */
const MAX_EARLIER_EDITS = 20;

/**
 * `unknown`: the history has no message that it is about. `refused`: it is about a message that is not its author's to change.
 * Otherwise the row that it changes.
 */
export type Aim = 'unknown' | 'refused' | { target: AimedAt };

type AimedAt = Pick<typeof messages.$inferSelect, keyof typeof amendable>;

/** What an edit or a deletion is about; null for other messages. */
export function amendmentOf({ content }: { content: InboundContent }): Amendment | null {
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
  const named = await withBothNames(tx, account, message);
  const inChat = (directions: Direction[]) =>
    and(hasIdInChat(account, named, amendment.messageId, directions), ne(messages.type, 'undecryptable'));
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

type Direction = (typeof messages.$inferSelect)['direction'];

/** A sender chooses the id: others may have used it too, in this chat and elsewhere. */
export function hasIdInChat(
  account: AccountRef,
  named: Names,
  id: string,
  directions: readonly Direction[],
): SQL | undefined {
  return and(
    eq(messages.accountId, account.id),
    inArray(messages.direction, [...directions]),
    eq(messages.messageId, id),
    isInChatOf(named),
  );
}

export type Names = Pick<InboundMessage, 'chat' | 'phone' | 'lid'>;

/** Of a person who is named by a number or a LID alone, the other one as well, where the session has seen it. */
export async function withBothNames(
  tx: Tx,
  account: AccountRef,
  { chat, phone, lid }: Names,
): Promise<Names> {
  const known = phone ?? lid;
  if (isGroupJid(chat) || known === null || (phone !== null && lid !== null)) return { chat, phone, lid };
  const [pair] = await findLidPairs(tx, { accountId: account.id }, phone === null ? 'lid' : 'phone', [known]);
  return { chat, phone: phone ?? pair?.phone ?? null, lid: lid ?? pair?.lid ?? null };
}

/** Whether a row is of that chat. A person is known by number or by LID, and may have become known by the other one since. */
export function isSameChat(
  row: { peer: string; phone: string | null; lid: string | null },
  { chat, phone, lid }: Names,
): boolean {
  const names = [row.peer, ...jidsOf(row)];
  return [chat, ...jidsOf({ phone, lid })].some((name) => names.includes(name));
}

/** A person may have become known by another name since. */
function isInChatOf({ chat, phone, lid }: Names): SQL | undefined {
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

/**
 * Notes on the message that it is about, when that could not be opened yet, to be applied when it is (`applyEarlier`). `id`: the
 * row of the edit or the deletion.
 */
export async function noteEarly(
  tx: Tx,
  account: AccountRef,
  id: string,
  message: InboundMessage,
): Promise<void> {
  const amendment = amendmentOf(message);
  if (amendment === null) return;
  const { type } = amendment;
  if (message.own) {
    const target = ownTarget(account, amendment.messageId);
    await tx.insert(earlyAmendments).values({ id, target, type, at: message.at });
    return;
  }
  const named = await withBothNames(tx, account, message);
  const [target] = await tx
    .select({ id: messages.id })
    .from(messages)
    .where(
      and(
        hasIdInChat(account, named, amendment.messageId, ['in']),
        eq(messages.type, 'undecryptable'),
        isByAuthorOf(message),
      ),
    )
    .limit(1);
  if (!target) return;
  await tx.insert(earlyAmendments).values({ id, target: target.id, type, at: message.at });
}

/** What stands for a message of the owner's phone that has not been opened yet, which has no row until then. */
function ownTarget(account: AccountRef, messageId: string): string {
  return sha256Hex(`${account.id} ${messageId}`).slice(0, OWN_TARGET_LENGTH);
}

/** The same for a message of the owner's phone that is stored just now, under this id. */
export function applyEarlierOwn(
  tx: Tx,
  account: AccountRef,
  { id, messageId }: { id: string; messageId: string },
  now: number,
): Promise<Fact[]> {
  return applyEarlier(tx, id, now, { noted: ownTarget(account, messageId), source: 'phone' });
}

/**
 * Applies what its author has made of a message before it could be opened: the newest 20 edits, and the first deletion. `id`: its
 * row, which held its place since. Resolves with the facts of what changed it, in their order.
 */
export async function applyEarlier(
  tx: Tx,
  id: string,
  now: number,
  { noted = id, source }: { noted?: string; source?: 'phone' } = {},
): Promise<Fact[]> {
  const early = await earlyOf(tx, noted);
  if (early.length === 0) return [];
  const [target] = await tx.select(amendable).from(messages).where(eq(messages.id, id));
  if (!target) return [];
  const { messageId, content, sentAt, createdAt } = messages;
  const rows = await tx
    .select({ messageId, content, sentAt, createdAt })
    .from(messages)
    .where(inArray(messages.id, early))
    .orderBy(asc(sentAt), asc(createdAt), asc(messages.id));
  const facts: Fact[] = [];
  for (const row of rows) {
    const amendment = amendmentOf({ content: asContent(row.content) });
    if (amendment === null) continue;
    const at = row.sentAt ?? row.createdAt;
    const by = row.messageId;
    const fact = await amend(tx, target, amendment, { at, now, by, ...(source ? { source } : {}) });
    if (fact) facts.push(fact);
  }
  return facts;
}

/** Their rows. Each kind by itself: a deletion counts however many edits there are. */
async function earlyOf(tx: Tx, target: string): Promise<string[]> {
  const { id, type, at } = earlyAmendments;
  const isOf = (kind: Amendment['type']) => and(eq(earlyAmendments.target, target), eq(type, kind));
  const early = () => tx.select({ id }).from(earlyAmendments);
  const edits = await early().where(isOf('edit')).orderBy(desc(at)).limit(MAX_EARLIER_EDITS);
  const deletions = await early().where(isOf('delete')).orderBy(asc(at)).limit(1);
  return [...edits, ...deletions].map((row) => row.id);
}

/** Safe because rows of messages that came in hold nothing else. */
const asContent = (content: unknown) => content as InboundContent;

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
