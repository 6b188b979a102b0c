/** Acknowledgements and receipts: what WhatsApp has proven is taken from everybody, whoever owns the session. */
import { and, eq, inArray, isNotNull, or, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import {
  affected,
  caseBy,
  placeholders,
  prepared,
  preparedWrite,
  preparedWriteFor,
  statementsAreCheap,
  valuesAt,
} from '../db/ops.ts';
import { campaigns, ENDED_CAMPAIGN_STATUSES, type LeftOut, messages } from '../db/schema.ts';
import type { Fact } from '../events/record.ts';
import { AMENDMENTS, applySent } from './amend.ts';
import { type Claim, type MessageRef, messageRefColumns } from './claim.ts';
import { applySentPins } from './marks.ts';
import { messageFact } from './message-fact.ts';
import { applyProof, isProven, isUnsentEnd, type Progress, type Proof } from './progress.ts';
import type { RecentMessages, SeenMessage } from './recent-messages.ts';
import type { Outcome } from './signals.ts';
import { takeOffOne, takeOffSeveral } from './take-off.ts';
import { isSentAs } from './wire-id.ts';

/** Names a message by our id or, for receipts, by session and wire id. */
export type ProofItem = Proof &
  (
    | {
        id: string;
        /** devices that it was not encrypted for */
        leftOut?: LeftOut[];
        /** the message, as whoever has sent it knows it */
        sending?: MessageRef & Pick<Claim, 'priority'>;
      }
    | { accountId: string; messageId: string }
  );

export interface Settled {
  facts: Fact[];
  outcomes: Outcome[];
}

type Row = SeenMessage;
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
 * Moves history forward and takes the rows off the queue. Receipts of messages that are not ours (the phone's own) find no
 * row and change nothing. What `recent` knows is not read; null: everything is. Throws SettleConflictError when a row is not
 * as it was seen: it is forgotten then.
 */
export async function settleProofs(
  tx: Tx,
  items: readonly ProofItem[],
  now: number,
  recent: RecentMessages | null,
): Promise<Settled> {
  if (items.length === 0) return { facts: [], outcomes: [] };
  const { seen, unseen } = lookUp(items, recent);
  const read = unseen.length === 0 ? [] : await readRows(tx, unseen);
  const rows = [...new Map([...seen, ...read].map((row) => [row.id, row])).values()];
  const moved = rows.map((row) => moveRow(row, items)).filter((move) => move.steps.length > 0);
  for (const { row } of moved) recent?.forget(row);
  await writeLeftOut(tx, items);
  // What was seen as proven has left the queue with that.
  const queued = rows.filter((row) => read.includes(row) || !isProven(row.status));
  await (statementsAreCheap ? writeEach(tx, queued, moved, now) : writeAll(tx, queued, moved, now));
  tx.afterCommit(() => {
    for (const { row, next } of moved) recent?.keep({ ...row, ...next });
  });
  await recallAgain(tx, moved, now);
  const sentOf = (isWanted: (type: string) => boolean) =>
    moved.flatMap(({ row, next, steps }) =>
      isWanted(row.type) && steps.includes('sent') ? [{ id: row.id, at: next.sentAt ?? now }] : [],
    );
  const amended = sentOf((type) => AMENDMENTS.has(type));
  return {
    facts: [
      ...moved.flatMap((move) => move.steps.map((step) => proofFact(move, step, now))),
      ...(await applySent(tx, amended, now)),
      ...(await applySentPins(
        tx,
        sentOf((type) => type === 'pin'),
        now,
      )),
    ],
    outcomes: moved.map(({ row, next }) => ({
      id: row.id,
      status: provenStatus(next.status),
      errorCode: null,
      errorMessage: null,
    })),
  };
}

/** What was thought not to have left, and has, is deleted as well where its campaign was recalled. */
async function recallAgain(tx: Tx, moved: readonly Moved[], now: number): Promise<void> {
  const lifted = moved.filter(({ row }) => isUnsentEnd(row.status)).map(({ row }) => row.id);
  if (lifted.length === 0) return;
  const { id, status, recallAt } = campaigns;
  const ofThese = tx
    .select({ id: messages.campaignId })
    .from(messages)
    .where(and(inArray(messages.id, lifted), isNotNull(messages.campaignId)));
  await tx
    .update(campaigns)
    .set({ dueAt: now, recallCursor: null, updatedAt: now })
    .where(and(isNotNull(recallAt), inArray(status, [...ENDED_CAMPAIGN_STATUSES]), inArray(id, ofThese)));
}

/** The messages that are known without a reading, and the items of the others. */
function lookUp(
  items: readonly ProofItem[],
  recent: RecentMessages | null,
): { seen: Row[]; unseen: ProofItem[] } {
  if (recent === null) return { seen: [], unseen: [...items] };
  const sending = items.flatMap((item) => ('id' in item && item.sending ? toSending(item.sending) : []));
  const seen = [...sending];
  const unseen: ProofItem[] = [];
  for (const item of items) {
    const row = sending.find((one) => names(item, one)) ?? ('id' in item ? undefined : recent.get(item));
    if (row === undefined) unseen.push(item);
    else if (!seen.includes(row)) seen.push(row);
  }
  return { seen, unseen };
}

/** As the claim has left its row. */
function toSending(message: MessageRef): Row {
  const { id, userId, accountId, sessionId, messageId, peer, phone, type } = message;
  const progress = { status: 'sending' as const, sentAt: null, deliveredAt: null, readAt: null };
  return { id, userId, accountId, sessionId, messageId, peer, phone, type, ...progress };
}

function names(item: ProofItem, row: MessageRef): boolean {
  if ('id' in item) return item.id === row.id;
  return item.accountId === row.accountId && item.messageId === row.messageId;
}

/** Whatever else is known of the message by now. */
async function writeLeftOut(tx: Tx, items: readonly ProofItem[]): Promise<void> {
  for (const item of items) {
    if (!('id' in item) || item.leftOut === undefined) continue;
    await tx.update(messages).set({ leftOut: item.leftOut }).where(eq(messages.id, item.id));
  }
}

const rowColumns = {
  ...messageRefColumns,
  status: messages.status,
  sentAt: messages.sentAt,
  deliveredAt: messages.deliveredAt,
  readAt: messages.readAt,
} as const;

const rowById = prepared((db) =>
  db
    .select(rowColumns)
    .from(messages)
    .where(eq(messages.id, sql.placeholder('id')))
    .prepare(),
);

const rowsByWireId = prepared((db) =>
  db
    .select(rowColumns)
    .from(messages)
    .where(isSentAs(sql.placeholder('accountId'), sql.placeholder('messageId')))
    .prepare(),
);

async function readRows(tx: Tx, items: readonly ProofItem[]): Promise<Row[]> {
  if (!statementsAreCheap) return readAll(tx, items);
  const rows = new Map<string, Row>();
  for (const item of items) {
    const found =
      'id' in item
        ? await rowById(tx).execute({ id: item.id })
        : await rowsByWireId(tx).execute({ accountId: item.accountId, messageId: item.messageId });
    for (const row of found) rows.set(row.id, row);
  }
  return [...rows.values()];
}

function readAll(tx: Tx, items: readonly ProofItem[]): Promise<Row[]> {
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
    .select(rowColumns)
    .from(messages)
    .where(or(ids.length > 0 ? inArray(messages.id, ids) : undefined, ...byWire));
}

function moveRow(row: Row, items: readonly ProofItem[]): Moved {
  const moved: Moved = { row, next: row, steps: [] };
  for (const item of items) {
    if (!names(item, row)) continue;
    const { next, steps } = applyProof(moved.next, item);
    moved.next = next;
    moved.steps.push(...steps);
  }
  return moved;
}

/** The status that a row must still have makes the forward move safe between processes. */
const moveOne = preparedWrite<{
  id: string;
  from: string;
  status: string;
  sentAt: number | null;
  deliveredAt: number | null;
  readAt: number | null;
  now: number;
}>((db) =>
  db
    .update(messages)
    .set({
      status: sql`${sql.placeholder('status')}`,
      sentAt: sql`${sql.placeholder('sentAt')}`,
      deliveredAt: sql`${sql.placeholder('deliveredAt')}`,
      readAt: sql`${sql.placeholder('readAt')}`,
      failedAt: null,
      errorCode: null,
      errorMessage: null,
      updatedAt: sql`${sql.placeholder('now')}`,
    })
    .where(and(eq(messages.id, sql.placeholder('id')), eq(messages.status, sql.placeholder('from')))),
);

async function writeEach(tx: Tx, rows: readonly Row[], moved: readonly Moved[], now: number): Promise<void> {
  for (const { row, next } of moved) {
    const { status, sentAt, deliveredAt, readAt } = next;
    const values = { id: row.id, from: row.status, status, sentAt, deliveredAt, readAt, now };
    if (affected(await moveOne(tx, values)) !== 1) throw conflict();
  }
  await takeOffAll(tx, rows);
}

async function takeOffAll(tx: Tx, rows: readonly Row[]): Promise<void> {
  const [only, ...more] = rows;
  if (more.length > 0) {
    const ids = rows.map(({ id }) => id);
    await takeOffSeveral(tx, ids);
  } else if (only) await takeOffOne(tx, { id: only.id });
}

async function writeAll(tx: Tx, rows: readonly Row[], moved: readonly Moved[], now: number): Promise<void> {
  if (moved.length > 0) await moveAll(tx, moved, now);
  await takeOffAll(tx, rows);
}

const conflict = () => new SettleConflictError('a message was settled twice at once');

/** As `moveOne`, for several rows in one statement. */
const moveSeveral = preparedWriteFor((db, named, count) => {
  const byId = (name: string) =>
    caseBy(
      messages.id,
      Array.from({ length: count }, (_, at) => [named(at, 'id'), named(at, name)] as const),
    );
  return db
    .update(messages)
    .set({
      status: byId('status'),
      sentAt: byId('sentAt'),
      deliveredAt: byId('deliveredAt'),
      readAt: byId('readAt'),
      failedAt: null,
      errorCode: null,
      errorMessage: null,
      updatedAt: sql`${sql.placeholder('now')}`,
    })
    .where(and(inArray(messages.id, placeholders(named, 'id', count)), eq(messages.status, byId('from'))));
});

async function moveAll(tx: Tx, moved: readonly Moved[], now: number): Promise<void> {
  const values = valuesAt(
    moved.map(({ row, next: { status, sentAt, deliveredAt, readAt } }) => ({
      ...{ id: row.id, from: row.status },
      ...{ status, sentAt, deliveredAt, readAt },
    })),
  );
  const result = await moveSeveral(tx, [moved.length], { ...values, now });
  if (affected(result) !== moved.length) throw conflict();
}

function provenStatus(status: Progress['status']): Proof['status'] {
  return status === 'read' || status === 'delivered' ? status : 'sent';
}

function proofFact({ row, next }: Moved, step: Proof['status'], now: number): Fact {
  const times = { sent: next.sentAt, delivered: next.deliveredAt, read: next.readAt };
  return messageFact(row, `message.${step}`, times[step] ?? now, { status: step });
}
