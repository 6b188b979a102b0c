/** Requests about chats, presence and calls, over one socket. They reject with AppError where WhatsApp refuses. */
import { type ChatModification, proto, type WAPatchCreate, type WAPresence } from '@whiskeysockets/baileys';
import { AppError } from '../../../utils/errors.ts';
import type { AppStateCollection, ChatState } from '../../app-state.ts';
import { isGroupJid } from '../../jid.ts';
import type { ChatChange, EngineRequests, LastMessage, TypingState } from '../../requests.ts';
import type { OwnChange, OwnWork } from '../app-state.ts';
import type { Link } from '../link-types.ts';
import { watch } from '../presence.ts';
import type { RequestContext } from './groups.ts';
import { explainPersonRefusal } from './refusal.ts';

type Handlers = {
  [N in Extract<
    keyof EngineRequests,
    `chat.${string}` | `label.${string}` | `presence.${string}` | `call.${string}`
  >]: (of: RequestContext, input: EngineRequests[N]['input']) => Promise<EngineRequests[N]['output']>;
};

const { SET } = proto.SyncdMutation.SyncdOperation;

const LABELS = { type: 'regular', apiVersion: 3, operation: SET } as const;

const TYPING: Record<TypingState, WAPresence> = {
  typing: 'composing',
  recording: 'recording',
  paused: 'paused',
};

export const CHAT_REQUESTS: Handlers = {
  async 'chat.set'(of, { jid, change, last }) {
    const { link } = of;
    requireKey(link);
    const name = await lidFirst(link, jid);
    await changed(of, async () => {
      await link.sock.chatModify(toModification(name, change, last), name);
      return [{ kind: 'chat', chat: jid, state: toState(change) }];
    });
    return null;
  },
  async 'chat.star'(of, { jid, messageId, fromMe, participant, starred }) {
    const { link } = of;
    requireKey(link);
    const patch: WAPatchCreate = {
      syncAction: { starAction: { starred } },
      index: ['star', ...(await indexOf(link, jid, { messageId, fromMe, participant }))],
      type: 'regular_low',
      apiVersion: 2,
      operation: SET,
    };
    await changed(of, async () => {
      await link.sock.appPatch(patch);
      return [{ kind: 'star', chat: jid, messageId, fromMe, starred }];
    });
    return null;
  },
  async 'label.create'(of, { name, color }) {
    const { link } = of;
    requireKey(link);
    let label = '';
    const work: OwnWork = async (told) => {
      // All that the phone has told, and those that were made before, are kept by now.
      const choose = await link.nextLabel();
      return editLabel(link, { name, color, deleted: false }, () => {
        // Baileys has read what is newer by then: a label that the phone has made meanwhile is told, and not kept yet.
        label = choose(new Set(told().flatMap((change) => (change.kind === 'label' ? [change.label] : []))));
        return label;
      });
    };
    await changed(of, work, 'regular');
    return { label };
  },
  async 'label.edit'(of, input) {
    requireKey(of.link);
    const { label, ...edit } = input;
    await changed(of, () => editLabel(of.link, edit, () => label));
    return null;
  },
  async 'label.assign'(of, { label, jid, message, labeled }) {
    const { link } = of;
    requireKey(link);
    const about = message === null ? [await lidFirst(link, jid)] : await indexOf(link, jid, message);
    const patch: WAPatchCreate = {
      syncAction: { labelAssociationAction: { labeled }, timestamp: link.clock.now() },
      index: [message === null ? 'label_jid' : 'label_message', label, ...about],
      ...LABELS,
    };
    await changed(of, async () => {
      await link.sock.appPatch(patch);
      return [{ kind: 'labeled', label, chat: jid, messageId: message?.messageId ?? null, labeled }];
    });
    return null;
  },
  async 'presence.set'({ link }, { online }) {
    // Baileys shows nothing then, and does not tell.
    if (!link.sock.authState.creds.me?.name) {
      throw new AppError('UNAVAILABLE', 'The phone has not told the name of this account yet.', {
        details: { reason: 'no_name', sent: false },
      });
    }
    await link.sock.sendPresenceUpdate(online ? 'available' : 'unavailable');
    return null;
  },
  async 'presence.typing'({ link }, { jid, state }) {
    await link.sock.sendPresenceUpdate(TYPING[state], await lidFirst(link, jid));
    return null;
  },
  async 'presence.subscribe'({ link }, { jid }) {
    const name = await lidFirst(link, jid);
    watch(link, [jid, name]);
    await link.sock.presenceSubscribe(name);
    return null;
  },
  async 'call.reject'({ link }, { callId }) {
    const { calls } = link.attention;
    const callers = calls.ringing(callId);
    if (callers.length === 0) throw new AppError('NOT_FOUND', 'There is no such call, or it is over.');
    for (const from of callers) {
      await asked(() => link.sock.rejectCall(callId, from));
      calls.end(callId, from);
    }
    return null;
  },
};

/** Changes how the phone keeps something, and keeps that as well; `knowing`: what the work has to know all of. */
function changed({ link, gone }: RequestContext, work: OwnWork, knowing?: AppStateCollection): Promise<void> {
  return asked(() => link.appState.own(work, { gone, ...(knowing === undefined ? {} : { knowing }) }));
}

/** `idOf`: asked for when the change is written, after Baileys has read what is newer. */
async function editLabel(
  link: Link,
  labelEditAction: Omit<EngineRequests['label.edit']['input'], 'label'>,
  idOf: () => string,
): Promise<OwnChange[]> {
  let label = '';
  await link.sock.appPatch({
    syncAction: { labelEditAction, timestamp: link.clock.now() },
    get index() {
      label = idOf();
      return ['label_edit', label];
    },
    ...LABELS,
  });
  return [{ kind: 'label', label, ...labelEditAction }];
}

/** A message in the index of an action: Baileys' own names nobody, and phones do not find a message of a group then. */
async function indexOf(
  link: Link,
  jid: string,
  { messageId, fromMe, participant }: { messageId: string; fromMe: boolean; participant: string | null },
): Promise<string[]> {
  const author = isGroupJid(jid) && participant !== null ? participant : '0';
  return [await lidFirst(link, jid), messageId, fromMe ? '1' : '0', author];
}

function requireKey({ sock }: Link): void {
  if (sock.authState.creds.myAppStateKeyId) return;
  throw new AppError('UNAVAILABLE', 'The phone has not shared the key of its chats yet.');
}

/** People are named by LID where that is known: WhatsApp tells of them under it, and phones keep their chats so. */
export async function lidFirst({ sock }: Link, jid: string): Promise<string> {
  if (isGroupJid(jid)) return jid;
  return (await sock.signalRepository.lidMapping.getLIDForPN(jid).catch(() => null)) ?? jid;
}

function toState(change: ChatChange): ChatState {
  return 'read' in change ? { markedUnread: !change.read } : change;
}

function toModification(jid: string, change: ChatChange, last: LastMessage | null): ChatModification {
  const lastMessages = last === null ? [] : [toLastMessage(jid, last)];
  if ('archived' in change) return { archive: change.archived, lastMessages };
  if ('pinned' in change) return { pin: change.pinned };
  if ('read' in change) return { markRead: change.read, lastMessages };
  return { mute: change.mutedUntil === 0 ? null : change.mutedUntil };
}

function toLastMessage(jid: string, { messageId, fromMe, participant, at }: LastMessage) {
  const key = { remoteJid: jid, id: messageId, fromMe, ...(participant === null ? {} : { participant }) };
  return { key, messageTimestamp: Math.floor(at / 1000) };
}

async function asked(ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    throw explainPersonRefusal(error) ?? error;
  }
}
