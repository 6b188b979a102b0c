/** The labels of a session's phone, and what they are on: which of what it tells is new, and how that is written. */
import { and, eq, inArray } from 'drizzle-orm';
import { inBatches } from '../../db/batches.ts';
import type { Tx } from '../../db/client.ts';
import { incoming, upsert } from '../../db/ops.ts';
import { waLabels, waLabelUses } from '../../db/schema.ts';
import type { Fact } from '../../events/record.ts';
import { cleanName } from '../../utils/text.ts';
import type { AppStateChange } from '../../whatsapp/app-state.ts';
import type { Deps } from '../context.ts';
import { type ChatNames, readChatNames } from './chat-names.ts';

/** The columns of waLabels and waLabelUses. */
const MAX_LABEL = 32;
const MAX_NAME = 190;
const MAX_MESSAGE_ID = 64;
/** Colours that WhatsApp has are fewer. */
const MAX_COLOR = 1_000;
/** Chats or labels of one statement. */
const BATCH_SIZE = 100;
/** Changes that are compared in one turn of the event loop. */
export const PLANNED_AT_ONCE = 1_000;

type Label = Omit<typeof waLabels.$inferSelect, 'accountId'>;
type Use = Omit<typeof waLabelUses.$inferSelect, 'accountId'>;

/** One label that was made, changed or deleted, or one use of one that began or ended. */
export type LabelStep = {
  own: boolean;
  /** null: it is learnt for the first time */
  fact: ((source: 'api' | 'phone') => Pick<Fact, 'event' | 'subject' | 'data'>) | null;
} & ({ label: Label } | { use: Use; gone: boolean });

interface Reading {
  /** what is not among the changes is gone */
  fresh: boolean;
  /** labels were learnt before */
  known: boolean;
  /** of the chats that are told of */
  names: ChatNames;
}

/** What differs from what is kept. */
export async function planLabels(
  deps: Pick<Deps, 'db' | 'clock'>,
  accountId: string,
  changes: readonly AppStateChange[],
  { fresh, known, names }: Reading,
): Promise<LabelStep[]> {
  const told = changes.filter((change) => change.kind === 'label' || change.kind === 'labeled');
  if (told.length === 0 && !fresh) return [];
  const labels = await readLabelRows(
    deps.db,
    accountId,
    fresh ? null : [...new Set(told.map(({ label }) => label))],
  );
  const rows = await readUses(deps.db, accountId, fresh ? null : chatsOf(told).flatMap(names.all));
  const { uses, moves } = joinUses(
    rows,
    fresh ? await readChatNames(deps.db, accountId, new Set(rows.map(({ chat }) => chat))) : names,
  );
  const next = await applyAll(fresh ? { labels, uses } : { labels: [], uses: [] }, told, deps.clock.now());
  const kept = new Map(labels.map((label) => [label.label, label]));
  const used = new Set(uses.map(keyOf));
  const isTold = ({ own }: { own: boolean }) => known || own;
  const labelOf = (label: string) => next.labels.get(label)?.label ?? kept.get(label);
  const nameOf = (label: string) => labelOf(label)?.name ?? null;
  // One that was made and deleted before anybody knew of it is no news.
  const isNews = ({ label }: { label: Label }) => !label.deleted || kept.get(label.label)?.deleted === false;
  return [
    ...moves,
    ...[...next.labels.values()]
      .filter(({ label }) => isOther(kept.get(label.label), label))
      .map((step) => ({ ...step, fact: isTold(step) && isNews(step) ? factOfLabel(step.label) : null })),
    // A label that is deleted is on nothing, whatever the phone still keeps of it.
    ...[...next.uses.values()]
      .filter(({ use, gone }) => used.has(keyOf(use)) === gone && !labelOf(use.label)?.deleted)
      .map((step) => ({ ...step, fact: isTold(step) ? factOfUse(step, nameOf(step.use.label)) : null })),
  ];
}

/** By the names that their chats are kept under from now on, and how they come there. */
function joinUses(rows: readonly Use[], names: ChatNames): { uses: Use[]; moves: LabelStep[] } {
  const uses = new Map<string, Use>();
  const old: Use[] = [];
  const wanted = new Map<string, Use>();
  for (const row of rows) {
    const use = { ...row, chat: names.keptAs(row.chat) };
    uses.set(keyOf(use), use);
    if (use.chat === row.chat) continue;
    old.push(row);
    wanted.set(keyOf(use), use);
  }
  const move = (gone: boolean) => (use: Use) => ({ use, gone, own: false, fact: null });
  // First to where they belong: whatever ends in between is done again.
  return {
    uses: [...uses.values()],
    moves: [...[...wanted.values()].map(move(false)), ...old.map(move(true))],
  };
}

interface Next {
  labels: Map<string, { label: Label; own: boolean }>;
  uses: Map<string, { use: Use; gone: boolean; own: boolean }>;
}

/** What becomes of the labels and uses that are named. `before`: those that are gone unless something is told of them. */
async function applyAll(
  before: { labels: readonly Label[]; uses: readonly Use[] },
  told: readonly Extract<AppStateChange, { kind: 'label' | 'labeled' }>[],
  changedAt: number,
): Promise<Next> {
  const labels: Next['labels'] = new Map();
  const uses: Next['uses'] = new Map();
  for (const label of before.labels) {
    labels.set(label.label, { label: { ...label, deleted: true }, own: false });
  }
  for (const use of before.uses) uses.set(keyOf(use), { use, gone: true, own: false });
  for await (const piece of inBatches(told, PLANNED_AT_ONCE)) {
    for (const change of piece) {
      const { label, own } = change;
      if (label.length === 0 || label.length > MAX_LABEL) continue;
      if (change.kind === 'label') {
        labels.set(label, { label: toLabel(change, changedAt), own });
      } else {
        const { chat, messageId, labeled } = change;
        if ((messageId?.length ?? 0) > MAX_MESSAGE_ID) continue;
        const use = { label, chat, messageId: messageId ?? '', changedAt };
        uses.set(keyOf(use), { use, gone: !labeled, own });
      }
    }
  }
  return { labels, uses };
}

