/** The labels of a session's phone and what they are on, as rows: reading, writing, and ids for new ones. */
import { and, eq, inArray } from 'drizzle-orm';
import { inBatches, readFitting } from '../../db/batches.ts';
import type { Db, Tx } from '../../db/client.ts';
import { countRows } from '../../db/count-rows.ts';
import { isAfter } from '../../db/keyset.ts';
import { incoming, upsert } from '../../db/ops.ts';
import { waLabels, waLabelUses } from '../../db/schema.ts';
import type { Fact } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { areUses } from '../../whatsapp/same-chat.ts';
import type { Deps } from '../context.ts';

/** Uses or labels of one statement. */
const BATCH_SIZE = 100;
/** Labels that an account may have: WhatsApp Business has room for 20, its own first ones included (its help, "About labels"). */
export const MAX_OWN_LABELS = 20;
/** Labels of a session that are kept, should its phone tell of more than WhatsApp has room for. */
export const MAX_LABELS = 5 * MAX_OWN_LABELS;
/** Chats and messages with labels of a session that are kept: as many as people of a history. */
export const MAX_LABEL_USES = 50_000;

export type Label = Omit<typeof waLabels.$inferSelect, 'accountId'>;
export type Use = Omit<typeof waLabelUses.$inferSelect, 'accountId'>;

/** One label that was made, changed or deleted, or one use of one that began or ended. */
export type LabelStep = {
  own: boolean;
  /** null: it is learnt for the first time */
  fact: ((source: 'api' | 'phone') => Pick<Fact, 'event' | 'subject' | 'data'>) | null;
} & ({ label: Label } | { use: Use; gone: boolean });

/** The labels of a session, by their ids. */
export async function readLabels(db: Deps['db'], accountId: string): Promise<Label[]> {
  return db
    .select(LABEL_COLUMNS)
    .from(waLabels)
    .where(and(eq(waLabels.accountId, accountId), eq(waLabels.deleted, false)))
    .orderBy(waLabels.label)
    .limit(MAX_LABELS);
}

const LABEL_COLUMNS = {
  label: waLabels.label,
  name: waLabels.name,
  color: waLabels.color,
  deleted: waLabels.deleted,
  changedAt: waLabels.changedAt,
};

/** One label of a session; null when there is none, or it was deleted. */
export async function readLabel(db: Deps['db'], accountId: string, id: string): Promise<Label | null> {
  const { label, deleted } = waLabels;
  const [row] = await db
    .select(LABEL_COLUMNS)
    .from(waLabels)
    .where(and(eq(waLabels.accountId, accountId), eq(label, id), eq(deleted, false)));
  return row ?? null;
}

/** All labels of a session, with those that were deleted: more than are kept is what an earlier release has left. */
export async function readLabelRows(db: Db | Tx, accountId: string): Promise<Label[]> {
  return db
    .select(LABEL_COLUMNS)
    .from(waLabels)
    .where(eq(waLabels.accountId, accountId))
    .orderBy(waLabels.deleted, waLabels.label)
    .limit(MAX_READ);
}

const MAX_READ = 2_000;

/**
 * An id for a new label, which comes after the one that was given out before: WhatsApp numbers them.
 * What one that was deleted was on may still be on the phone. Throws CONFLICT when the account has as many as WhatsApp has
 * room for.
 */
export async function nextLabel(
  { db }: Pick<Deps, 'db'>,
  accountId: string,
  after: string | null,
): Promise<string> {
  const rows = await readLabelRows(db, accountId);
  if (rows.filter(({ deleted }) => !deleted).length >= MAX_OWN_LABELS) {
    throw new AppError(
      'CONFLICT',
      `The account has ${MAX_OWN_LABELS} labels, and WhatsApp no room for more.`,
      {
        details: { reason: 'label_limit', limit: MAX_OWN_LABELS, sent: false },
        hint: 'Delete a label that is not used any more.',
      },
    );
  }
  const taken = new Set([...rows.map((row) => row.label), after ?? '']);
  let next = FIRST_LABEL;
  for (const id of taken) next = Math.max(next, numberOf(id) + 1);
  while (taken.has(String(next))) next++;
  return String(next);
}

/** 0 where an id is no number that goes on. */
export const numberOf = (id: string): number => (USUAL_ID.test(id) ? Number(id) : 0);

