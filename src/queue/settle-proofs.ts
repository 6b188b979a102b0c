/** Acknowledgements and receipts: what WhatsApp has proven is taken from everybody, whoever owns the session. */
import { and, eq, inArray, isNotNull, or, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import {
  caseBy,
  changerOfSeveral,
  padded,
  placeholders,
  prepared,
  preparedWriteFor,
  statementsAreCheap,
  unanswered,
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
        /** whoever waits for it has been told: nobody waits until it is written */
        isTold?: boolean;
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
  const moved = moveRows(rows, items);
  for (const { row } of moved) recent?.forget(row);
  await writeLeftOut(tx, items);
  // What was seen as proven has left the queue with that.
  const queued = rows.filter((row) => read.includes(row) || !isProven(row.status));
  if (moved.length > 0) await moveAll(tx, moved, now);
  await takeOffAll(unanswered(tx), queued);
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
): { seen: Iterable<Row>; unseen: ProofItem[] } {
  if (recent === null) return { seen: [], unseen: [...items] };
  const seen = new Map<string, Row>();
  const unseen: ProofItem[] = [];
  for (const item of items) {
    if (!('id' in item) || item.sending === undefined) continue;
    // A receipt that came before the acknowledgement has moved its row: how it is now is read.
    if (recent.get(item.sending) === undefined) seen.set(wireKey(item.sending), toSending(item.sending));
    else unseen.push(item);
  }
  for (const item of items) {
    if ('id' in item) {
      if (item.sending === undefined) unseen.push(item);
      continue;
    }
    const key = wireKey(item);
    const row = seen.get(key) ?? recent.get(item);
    if (row === undefined) unseen.push(item);
    else seen.set(key, row);
  }
  return { seen: seen.values(), unseen };
}

/** As the claim has left its row. */
function toSending(message: MessageRef): Row {
  const { id, userId, accountId, sessionId, messageId, peer, phone, type } = message;
  const progress = { status: 'sending' as const, sentAt: null, deliveredAt: null, readAt: null };
  return { id, userId, accountId, sessionId, messageId, peer, phone, type, ...progress };
}

/** What the items of a message by its id on the wire have in common. */
const wireKey = ({ accountId, messageId }: Pick<MessageRef, 'accountId' | 'messageId'>) =>
  `${accountId} ${messageId}`;

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

/** Those of the rows that the items move, with all that they prove together. Several messages may have one id on the wire. */
function moveRows(rows: readonly Row[], items: readonly ProofItem[]): Moved[] {
  const all = rows.map((row): Moved => ({ row, next: row, steps: [] }));
  const byId = new Map(all.map((moved) => [moved.row.id, moved]));
  const byWireId = new Map<string, Moved[]>();
  for (const moved of all) {
    const key = wireKey(moved.row);
    byWireId.set(key, [...(byWireId.get(key) ?? []), moved]);
  }
  for (const item of items) {
    const named = 'id' in item ? [byId.get(item.id)] : (byWireId.get(wireKey(item)) ?? []);
    for (const moved of named) {
      if (moved === undefined) continue;
      const { next, steps } = applyProof(moved.next, item);
      moved.next = next;
      moved.steps.push(...steps);
    }
  }
  return all.filter(({ steps }) => steps.length > 0);
}

/** On SQLite. The status that a row must still have makes the forward move safe between processes. */
const moveOnSqlite = changerOfSeveral({
  key: messages.id,
  seen: messages.status,
  own: [messages.status, messages.sentAt, messages.deliveredAt, messages.readAt],
  shared: [messages.updatedAt, messages.failedAt, messages.errorCode, messages.errorMessage],
});

async function takeOffAll(tx: Tx, rows: readonly Row[]): Promise<void> {
  const [only, ...more] = rows;
  if (more.length > 0) {
    const ids = rows.map(({ id }) => id);
    await takeOffSeveral(tx, ids);
  } else if (only) await takeOffOne(tx, { id: only.id });
}

/** The same on MySQL. */
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

const conflict = () => new SettleConflictError('a message was settled twice at once');

async function moveAll(tx: Tx, moved: readonly Moved[], now: number): Promise<void> {
  if (!statementsAreCheap) {
    await writeOnMysql(unanswered(tx, { rows: moved.length, toError: conflict }), moved, now);
  } else if ((await writeOnSqlite(tx, moved, now)) !== moved.length) throw conflict();
}

/** How many rows were moved. */
function writeOnSqlite(tx: Tx, moved: readonly Moved[], now: number): Promise<number> {
  const rows = moved.map(({ row, next: { status, sentAt, deliveredAt, readAt } }) => [
    row.id,
    row.status,
    status,
    sentAt,
    deliveredAt,
    readAt,
  ]);
  return moveOnSqlite(tx, rows, [now, null, null, null]);
}

/** Rows up to which few sizes of the statement are made. */
const MAX_PADDED = 64;

async function writeOnMysql(tx: Tx, moved: readonly Moved[], now: number): Promise<void> {
  const some = padded(moved, MAX_PADDED);
  const values = valuesAt(
    some.map(({ row, next: { status, sentAt, deliveredAt, readAt } }) => ({
      ...{ id: row.id, from: row.status },
      ...{ status, sentAt, deliveredAt, readAt },
    })),
  );
  await moveSeveral(tx, [some.length], { ...values, now });
}

function provenStatus(status: Progress['status']): Proof['status'] {
  return status === 'read' || status === 'delivered' ? status : 'sent';
}

function proofFact({ row, next }: Moved, step: Proof['status'], now: number): Fact {
  const times = { sent: next.sentAt, delivered: next.deliveredAt, read: next.readAt };
  return messageFact(row, `message.${step}`, times[step] ?? now, { status: step });
}