function toLabel(
  { label, name, color, deleted }: Extract<AppStateChange, { kind: 'label' }>,
  changedAt: number,
): Label {
  const fitting = Math.min(Math.max(Math.trunc(color) || 0, 0), MAX_COLOR);
  return { label, name: cleanName(name, MAX_NAME) ?? '', color: fitting, deleted, changedAt };
}

const keyOf = ({ label, chat, messageId }: Pick<Use, 'label' | 'chat' | 'messageId'>) =>
  `${label} ${chat} ${messageId}`;

/** The chats of changes, each once. */
export const chatsOf = (changes: readonly AppStateChange[]): string[] => [
  ...new Set(changes.flatMap((change) => ('chat' in change ? [change.chat] : []))),
];

function isOther(kept: Label | undefined, label: Label): boolean {
  if (kept === undefined || kept.deleted !== label.deleted) return true;
  return !label.deleted && (kept.name !== label.name || kept.color !== label.color);
}

function factOfLabel({ label, name, color, deleted }: Label) {
  return (source: 'api' | 'phone') => ({
    event: 'label.updated' as const,
    subject: label,
    data: { label, name, color, deleted, source },
  });
}

function factOfUse(
  { use: { label, chat, messageId }, gone }: { use: Use; gone: boolean },
  name: string | null,
) {
  return (source: 'api' | 'phone') => ({
    event: 'label.assigned' as const,
    subject: label,
    data: { label, name, chat, messageId: messageId === '' ? null : messageId, assigned: !gone, source },
  });
}

/** The labels of a session, by their ids: WhatsApp has 20, and no answer is without end. */
export async function readLabels(db: Deps['db'], accountId: string): Promise<Label[]> {
  return db
    .select(LABEL_COLUMNS)
    .from(waLabels)
    .where(and(eq(waLabels.accountId, accountId), eq(waLabels.deleted, false)))
    .orderBy(waLabels.label)
    .limit(MAX_LABELS);
}

const MAX_LABELS = 1_000;
const LABEL_COLUMNS = {
  label: waLabels.label,
  name: waLabels.name,
  color: waLabels.color,
  deleted: waLabels.deleted,
  changedAt: waLabels.changedAt,
};

/** One label of a session; null when there is none, or it was deleted. */
export async function readLabel(db: Deps['db'], accountId: string, id: string): Promise<Label | null> {
  const [row] = await readLabelRows(db, accountId, [id]);
  return row === undefined || row.deleted ? null : row;
}

/** These labels, and all of them with null; with those that were deleted. */
async function readLabelRows(
  db: Deps['db'],
  accountId: string,
  ids: readonly string[] | null,
): Promise<Label[]> {
  const found: Label[] = [];
  const pieces = ids === null ? [null] : inBatches(ids, BATCH_SIZE);
  for await (const piece of pieces) {
    const some = piece === null ? undefined : inArray(waLabels.label, piece);
    const own = and(eq(waLabels.accountId, accountId), some);
    found.push(...(await db.select(LABEL_COLUMNS).from(waLabels).where(own)));
  }
  return found;
}

/**
 * An id for a new label, which comes after the one that was given out before: WhatsApp numbers them. What one that was deleted
 * was on may still be on the phone.
 */
export async function nextLabel(
  { db }: Pick<Deps, 'db'>,
  accountId: string,
  after: string | null,
): Promise<string> {
  const { label } = waLabels;
  const rows = await db.select({ label }).from(waLabels).where(eq(waLabels.accountId, accountId));
  const taken = new Set([...rows.map((row) => row.label), after ?? '']);
  let next = FIRST_LABEL;
  for (const id of taken) if (USUAL_ID.test(id)) next = Math.max(next, Number(id) + 1);
  while (taken.has(String(next))) next++;
  return String(next);
}

/** Smaller ones are those that WhatsApp makes by itself. */
const FIRST_LABEL = 10;
/** Longer ones are no numbers that go on. */
const USUAL_ID = /^\d{1,15}$/;

/** Where labels are, in these chats; in all of them with null. */
async function readUses(db: Deps['db'], accountId: string, chats: readonly string[] | null): Promise<Use[]> {
  const { label, chat, messageId, changedAt } = waLabelUses;
  const found: Use[] = [];
  const pieces = chats === null ? [null] : inBatches(chats, BATCH_SIZE);
  for await (const piece of pieces) {
    const some = piece === null ? undefined : inArray(chat, piece);
    const rows = db
      .select({ label, chat, messageId, changedAt })
      .from(waLabelUses)
      .where(and(eq(waLabelUses.accountId, accountId), some));
    found.push(...(await rows));
  }
  return found;
}

/** Writes steps in their order. What a label was on goes with it. */
export async function writeLabels(tx: Tx, accountId: string, steps: readonly LabelStep[]): Promise<void> {
  for (const step of steps) {
    if ('label' in step) await writeLabel(tx, accountId, step);
    else await writeUse(tx, accountId, step);
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
