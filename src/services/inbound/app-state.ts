/** Keeps what the phones of sessions tell of their chats, labels and stars, and makes known what changed. */
import { and, eq, gt, inArray, type SQLWrapper, sql } from 'drizzle-orm';
import { inBatches, readFitting, untilUsedUp } from '../../db/batches.ts';
import type { Tx } from '../../db/client.ts';
import { countRows } from '../../db/count-rows.ts';
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
import { findLidPairs } from '../../whatsapp/lids.ts';
import { joinChats, joinStates } from '../../whatsapp/same-chat.ts';
import type { Deps } from '../context.ts';
import { type ChatNames, readChatNames } from './chat-names.ts';
import { chatsOf, PLANNED_AT_ONCE, planLabels } from './label-plan.ts';
import { type LabelStep, writeLabels } from './label-state.ts';
import { applyStars, type StarChange } from './marks.ts';
import { shownState } from './shown-state.ts';

/** waChatStates.chat */
const MAX_CHAT = 80;
/** Changes of one transaction, each of which may be an event. */
const BATCH_SIZE = 100;

/** Chats of a session of which it is kept how its phone keeps them: as many as people of a history. */
export const MAX_CHAT_STATES = 50_000;

type LearnDeps = Pick<Deps, 'db' | 'clock' | 'stream' | 'quietWarnings'>;