/** Smaller ones are those that WhatsApp makes by itself. */
const FIRST_LABEL = 10;
/** Longer ones are no numbers that go on. */
const USUAL_ID = /^\d{1,15}$/;

/** How many chats and messages have labels, up to as many as are kept. */
export function countUses(db: Db | Tx, accountId: string): Promise<number> {
  return countRows(db, waLabelUses, eq(waLabelUses.accountId, accountId), MAX_LABEL_USES);
}

const USE_COLUMNS = {
  label: waLabelUses.label,
  chat: waLabelUses.chat,
  messageId: waLabelUses.messageId,
  changedAt: waLabelUses.changedAt,
};

/** Where labels are, in all chats. The event loop turns in between. */
export async function readUses(db: Db, accountId: string): Promise<Use[]> {
  const { label, chat, messageId } = waLabelUses;
  const own = eq(waLabelUses.accountId, accountId);
  const found: Use[] = [];
  const read = (last: Use | null, size: number) =>
    db
      .select(USE_COLUMNS)
      .from(waLabelUses)
      .where(and(own, isAfter([label, chat, messageId], last && [last.label, last.chat, last.messageId])))
      .orderBy(label, chat, messageId)
      .limit(size);
  for await (const rows of readFitting(MAX_READ, read)) found.push(...rows);
  return found;
}

/** Those of these uses that are kept: one chat may have as many as there is room for. The event loop turns in between. */
export async function findUses(
  db: Db,
  accountId: string,
  uses: readonly Pick<Use, 'label' | 'chat' | 'messageId'>[],
): Promise<Use[]> {
  const found: Use[] = [];
  for await (const piece of inBatches(uses, BATCH_SIZE)) {
    found.push(...(await db.select(USE_COLUMNS).from(waLabelUses).where(areUses(accountId, piece))));
  }
  return found;
}

/** Writes steps in their order. What a label was on goes with it, and of the deleted ones those that need not be known. */
export async function writeLabels(tx: Tx, accountId: string, steps: readonly LabelStep[]): Promise<void> {
  for (const step of steps) {
    if ('label' in step) await writeLabel(tx, accountId, step);
    else await writeUse(tx, accountId, step);
  }
  if (steps.some((step) => 'label' in step && step.label.deleted)) await forgetDeleted(tx, accountId);
}

/** Of all deleted labels the one stays that has the highest number of all: the next id comes after it. */
async function forgetDeleted(tx: Tx, accountId: string): Promise<void> {
  const rows = await readLabelRows(tx, accountId);
  const highest = Math.max(0, ...rows.map(({ label }) => numberOf(label)));
  // Without any number there is none that counts on.
  const gone = rows.filter(({ label, deleted }) => deleted && numberOf(label) < Math.max(highest, 1));
  for await (const piece of inBatches(gone, BATCH_SIZE)) {
    const ids = piece.map(({ label }) => label);
    await tx
      .delete(waLabels)
      .where(
        and(eq(waLabels.accountId, accountId), eq(waLabels.deleted, true), inArray(waLabels.label, ids)),
      );
  }
}

async function writeLabel(tx: Tx, accountId: string, { label }: { label: Label }): Promise<void> {
  const { accountId: account, label: id, name, color, deleted, changedAt } = waLabels;
  await upsert(tx, waLabels, { accountId, ...label }, [account, id], {
    name: incoming(name),
    color: incoming(color),
    deleted: incoming(deleted),
    changedAt: incoming(changedAt),
  });
  if (!label.deleted) return;
  await tx
    .delete(waLabelUses)
    .where(and(eq(waLabelUses.accountId, accountId), eq(waLabelUses.label, label.label)));
}

async function writeUse(
  tx: Tx,
  accountId: string,
  { use, gone }: { use: Use; gone: boolean },
): Promise<void> {
  const { accountId: account, label, chat, messageId, changedAt } = waLabelUses;
  if (!gone) {
    return upsert(tx, waLabelUses, { accountId, ...use }, [account, label, chat, messageId], {
      changedAt: incoming(changedAt),
    });
  }
  await tx
    .delete(waLabelUses)
    .where(
      and(eq(account, accountId), eq(label, use.label), eq(chat, use.chat), eq(messageId, use.messageId)),
    );
}
