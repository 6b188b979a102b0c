/** Edits and deletions of messages: what they make of the row of the message that they are about. */
import { and, eq, inArray, isNull, lte, or } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { affected } from '../db/ops.ts';
import { messages } from '../db/schema.ts';
import type { Fact } from '../events/record.ts';
import { type MessageRef, messageRefColumns } from './claim.ts';
import { messageFact } from './message-fact.ts';
import { isSentAs } from './wire-id.ts';

export interface Amendment {
  /** `delete`: for everyone */
  type: 'edit' | 'delete';
  /** the id on the wire of the message that it is about */
  messageId: string;
  /** of an edit: the text, or the caption, from now on */
  text?: string;
}

/** Types of messages that only change another one. */
export const AMENDMENTS: ReadonlySet<string> = new Set<Amendment['type']>(['edit', 'delete']);

type Target = Pick<typeof messages.$inferSelect, keyof MessageRef | 'direction'>;

/** The columns that `amend` needs. */
export const amendable = { ...messageRefColumns, direction: messages.direction } as const;

/**
 * Applies it to its message, in the caller's transaction, and resolves with the fact; null when nothing changes: it was
 * deleted before, edited later, or has no text. The row keeps its first content as well. `at`: epoch milliseconds.
 */
export async function amend(
  tx: Tx,
  target: Target,
  amendment: Amendment,
  { at, now, by, source }: { at: number; now: number; by: string; source?: 'phone' },
): Promise<Fact | null> {
  const apply = amendment.type === 'edit' ? edit : revoke;
  if (!(await apply(tx, target, amendment, { at, now }))) return null;
  return messageFact(target, amendment.type === 'edit' ? 'message.edited' : 'message.revoked', at, {
    id: target.id,
    direction: target.direction,
    chat: target.peer,
    by,
    ...(source === undefined ? {} : { source }),
  });
}

interface Times {
  at: number;
  now: number;
}

async function revoke(tx: Tx, { id }: Target, _amendment: Amendment, { at, now }: Times): Promise<boolean> {
  const isOurs = and(eq(messages.id, id), isNull(messages.revokedAt));
  return affected(await tx.update(messages).set({ revokedAt: at, updatedAt: now }).where(isOurs)) > 0;
}

/** The target was read without a lock: its time is written first, which takes the lock, and then its content is read. */
async function edit(tx: Tx, target: Target, { text = '' }: Amendment, { at, now }: Times): Promise<boolean> {
  const field = textFieldOf(target);
  if (field === null) return false;
  const { id, content, original, editedAt, revokedAt } = messages;
  const isNewest = or(isNull(editedAt), lte(editedAt, at));
  const isOurs = and(eq(id, target.id), isNull(revokedAt), isNewest);
  if (affected(await tx.update(messages).set({ editedAt: at, updatedAt: now }).where(isOurs)) === 0)
    return false;
  const [row] = await tx.select({ content, original }).from(messages).where(eq(id, target.id));
  if (!row) return false;
  await tx
    .update(messages)
    .set({ content: withText(row.content, field, text), original: row.original ?? row.content })
    .where(eq(id, target.id));
  return true;
}

/** The preview of a page goes when the text does not link to it any more, as it does on phones. */
function withText(content: unknown, field: 'text' | 'caption', text: string): object {
  const { preview, ...rest } = Object(content);
  const url: unknown = Reflect.get(Object(preview), 'url');
  const isKept = typeof url === 'string' && text.includes(url);
  return { ...rest, [field]: text, ...(isKept ? { preview } : {}) };
}

/** The field of its content that an edit changes; null for what has none, and for codes. */
export function textFieldOf({ type }: Pick<Target, 'type'>): 'text' | 'caption' | null {
  if (type === 'text') return 'text';
  return CAPTIONED.has(type) ? 'caption' : null;
}

const CAPTIONED: ReadonlySet<string> = new Set(['image', 'video', 'document']);

/**
 * Notes on a message that this one edits or deletes it from now on. `target`: as the caller has read it; false: somebody else has
 * begun to change it since.
 */
export async function takeAmendment(
  tx: Tx,
  target: Pick<typeof messages.$inferSelect, 'id' | 'amendedBy'>,
  messageId: string,
): Promise<boolean> {
  const { id, amendedBy } = messages;
  const unchanged = target.amendedBy === null ? isNull(amendedBy) : eq(amendedBy, target.amendedBy);
  const taken = await tx
    .update(messages)
    .set({ amendedBy: messageId })
    .where(and(eq(id, target.id), unchanged));
  return affected(taken) > 0;
}

/** Our edits and deletions that WhatsApp has acknowledged just now are applied to their messages. */
export async function applySent(
  tx: Tx,
  sent: readonly { id: string; at: number }[],
  now: number,
): Promise<Fact[]> {
  if (sent.length === 0) return [];
  const rows = await tx
    .select({
      id: messages.id,
      accountId: messages.accountId,
      messageId: messages.messageId,
      content: messages.content,
    })
    .from(messages)
    .where(
      inArray(
        messages.id,
        sent.map(({ id }) => id),
      ),
    );
  const facts: Fact[] = [];
  // One after the other, in the order in which they were sent.
  for (const { id, at } of sent) {
    const row = rows.find((one) => one.id === id);
    if (!row) continue;
    const amendment = asAmendment(row.content);
    const [target] = await tx
      .select(amendable)
      .from(messages)
      .where(isSentAs(row.accountId, amendment.messageId));
    const fact = target && (await amend(tx, target, amendment, { at, now, by: row.messageId }));
    if (fact) facts.push(fact);
  }
  return facts;
}

/** Safe because rows of these types hold nothing else. */
function asAmendment(content: unknown): Amendment {
  return content as Amendment;
}
