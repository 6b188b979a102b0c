/** What Baileys' events tell of chats, labels and stars. */
import type { BaileysEventMap } from '@whiskeysockets/baileys';
import type { AppStateChange, ChatState } from '../app-state.ts';

type Reader<E extends keyof BaileysEventMap> = (data: BaileysEventMap[E]) => AppStateChange[];

const READERS: { [E in keyof BaileysEventMap]?: Reader<E> } = {
  'chats.update': (updates) => updates.flatMap(readChat),
  'labels.edit': (label) => [readLabel(label)],
  'labels.association': (labeled) => [readLabeled(labeled)],
  'messages.update': (updates) => updates.flatMap(readStar),
};

/**
 * What an event of Baileys tells of chats, labels and stars; null for one of another kind. These nobody else listens to, and in
 * Baileys' buffer each would be joined with all others: a phone may tell of 50,000 in one turn of the event loop.
 */
export function changesIn<E extends keyof BaileysEventMap>(
  event: E,
  data: BaileysEventMap[E],
): AppStateChange[] | null {
  return READERS[event]?.(data) ?? null;
}

/** Without what Baileys concludes from messages. */
function readChat(update: BaileysEventMap['chats.update'][number]): AppStateChange[] {
  if (!('conditional' in update)) return [];
  const { id, archived, pinned, muteEndTime, unreadCount } = update;
  const state: ChatState = {};
  if (typeof archived === 'boolean') state.archived = archived;
  if (pinned !== undefined) state.pinned = pinned !== null;
  if (muteEndTime !== undefined) state.mutedUntil = mutedUntil(muteEndTime);
  if (typeof unreadCount === 'number') state.markedUnread = unreadCount < 0;
  if (!id || Object.keys(state).length === 0) return [];
  return [{ kind: 'chat', chat: id, state, own: false }];
}

function mutedUntil(end: unknown): number {
  const at = Number(end ?? 0);
  if (Number.isNaN(at) || at === 0) return 0;
  return at < 0 ? -1 : Math.min(Math.floor(at), Number.MAX_SAFE_INTEGER);
}

function readLabel(label: BaileysEventMap['labels.edit']): AppStateChange {
  const { id, name, color, deleted } = label;
  return {
    kind: 'label',
    label: id,
    name: name ?? '',
    color: Number(color ?? 0),
    deleted: deleted === true,
    own: false,
  };
}

/** Of everything else that happens to a message its own stanza tells. */
function readStar({ key, update }: BaileysEventMap['messages.update'][number]): AppStateChange[] {
  const { remoteJid: chat, id: messageId, fromMe } = key;
  const { starred } = update;
  if (typeof starred !== 'boolean' || !chat || !messageId) return [];
  return [{ kind: 'star', chat, messageId, fromMe: fromMe === true, starred, own: false }];
}

function readLabeled({ association, type }: BaileysEventMap['labels.association']): AppStateChange {
  const { labelId, chatId } = association;
  const messageId = 'messageId' in association ? association.messageId : null;
  return { kind: 'labeled', label: labelId, chat: chatId, messageId, labeled: type === 'add', own: false };
}
