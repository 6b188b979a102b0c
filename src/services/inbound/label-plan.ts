/** Which of what a phone tells of its labels is new, and for how much of it there is room. */
import { inBatches } from '../../db/batches.ts';
import { cleanName } from '../../utils/text.ts';
import type { AppStateChange } from '../../whatsapp/app-state.ts';
import type { Deps } from '../context.ts';
import { type ChatNames, readChatNames } from './chat-names.ts';
import {
  countUses,
  findUses,
  type Label,
  type LabelStep,
  MAX_LABEL_USES,
  MAX_LABELS,
  numberOf,
  readLabelRows,
  readUses,
  type Use,
} from './label-state.ts';

/** The columns of waLabels and waLabelUses. */
const MAX_LABEL = 32;
const MAX_NAME = 190;
const MAX_MESSAGE_ID = 64;
/** Colours that WhatsApp has are fewer. */
const MAX_COLOR = 1_000;
/** Changes that are compared in one turn of the event loop. */
export const PLANNED_AT_ONCE = 1_000;

interface Reading {
  /** what is not among the changes is gone */
  fresh: boolean;
  /** labels were learnt before */
  known: boolean;
  /** of the chats that are told of */
  names: ChatNames;
}

type Told = Extract<AppStateChange, { kind: 'label' | 'labeled' }>;

/** What differs from what is kept, and how much of what was told there is no room for. */
export async function planLabels(
  deps: Pick<Deps, 'db' | 'clock'>,
  accountId: string,
  changes: readonly AppStateChange[],
  { fresh, known, names }: Reading,
): Promise<{ steps: LabelStep[]; leftOut: number }> {
  const told = changes.filter((change) => change.kind === 'label' || change.kind === 'labeled');
  if (told.length === 0 && !fresh) return { steps: [], leftOut: 0 };
  const labels = await readLabelRows(deps.db, accountId);
  const rows = fresh
    ? await readUses(deps.db, accountId)
    : await findUses(deps.db, accountId, await usesIn(told, names));
  const inUse = fresh ? new Set(rows.map(({ chat }) => chat)) : null;
  const { uses, moves } = await joinUses(
    rows,
    inUse === null ? names : await readChatNames(deps.db, accountId, inUse),
  );
  const kept = new Map(labels.map((label) => [label.label, label]));
  const room = fresh ? MAX_LABEL_USES : MAX_LABEL_USES - (await countUses(deps.db, accountId));
  const now = deps.clock.now();
  const nextLabels = await applyLabels(kept, told, { fresh, now });
  const labelOf = (label: string) => nextLabels.labels.get(label)?.label ?? kept.get(label);
  const isThere = (label: string) => labelOf(label)?.deleted === false;
  const nextUses = await applyUses(uses, told, { isThere, fresh, room, now });
  const isTold = ({ own }: { own: boolean }) => known || own;
  // One that was made and deleted before anybody knew of it is no news.
  const isNews = ({ label }: { label: Label }) => !label.deleted || kept.get(label.label)?.deleted === false;
  const steps: LabelStep[] = [
    ...moves,
    ...[...nextLabels.labels.values()]
      .filter(({ label }) => isOther(kept.get(label.label), label))
      .map((step) => ({ ...step, fact: isTold(step) && isNews(step) ? factOfLabel(step.label) : null })),
  ];
  for await (const piece of inBatches([...nextUses.uses], PLANNED_AT_ONCE)) {
    for (const [key, step] of piece) {
      const label = labelOf(step.use.label);
      // What a label was on that is deleted goes with it.
      if (uses.has(key) !== step.gone || label?.deleted) continue;
      const isNew = isTold(step) && label !== undefined;
      steps.push({ ...step, fact: isNew ? factOfUse(step, label.name) : null });
    }
  }
  return { steps, leftOut: nextLabels.leftOut + nextUses.leftOut };
}

/** The uses that are told of, each under all names of its chat. */
async function usesIn(told: readonly Told[], names: ChatNames): Promise<UseKey[]> {
  const uses = new Map<string, UseKey>();
  for await (const piece of inBatches(told, PLANNED_AT_ONCE)) {
    for (const change of piece) {
      const named = useOf(change);
      if (named === null) continue;
      for (const chat of names.all(named.chat)) uses.set(keyOf({ ...named, chat }), { ...named, chat });
    }
  }
  return [...uses.values()];
}

/** The use that a change is about; null for none, and for one that fits nowhere. */
function useOf(change: Told): UseKey | null {
  if (change.kind !== 'labeled') return null;
  const { label, chat, messageId } = change;
  if (label.length > MAX_LABEL || (messageId?.length ?? 0) > MAX_MESSAGE_ID) return null;
  return { label, chat, messageId: messageId ?? '' };
}

