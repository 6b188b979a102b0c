/** Keeps what the phones of sessions tell of their chats, labels and stars, and makes known what changed. */
import { and, eq, inArray } from 'drizzle-orm';
import { inBatches } from '../../db/batches.ts';
import type { Tx } from '../../db/client.ts';
import { affected, incoming, transact, upsert } from '../../db/ops.ts';
import { waChatStates, whatsappAccounts } from '../../db/schema.ts';
import { type Fact, record } from '../../events/record.ts';
import { isHeldRow } from '../../queue/fence.ts';
import type {
  AppStateChange,
  AppStateVersions,
  ChatState,
  LearntAppState,
} from '../../whatsapp/app-state.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import { canonicalJid, isGroupJid, lidOf, phoneOf } from '../../whatsapp/jid.ts';
import type { Deps } from '../context.ts';
import { type ChatNames, readChatNames } from './chat-names.ts';
import { chatsOf, type LabelStep, PLANNED_AT_ONCE, planLabels, writeLabels } from './label-state.ts';
import { applyStars, type StarChange } from './marks.ts';
import { joinStates, shownState } from './shown-state.ts';

/** waChatStates.chat */
const MAX_CHAT = 80;
/** Changes of one transaction, each of which may be an event. */
const BATCH_SIZE = 100;

type LearnDeps = Pick<Deps, 'db' | 'clock' | 'stream'>;

export async function readAppStateVersions(
  { db }: Pick<Deps, 'db'>,
  accountId: string,
): Promise<AppStateVersions> {
  return (await readVersions(db, accountId)) ?? {};
}

/** Null when nothing was learnt of that session yet. */
async function readVersions(db: Deps['db'], accountId: string): Promise<AppStateVersions | null> {
  const [row] = await db
    .select({ versions: whatsappAccounts.appStateVersions })
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.id, accountId));
  return row?.versions ?? null;
}

type StateRow = typeof waChatStates.$inferSelect;

/** One chat, as it was and as it is. */
interface ChatStep {
  row: StateRow;
  /** null when nothing was known of it */
  before: StateRow | null;
  own: boolean;
  /** other names of it, under which it was kept before its number was known */
  gone: readonly string[];
}

/**
 * Keeps what a phone has told. The versions are written together with the last of it, so that whatever is not kept after a
 * crash is asked for again. What is learnt for the first time is no event. Rejects when the database cannot be used.
 */
export async function learnAppState(
  deps: LearnDeps,
  account: AccountRef,
  { changes, versions, fresh }: LearntAppState,
): Promise<void> {
  const before = await readVersions(deps.db, account.id);
  const told = onlyChats(changes);
  const names = await readChatNames(deps.db, account.id, chatsOf(told));
  const named = told.map((change) =>
    'chat' in change ? { ...change, chat: names.keptAs(change.chat) } : change,
  );
  const chats = await planChats(deps, account.id, named, { fresh, names });
  const labels = await planLabels(deps, account.id, named, {
    names,
    fresh: fresh.includes('regular'),
    known: before?.regular !== undefined,
  });
  const known = before?.regular_low !== undefined && before.regular_high !== undefined;
  // Of these nothing is read again that is not told again: a star that ended is told as such.
  const stars = named.filter((change) => change.kind === 'star');
  const steps: Step[] = [...chats, ...labels, ...stars];
  let left = steps.length;
  const after = before === null && Object.keys(versions).length === 0 ? null : { ...before, ...versions };
  const none: Step[] = [];
  const pieces = steps.length === 0 ? [none] : inBatches(steps, BATCH_SIZE);
  for await (const piece of pieces) {
    left -= piece.length;
    const isHeld = await transact(deps.db, async (tx) => {
      const set = { appStateVersions: left === 0 ? after : before };
      const held = await tx.update(whatsappAccounts).set(set).where(isHeldRow(account));
      if (affected(held) === 0) return false;
      await writeChats(tx, account.id, piece.filter(isChatStep));
      await writeLabels(tx, account.id, piece.filter(isLabelStep));
      const at = deps.clock.now();
      const ofLow = { known: before?.regular_low !== undefined, at };
      const starred = await applyStars(tx, account, piece.filter(isStar), ofLow);
      const kept = piece.flatMap((step) => (isStar(step) ? [] : [step]));
      await record(tx, deps, [...factsOf(account, kept, { known, at }), ...starred]);
      return true;
    });
    if (!isHeld) return;
  }
}

type Step = ChatStep | LabelStep | StarChange;

const isChatStep = (step: Step): step is ChatStep => 'row' in step;
const isStar = (step: Step): step is StarChange => 'kind' in step;
const isLabelStep = (step: Step): step is LabelStep => !isChatStep(step) && !isStar(step);

/** Without those that are neither people nor groups. */
function onlyChats(changes: readonly AppStateChange[]): AppStateChange[] {
  return changes.flatMap((change): AppStateChange[] => {
    if (!('chat' in change)) return [change];
    const chat = canonicalJid(change.chat);
    const isChat = isGroupJid(chat) || phoneOf(chat) !== null || lidOf(chat) !== null;
    return isChat && chat.length <= MAX_CHAT ? [{ ...change, chat }] : [];
  });
}