/** Null for a link that was not followed from its beginning, and of which nothing was learnt yet. */
export async function readAppStateVersions(
  { db }: Pick<Deps, 'db'>,
  accountId: string,
): Promise<AppStateVersions | null> {
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
  /** other names of it, under which it was kept before its number was known; its own, too, where nothing is set any more */
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
  const before = await readAppStateVersions(deps, account.id);
  const told = await onlyChats(changes);
  const names = await readChatNames(deps.db, account.id, chatsOf(told));
  const named = await namedBy(names, told);
  const plan = () => planChats(deps, account.id, named, { fresh, names });
  const planned = await plan();
  const hasRoom = planned.leftOut > 0 && (await forgetUnset(deps, account, planned.leftOut));
  const { steps: chats, leftOut } = hasRoom ? await plan() : planned;
  const labels = await planLabels(deps, account.id, named, {
    names,
    fresh: fresh.includes('regular'),
    known: before?.regular !== undefined,
  });
  const known = before?.regular_low !== undefined && before.regular_high !== undefined;
  // Of these nothing is read again that is not told again: a star that ended is told as such.
  const stars = named.filter((change) => change.kind === 'star');
  const steps: Step[] = [...chats, ...labels.steps, ...stars];
  if (leftOut + labels.leftOut > 0) {
    const fields = { account: account.id, chats: leftOut, labels: labels.leftOut };
    deps.quietWarnings.warn(
      `left out ${account.id}`,
      'a phone tells of more chats and labels than are kept',
      fields,
    );
  }
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
      // Whose number was learnt since the names were read: who learns it holds the same lock.
      const lids = piece.flatMap((step) => lidOf(chatIn(step)) ?? []);
      const pairs = await findLidPairs(tx, { accountId: account.id }, 'lid', [...new Set(lids)]);
      await joinChats(tx, account.id, pairs);
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

/** The chat whose rows a step writes; empty for none. */
function chatIn(step: Step): string {
  if (isChatStep(step)) return step.row.chat;
  return isLabelStep(step) && 'use' in step && !step.gone ? step.use.chat : '';
}

/** Without those that are neither people nor groups. The event loop turns in between, as below. */
async function onlyChats(changes: readonly AppStateChange[]): Promise<AppStateChange[]> {
  const kept: AppStateChange[] = [];
  for await (const piece of inBatches(changes, PLANNED_AT_ONCE)) {
    for (const change of piece) {
      if (!('chat' in change)) {
        kept.push(change);
        continue;
      }
      const chat = canonicalJid(change.chat);
      const isChat = isGroupJid(chat) || phoneOf(chat) !== null || lidOf(chat) !== null;
      if (isChat && chat.length <= MAX_CHAT) kept.push({ ...change, chat });
    }
  }
  return kept;
}

/** By the names that their chats are kept under. */
async function namedBy(names: ChatNames, changes: readonly AppStateChange[]): Promise<AppStateChange[]> {
  const named: AppStateChange[] = [];
  for await (const piece of inBatches(changes, PLANNED_AT_ONCE)) {
    for (const change of piece) {
      named.push('chat' in change ? { ...change, chat: names.keptAs(change.chat) } : change);
    }
  }
  return named;
}

/** What differs from what is kept of chats, and of how many more there is no room for. */
async function planChats(
  { db, clock }: LearnDeps,
  accountId: string,
  changes: readonly AppStateChange[],
  { fresh, names }: { fresh: LearntAppState['fresh']; names: ChatNames },
): Promise<{ steps: ChatStep[]; leftOut: number }> {
  const told = changes.filter((change) => change.kind === 'chat');
  const reset = resetOf(fresh);
  const all = Object.keys(reset).length > 0;
  if (told.length === 0 && !all) return { steps: [], leftOut: 0 };
  const rows = await readStates(db, accountId, all ? null : chatsOf(told).flatMap(names.all));
  const known = await joined(rows, all ? await readChatNames(db, accountId, namesIn(rows)) : names);
  const changedAt = clock.now();
  const none = { accountId, archived: null, pinned: null, mutedUntil: null, markedUnread: null };
  const now = new Map<string, StateRow>();
  if (all) for (const [chat, { row }] of known) now.set(chat, { ...row, ...reset });
  const own = new Set<string>();
  // What takes room: in a whole reading not what is about to go.
  const there = new Set(all ? namesIn([...now.values()].filter((row) => !isUnset(row))) : known.keys());
  let room = MAX_CHAT_STATES - (all ? there.size : await countStates(db, accountId));
  const leftOut = new Set<string>();
  for await (const piece of inBatches(told, PLANNED_AT_ONCE)) {
    for (const { chat, state, own: isOwn } of piece) {
      const before = now.get(chat) ?? known.get(chat)?.row;
      const row = { ...(before ?? { ...none, chat, changedAt }), ...state };
      if (!there.has(chat)) {
        if (room <= 0) {
          if (!isUnset(row)) leftOut.add(chat);
          continue;
        }
        room--;
        there.add(chat);
      }
      now.set(chat, row);
      if (isOwn) own.add(chat);
      else own.delete(chat);
    }
  }
  const steps: ChatStep[] = [];
  for await (const piece of inBatches([...now.values()], PLANNED_AT_ONCE)) {
    for (const row of piece) {
      const { row: before, gone } = known.get(row.chat) ?? { row: null, gone: [] };
      const goes = !there.has(row.chat);
      if (before !== null && gone.length === 0 && isSame(before, row) && !goes) continue;
      const names = goes ? [...gone, row.chat] : gone;
      steps.push({ row: { ...row, changedAt }, before, own: own.has(row.chat), gone: names });
    }
  }
  return { steps, leftOut: leftOut.size };
}

/** By the names that the chats are kept under from now on, each with those of its names that go. */
async function joined(
  rows: readonly StateRow[],
  names: ChatNames,
): Promise<Map<string, { row: StateRow; gone: string[] }>> {
  const byChat = new Map<string, StateRow[]>();
  for await (const piece of inBatches(rows, PLANNED_AT_ONCE)) {
    for (const row of piece) {
      const chat = names.keptAs(row.chat);
      const own = byChat.get(chat);
      if (own) own.push(row);
      else byChat.set(chat, [row]);
    }
  }
  const known = new Map<string, { row: StateRow; gone: string[] }>();
  for await (const piece of inBatches([...byChat], PLANNED_AT_ONCE)) {
    for (const [chat, own] of piece) {
      const row = joinStates(own);
      if (row) known.set(chat, { row: { ...row, chat }, gone: namesIn(own).filter((name) => name !== chat) });
    }
  }
  return known;
}

const namesIn = (rows: readonly { chat: string }[]): string[] => rows.map(({ chat }) => chat);

/** What is kept under these names; of all chats with null. The event loop turns in between. */
async function readStates(
  db: Deps['db'],
  accountId: string,
  chats: readonly string[] | null,
): Promise<StateRow[]> {
  const { chat } = waChatStates;
  const own = eq(waChatStates.accountId, accountId);
  const rows: StateRow[] = [];
  if (chats !== null) {
    for await (const piece of inBatches(chats, BATCH_SIZE)) {
      rows.push(
        ...(await db
          .select()
          .from(waChatStates)
          .where(and(own, inArray(chat, piece)))),
      );
    }
    return rows;
  }
  const read = (last: StateRow | null, size: number) =>
    db
      .select()
      .from(waChatStates)
      .where(and(own, last === null ? undefined : gt(chat, last.chat)))
      .orderBy(chat)
      .limit(size);
  for await (const piece of readFitting(PLANNED_AT_ONCE, read)) rows.push(...piece);
  return rows;
}

/** Of how many chats something is kept, up to as many as there is room for. */
function countStates(db: Deps['db'], accountId: string): Promise<number> {
  return countRows(db, waChatStates, eq(waChatStates.accountId, accountId), MAX_CHAT_STATES);
}

/** What of a chat is as if it was never set, unless something was told of it. */
function resetOf(fresh: LearntAppState['fresh']): Partial<Record<keyof ChatState, null>> {
  return {
    ...(fresh.includes('regular_low') ? { archived: null, pinned: null, markedUnread: null } : {}),
    ...(fresh.includes('regular_high') ? { mutedUntil: null } : {}),
  };
}

type Settings = Omit<StateRow, 'accountId' | 'chat' | 'changedAt'>;

/** Nothing of it is set. */
const isUnset = ({ archived, pinned, mutedUntil, markedUnread }: Settings): boolean =>
  !archived && !pinned && !mutedUntil && !markedUnread;

/**
 * Forgets chats of which nothing is set: so many as there has to be room for, in the order of their names. False where there are none,
 * and where another process holds the session.
 */
async function forgetUnset({ db, clock }: LearnDeps, account: AccountRef, wanted: number): Promise<boolean> {
  const { accountId, chat, archived, pinned, mutedUntil, markedUnread } = waChatStates;
  const isOff = (column: SQLWrapper) => sql`coalesce(${column}, 0) = 0`;
  // A muting may have ended.
  const now = clock.now();
  const isNotMuted = sql`coalesce(${mutedUntil}, 0) between 0 and ${now}`;
  const unset = and(
    eq(accountId, account.id),
    isOff(archived),
    isOff(pinned),
    isNotMuted,
    isOff(markedUnread),
  );
  let forgotten = 0;
  let last = '';
  await untilUsedUp(BATCH_SIZE, async () => {
    if (forgotten >= wanted) return 0;
    return transact(db, async (tx) => {
      const held = await tx.update(whatsappAccounts).set({ fence: account.fence }).where(isHeldRow(account));
      if (affected(held) === 0) return 0;
      const rows = await tx
        .select({ chat })
        .from(waChatStates)
        .where(and(unset, gt(chat, last)))
        .orderBy(chat)
        .limit(BATCH_SIZE);
      if (rows.length === 0) return 0;
      await tx.delete(waChatStates).where(and(eq(accountId, account.id), inArray(chat, namesIn(rows))));
      last = rows.at(-1)?.chat ?? last;
      forgotten += rows.length;
      return rows.length;
    });
  });
  return forgotten > 0;
}

const isSame = (one: StateRow, other: StateRow): boolean =>
  one.archived === other.archived &&
  one.pinned === other.pinned &&
  one.mutedUntil === other.mutedUntil &&
  one.markedUnread === other.markedUnread;

async function writeChats(tx: Tx, accountId: string, steps: readonly ChatStep[]): Promise<void> {
  if (steps.length === 0) return;
  const rows = steps
    .filter(({ row, gone }) => !gone.includes(row.chat))
    .map(({ row }) => ({ ...row, accountId }));
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
