/** Acknowledgements and receipts: what WhatsApp has proven is taken from everybody, whoever owns the session. */
import { and, type Column, eq, inArray, or, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { affected } from '../db/ops.ts';
import { messageQueue, messages } from '../db/schema.ts';
import type { Fact } from '../events/record.ts';
import { formatE164 } from '../utils/phone.ts';
import { type MessageRef, messageRefColumns } from './claim.ts';
import { applyProof, type Progress, type Proof } from './progress.ts';
import type { Outcome } from './signals.ts';

/** Names a message by our id or, for receipts, by session and wire id. */
export type ProofItem = Proof & ({ id: string } | { accountId: string; messageId: string });

export interface Settled {
  facts: Fact[];
  outcomes: Outcome[];
}

type Row = MessageRef & Progress;
interface Moved {
  row: Row;
  next: Progress;
  steps: Proof['status'][];
}

/** Somebody else settled one of the rows between our read and our write: the transaction is to be run again. */
export class SettleConflictError extends Error {
  override name = 'SettleConflictError';
}

/**
 * Moves history forward and takes the rows off the queue. Throws SettleConflictError when a row changed meanwhile.
 * Receipts of messages that are not ours (the phone's own) find no row and change nothing.
 */
export async function settleProofs(tx: Tx, items: readonly ProofItem[], now: number): Promise<Settled> {
  if (items.length === 0) return { facts: [], outcomes: [] };
  const rows = await readRows(tx, items);
  const moved = rows.map((row) => moveRow(row, items)).filter((move) => move.steps.length > 0);
  if (moved.length > 0) await writeMoves(tx, moved, now);
  const ids = rows.map((row) => row.id);
  if (ids.length > 0) await tx.delete(messageQueue).where(inArray(messageQueue.id, ids));
  return {
    facts: moved.flatMap((move) => move.steps.map((step) => proofFact(move, step, now))),
    outcomes: moved.map(({ row, next }) => ({
      id: row.id,
      status: provenStatus(next.status),
      errorCode: null,
      errorMessage: null,
    })),
  };
}

function readRows(tx: Tx, items: readonly ProofItem[]): Promise<Row[]> {
  const ids: string[] = [];
  const wireIds = new Map<string, string[]>();
  for (const item of items) {
    if ('id' in item) ids.push(item.id);
    else wireIds.set(item.accountId, [...(wireIds.get(item.accountId) ?? []), item.messageId]);
  }
  const byWire = [...wireIds].map(([accountId, messageIds]) =>
    and(
      eq(messages.accountId, accountId),
      eq(messages.direction, 'out'),
      inArray(messages.messageId, messageIds),
    ),
  );
  return tx
    .select({
      ...messageRefColumns,
      status: messages.status,
      sentAt: messages.sentAt,
      deliveredAt: messages.deliveredAt,
      readAt: messages.readAt,
    })
    .from(messages)
    .where(or(ids.length > 0 ? inArray(messages.id, ids) : undefined, ...byWire));
}

function moveRow(row: Row, items: readonly ProofItem[]): Moved {
  const moved: Moved = { row, next: row, steps: [] };
  for (const item of items) {
    const isThis =
      'id' in item
        ? item.id === row.id
        : item.accountId === row.accountId && item.messageId === row.messageId;
    if (!isThis) continue;
    const { next, steps } = applyProof(moved.next, item);
    moved.next = next;
    moved.steps.push(...steps);
  }
  return moved;
}

/** One statement for all rows; the status each must still have makes the forward move safe between processes. */
async function writeMoves(tx: Tx, moved: readonly Moved[], now: number): Promise<void> {
  const byId = (pick: (move: Moved) => string | number | null) =>
    caseById(
      messages.id,
      moved.map((move) => [move.row.id, pick(move)]),
    );
  const result = await tx
    .update(messages)
    .set({
      status: byId((move) => move.next.status),
      sentAt: byId((move) => move.next.sentAt),
      deliveredAt: byId((move) => move.next.deliveredAt),
      readAt: byId((move) => move.next.readAt),
      failedAt: null,
      errorCode: null,
      errorMessage: null,
      updatedAt: now,
    })
    .where(
      and(
        inArray(
          messages.id,
          moved.map((move) => move.row.id),
        ),
        eq(
          messages.status,
          byId((move) => move.row.status),
        ),
      ),
    );
  if (affected(result) !== moved.length) throw new SettleConflictError('a message was settled twice at once');
}

function caseById(column: Column, entries: readonly (readonly [string, string | number | null])[]): SQL {
  const whens = entries.map(([id, value]) => sql`when ${id} then ${value}`);
  return sql`case ${column} ${sql.join(whens, sql` `)} end`;
}

function provenStatus(status: Progress['status']): Proof['status'] {
  return status === 'read' || status === 'delivered' ? status : 'sent';
}

function proofFact({ row, next }: Moved, step: Proof['status'], now: number): Fact {
  const times = { sent: next.sentAt, delivered: next.deliveredAt, read: next.readAt };
  return messageFact(row, `message.${step}`, times[step] ?? now, { status: step });
}

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
