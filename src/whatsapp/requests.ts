/** What an engine is asked for on somebody's behalf, apart from sending: the name of each request, its input and its answer. */
import type { GroupChanges, GroupDetails, JoinRequest, MemberChange, MemberOutcome } from './group-types.ts';

/** Inputs and answers travel between processes as JSON. People are named by canonical JIDs, groups by `…@g.us`. */
export interface EngineRequests {
  'group.info': { input: { group: string }; output: GroupDetails };
  /** those who could not be added are among the outcomes; `key`: the same for the same request, as WhatsApp's clients tell it */
  'group.create': {
    input: { subject: string; members: string[]; key?: string | undefined };
    output: { group: GroupDetails; outcomes: MemberOutcome[] };
  };
  'group.members': {
    input: { group: string; change: MemberChange; members: string[] };
    output: MemberOutcome[];
  };
  /** one after another; the answer is the group as it is then */
  'group.change': { input: { group: string; changes: GroupChanges }; output: GroupDetails };
  /** a JPEG of the session's tenant (MediaFile.id); null takes the picture away */
  'group.picture': { input: { group: string; mediaId: string | null }; output: null };
  'group.invite': { input: { group: string; revoke: boolean }; output: { code: string } };
  /** null: an admin has to let the session in first */
  'group.join': { input: { code: string }; output: { group: string | null } };
  'group.leave': { input: { group: string }; output: null };
  'group.requests': { input: { group: string }; output: JoinRequest[] };
  'group.decide': {
    input: { group: string; approve: boolean; members: string[] };
    output: MemberOutcome[];
  };
  /** the profile picture of a person or a group, a JPEG in base64; null: none, or not for the session */
  'person.picture': { input: { jid: string }; output: { jpeg: string | null } };
  /** the about text; null: none, or not for the session */
  'person.about': { input: { jid: string }; output: { about: string | null; setAt: number | null } };
  /** null: no business */
  'person.business': { input: { jid: string }; output: BusinessProfile | null };
  /** `truncated`: WhatsApp told of more than are read. The list alone comes from a process of the release before. */
  'block.list': {
    input: Record<string, never>;
    output: { people: BlockedPerson[]; truncated: boolean } | BlockedPerson[];
  };
  'block.set': { input: { jid: string; block: boolean }; output: null };
  /** as the phone keeps it; for all of its devices */
  'chat.set': { input: { jid: string; change: ChatChange; last: LastMessage | null }; output: null };
  /** for the account alone, on all of its devices; `participant`: who wrote it inside a group */
  'chat.star': {
    input: { jid: string; messageId: string; fromMe: boolean; participant: string | null; starred: boolean };
    output: null;
  };
  /** makes a label of WhatsApp Business; `color` is the number of one of its colours, from 0 */
  'label.create': { input: { name: string; color: number }; output: { label: string } };
  /** changes the label of that id; for the account alone, on all of its devices */
  'label.edit': { input: { label: string; name: string; color: number; deleted: boolean }; output: null };
  /** puts a label on a chat or on a message in it, or takes it away */
  'label.assign': {
    input: {
      label: string;
      jid: string;
      message: { messageId: string; fromMe: boolean; participant: string | null } | null;
      labeled: boolean;
    };
    output: null;
  };
  /**
   * The phone puts the file of a message there again; `place` null: it does not have it. `mediaKey` in base64 is a secret: only the
   * owner of a session asks this, of itself.
   */
  'media.again': {
    input: { messageId: string; chat: string; fromMe: boolean; participant: string | null; mediaKey: string };
    output: { place: { directPath: string; url: string | null } | null };
  };
  /** shown to everybody who may see it */
  'presence.set': { input: { online: boolean }; output: null };
  'presence.typing': { input: { jid: string; state: TypingState }; output: null };
  /** its changes come as events, as long as the connection lives */
  'presence.subscribe': { input: { jid: string }; output: null };
  /** channels that the account has made or follows; otherwise as `block.list` */
  'channel.list': {
    input: Record<string, never>;
    output: { channels: Channel[]; truncated: boolean } | Channel[];
  };
  /** `…@newsletter`; null: WhatsApp knows no such channel */
  'channel.info': { input: { channel: string }; output: Channel | null };
  /** a call that this connection was told of */
  'call.reject': { input: { callId: string }; output: null };
}

/** What an account is in a channel. */
export const CHANNEL_ROLES = ['owner', 'admin', 'subscriber', 'guest'] as const;
export type ChannelRole = (typeof CHANNEL_ROLES)[number];

export interface Channel {
  /** `…@newsletter` */
  id: string;
  name: string;
  description: string | null;
  /** of the account that asked; null: WhatsApp did not tell */
  role: ChannelRole | null;
  /** null: not told */
  followers: number | null;
  /** WhatsApp has verified whose it is */
  verified: boolean;
  /** end of its link, behind `https://whatsapp.com/channel/`; null: not told */
  invite: string | null;
}

export interface BusinessProfile {
  description: string | null;
  category: string | null;
  email: string | null;
  websites: string[];
  address: string | null;
}

/** `phone` and `lid` are digits, null while they are not known. */
export interface BlockedPerson {
  jid: string;
  phone: string | null;
  lid: string | null;
}

/** `mutedUntil`: epoch milliseconds, 0 ends it. */
export type ChatChange =
  | { archived: boolean }
  | { pinned: boolean }
  | { mutedUntil: number }
  | { read: boolean };

/** The newest message of a chat: archiving and marking read hold until then. `at` in epoch milliseconds. */
export interface LastMessage {
  messageId: string;
  fromMe: boolean;
  participant: string | null;
  at: number;
}

export const TYPING_STATES = ['typing', 'recording', 'paused'] as const;
export type TypingState = (typeof TYPING_STATES)[number];

export type RequestName = keyof EngineRequests;

/** One request with the input that is its own. */
export type EngineRequest = {
  [N in RequestName]: { name: N; input: EngineRequests[N]['input'] };
}[RequestName];