/** By the names that their chats are kept under from now on, and how they come there. */
async function joinUses(
  rows: readonly Use[],
  names: ChatNames,
): Promise<{ uses: Map<string, Use>; moves: LabelStep[] }> {
  const uses = new Map<string, Use>();
  const old: Use[] = [];
  const wanted = new Map<string, Use>();
  for await (const piece of inBatches(rows, PLANNED_AT_ONCE)) {
    for (const row of piece) {
      const use = { ...row, chat: names.keptAs(row.chat) };
      uses.set(keyOf(use), use);
      if (use.chat === row.chat) continue;
      old.push(row);
      wanted.set(keyOf(use), use);
    }
  }
  const move = (gone: boolean) => (use: Use) => ({ use, gone, own: false, fact: null });
  // First to where they belong: whatever ends in between is done again.
  return { uses, moves: [...[...wanted.values()].map(move(false)), ...old.map(move(true))] };
}

/**
 * What becomes of the labels that are named; of all with `fresh`, where those that nothing is told of are gone. Of those that
 * there is no room for, and of deleted ones that nobody knew, the one with the highest number is kept as a deleted one: ids go
 * on from there.
 */
async function applyLabels(
  kept: ReadonlyMap<string, Label>,
  told: readonly Told[],
  { fresh, now }: { fresh: boolean; now: number },
): Promise<{ labels: Map<string, { label: Label; own: boolean }>; leftOut: number }> {
  const labels = new Map<string, { label: Label; own: boolean }>();
  if (fresh) {
    for (const label of kept.values()) {
      labels.set(label.label, { label: { ...label, deleted: true }, own: false });
    }
  }
  // What goes takes no room.
  const there = new Set(
    fresh ? [] : [...kept.values()].flatMap(({ label, deleted }) => (deleted ? [] : [label])),
  );
  let highest = Math.max(0, ...[...kept.keys()].map(numberOf));
  let last: { label: Label; own: boolean } | null = null;
  let leftOut = 0;
  for await (const piece of inBatches(told, PLANNED_AT_ONCE)) {
    for (const change of piece) {
      const { label: id, own } = change;
      if (change.kind !== 'label' || id.length === 0 || id.length > MAX_LABEL) continue;
      const next = { label: toLabel(change, now), own };
      const isKnown = kept.has(id) || labels.has(id);
      const fits = change.deleted ? isKnown : there.has(id) || there.size < MAX_LABELS;
      if (fits) {
        labels.set(id, next);
        if (change.deleted) there.delete(id);
        else there.add(id);
        continue;
      }
      if (!change.deleted) leftOut++;
      if (numberOf(id) <= highest) continue;
      highest = numberOf(id);
      last = { label: { ...next.label, deleted: true }, own };
    }
  }
  if (last !== null && !labels.has(last.label.label)) labels.set(last.label.label, last);
  return { labels, leftOut };
}

interface UseBounds {
  /** whether there is such a label */
  isThere(label: string): boolean;
  /** what is kept is gone unless something is told of it, and takes no room until then */
  fresh: boolean;
  /** for so many more */
  room: number;
  now: number;
}

/** What becomes of the uses that are named, and with `fresh` of all that are kept. */
async function applyUses(
  kept: ReadonlyMap<string, Use>,
  told: readonly Told[],
  { isThere, fresh, room, now }: UseBounds,
): Promise<{ uses: Map<string, { use: Use; gone: boolean; own: boolean }>; leftOut: number }> {
  const uses = new Map<string, { use: Use; gone: boolean; own: boolean }>();
  if (fresh) for (const [key, use] of kept) uses.set(key, { use, gone: true, own: false });
  let left = room;
  let leftOut = 0;
  for await (const piece of inBatches(told, PLANNED_AT_ONCE)) {
    for (const change of piece) {
      const named = useOf(change);
      if (change.kind !== 'labeled' || named === null || !isThere(named.label)) continue;
      const { labeled, own } = change;
      const key = keyOf(named);
      const last = uses.get(key);
      const wasThere = last === undefined ? kept.has(key) : !last.gone;
      if (labeled && !wasThere && left <= 0) {
        leftOut++;
        continue;
      }
      left += Number(wasThere) - Number(labeled);
      uses.set(key, { use: { ...named, changedAt: now }, gone: !labeled, own });
    }
  }
  return { uses, leftOut };
}

function toLabel(
  { label, name, color, deleted }: Extract<AppStateChange, { kind: 'label' }>,
  changedAt: number,
): Label {
  const fitting = Math.min(Math.max(Math.trunc(color) || 0, 0), MAX_COLOR);
  return { label, name: cleanName(name, MAX_NAME) ?? '', color: fitting, deleted, changedAt };
}

type UseKey = Pick<Use, 'label' | 'chat' | 'messageId'>;

const keyOf = ({ label, chat, messageId }: UseKey) => `${label} ${chat} ${messageId}`;

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

function factOfUse({ use: { label, chat, messageId }, gone }: { use: Use; gone: boolean }, name: string) {
  return (source: 'api' | 'phone') => ({
    event: 'label.assigned' as const,
    subject: label,
    data: { label, name, chat, messageId: messageId === '' ? null : messageId, assigned: !gone, source },
  });
}
