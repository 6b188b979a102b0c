/** Marks on messages: pinned for everybody in their chat, starred by the account. What they make of the row. */
import { and, eq, inArray, isNotNull, isNull, lte, or } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { affected } from '../db/ops.ts';
import { messages } from '../db/schema.ts';
import type { Fact } from '../events/record.ts';
import { DAY_MS } from '../utils/durations.ts';
import type { PinContent } from '../whatsapp/content.ts';
import { amendable } from './amend.ts';
import { messageFact } from './message-fact.ts';

/** The columns that a mark needs. */
export const markable = { ...amendable, pinnedUntil: messages.pinnedUntil } as const;

type Target = Pick<typeof messages.$inferSelect, keyof typeof markable>;

/** What a phone takes when nothing is said. */
const STANDARD_PIN_MS = 7 * DAY_MS;
/** WhatsApp offers 30 days at most. */
const MAX_PIN_MS = 366 * DAY_MS;

export interface PinChange {
  pinned: boolean;
  /** for how long; WhatsApp's own standard when missing */
  seconds?: number | undefined;
  /** when it was made, epoch milliseconds */
  at: number;
  /** who has made it; null: the owner, or we */
  by: { jid: string; phone: string | null } | null;
}

/**
 * Pins the message, or ends that, in the caller's transaction, and resolves with the fact; null when nothing changes, as when
 * it was pinned or unpinned later.
 */
export async function pin(tx: Tx, target: Target, change: PinChange, now: number): Promise<Fact | null> {
  const { pinned, seconds, at, by } = change;
  const lasts = seconds === undefined ? STANDARD_PIN_MS : Math.min(seconds * 1_000, MAX_PIN_MS);
  const pinnedUntil = pinned ? at + lasts : null;
  const { id, pinSetAt } = messages;
  const isNewest = or(isNull(pinSetAt), lte(pinSetAt, at));
  const changed = await tx
    .update(messages)
    .set({ pinnedUntil, pinSetAt: at, updatedAt: now })
    .where(and(eq(id, target.id), isNewest));
  if (affected(changed) === 0 || pinnedUntil === target.pinnedUntil) return null;
  const until = pinnedUntil === null ? null : new Date(pinnedUntil).toISOString();
  return messageFact(target, 'message.pinned', at, { ...whichOf(target), pinned, until, by });
}

/** Stars the message, or ends that, as `pin` does. `at`: epoch milliseconds. */
export async function star(
  tx: Tx,
  target: Target,
  { starred, at }: { starred: boolean; at: number },
  now: number,
): Promise<Fact | null> {
  const { id, starredAt } = messages;
  const changed = await tx
    .update(messages)
    .set({ starredAt: starred ? at : null, updatedAt: now })
    .where(and(eq(id, target.id), starred ? isNull(starredAt) : isNotNull(starredAt)));
  if (affected(changed) === 0) return null;
  return messageFact(target, 'message.starred', at, { ...whichOf(target), starred });
}

/** Several messages of a session may have one id: the fact names the row. */
const whichOf = ({ id, direction, peer }: Target) => ({ id, direction, chat: peer });

/** Our pins that WhatsApp has acknowledged just now are applied to their messages. */
export async function applySentPins(
  tx: Tx,
  sent: readonly { id: string; at: number }[],
  now: number,
): Promise<Fact[]> {
  if (sent.length === 0) return [];
  const { id, accountId, peer, content } = messages;
  const ids = sent.map((one) => one.id);
  const rows = await tx.select({ id, accountId, peer, content }).from(messages).where(inArray(id, ids));
  const facts: Fact[] = [];
  for (const { id: rowId, at } of sent) {
    const row = rows.find((one) => one.id === rowId);
    if (!row) continue;
    const { pinned, seconds, ...about } = asPin(row.content);
    const [target] = await tx
      .select(markable)
      .from(messages)
      .where(isPinned({ ...row, ...about }));
    const fact = target && (await pin(tx, target, { pinned, seconds, at, by: null }, now));
    if (fact) facts.push(fact);
  }
  return facts;
}

/** The message that our pin is about: in the same chat, and of the same author. */
function isPinned({
  accountId,
  peer,
  messageId,
  fromMe,
  author,
}: Pick<PinContent, 'messageId' | 'fromMe' | 'author'> & { accountId: string; peer: string }) {
  const byAuthor =
    author === null ? undefined : or(eq(messages.author, author), eq(messages.participant, author));
  return and(
    eq(messages.accountId, accountId),
    eq(messages.direction, fromMe ? 'out' : 'in'),
    eq(messages.messageId, messageId),
    eq(messages.peer, peer),
    byAuthor,
  );
}

/** Safe because rows of this type that we have sent hold nothing else. */
function asPin(content: unknown): PinContent {
  return content as PinContent;
}