async function planChats(
  { db, clock }: LearnDeps,
  accountId: string,
  changes: readonly AppStateChange[],
  { fresh, names }: { fresh: LearntAppState['fresh']; names: ChatNames },
): Promise<ChatStep[]> {
  const told = changes.filter((change) => change.kind === 'chat');
  const reset = resetOf(fresh);
  const all = Object.keys(reset).length > 0;
  if (told.length === 0 && !all) return [];
  const rows = await readStates(db, accountId, all ? null : chatsOf(told).flatMap(names.all));
  const known = joined(rows, all ? await readChatNames(db, accountId, namesIn(rows)) : names);
  const changedAt = clock.now();
  const none = { accountId, archived: null, pinned: null, mutedUntil: null, markedUnread: null };
  const now = new Map<string, StateRow>();
  if (all) for (const [chat, { row }] of known) now.set(chat, { ...row, ...reset });
  const own = new Set<string>();
  for await (const piece of inBatches(told, PLANNED_AT_ONCE)) {
    for (const { chat, state, own: isOwn } of piece) {
      const row = now.get(chat) ?? known.get(chat)?.row ?? { ...none, chat, changedAt };
      now.set(chat, { ...row, ...state });
      if (isOwn) own.add(chat);
      else own.delete(chat);
    }
  }
  return [...now.values()].flatMap((row) => {
    const { row: before, gone } = known.get(row.chat) ?? { row: null, gone: [] };
    if (before !== null && gone.length === 0 && isSame(before, row)) return [];
    return [{ row: { ...row, changedAt }, before, own: own.has(row.chat), gone }];
  });
}

/** By the names that the chats are kept under from now on, each with those of its names that go. */
function joined(rows: readonly StateRow[], names: ChatNames): Map<string, { row: StateRow; gone: string[] }> {
  const byChat = new Map<string, StateRow[]>();
  for (const row of rows) {
    const chat = names.keptAs(row.chat);
    byChat.set(chat, [...(byChat.get(chat) ?? []), row]);
  }
  const known = new Map<string, { row: StateRow; gone: string[] }>();
  for (const [chat, own] of byChat) {
    const row = joinStates(own);
    if (row) known.set(chat, { row: { ...row, chat }, gone: namesIn(own).filter((name) => name !== chat) });
  }
  return known;
}

const namesIn = (rows: readonly { chat: string }[]): string[] => rows.map(({ chat }) => chat);

/** What is kept under these names; of all chats with null. */
async function readStates(
  db: Deps['db'],
  accountId: string,
  chats: readonly string[] | null,
): Promise<StateRow[]> {
  const rows: StateRow[] = [];
  const pieces = chats === null ? [null] : inBatches(chats, BATCH_SIZE);
  for await (const piece of pieces) {
    const some = piece === null ? undefined : inArray(waChatStates.chat, piece);
    const own = and(eq(waChatStates.accountId, accountId), some);
    rows.push(...(await db.select().from(waChatStates).where(own)));
  }
  return rows;
}

/** What of a chat is as if it was never set, unless something was told of it. */
function resetOf(fresh: LearntAppState['fresh']): Partial<Record<keyof ChatState, null>> {
  return {
    ...(fresh.includes('regular_low') ? { archived: null, pinned: null, markedUnread: null } : {}),
    ...(fresh.includes('regular_high') ? { mutedUntil: null } : {}),
  };
}

const isSame = (one: StateRow, other: StateRow): boolean =>
  one.archived === other.archived &&
  one.pinned === other.pinned &&
  one.mutedUntil === other.mutedUntil &&
  one.markedUnread === other.markedUnread;

async function writeChats(tx: Tx, accountId: string, steps: readonly ChatStep[]): Promise<void> {
  if (steps.length === 0) return;
  const rows = steps.map(({ row }) => ({ ...row, accountId }));
  const { archived, pinned, mutedUntil, markedUnread, changedAt } = waChatStates;
  await upsert(tx, waChatStates, rows, [waChatStates.accountId, waChatStates.chat], {
    archived: incoming(archived),
    pinned: incoming(pinned),
    mutedUntil: incoming(mutedUntil),
    markedUnread: incoming(markedUnread),
    changedAt: incoming(changedAt),
  });
  const gone = steps.flatMap((step) => step.gone);
  if (gone.length === 0) return;
  await tx
    .delete(waChatStates)
    .where(and(eq(waChatStates.accountId, accountId), inArray(waChatStates.chat, gone)));
}

/** What a person would see change; of chats that were not `known` before only what was asked for here. */
function factsOf(
  account: AccountRef,
  steps: readonly (ChatStep | LabelStep)[],
  { known, at }: { known: boolean; at: number },
): Fact[] {
  const about = { userId: account.userId, session: { id: account.id, sessionId: account.sessionId } };
  return steps.flatMap((step): Fact[] => {
    const source = step.own ? 'api' : 'phone';
    if (!isChatStep(step)) return step.fact === null ? [] : [{ ...about, ...step.fact(source) }];
    if (!known && !step.own) return [];
    const { row, before } = step;
    const [now, then] = [shownState(row, at), shownState(before, at)];
    const changed = Object.keys(now).filter((name) => Reflect.get(now, name) !== Reflect.get(then, name));
    if (changed.length === 0) return [];
    const data = { chat: row.chat, ...now, changed, source };
    return [{ ...about, event: 'chat.updated', subject: row.chat, data }];
  });
}
