/** What a phone shares of how it keeps its chats and messages (WhatsApp's app state), as an engine tells it and the gateway keeps it. */

/** The parts of it that are followed. Each has versions of its own, which only grow. */
export const APP_STATE_COLLECTIONS = ['regular_high', 'regular_low', 'regular'] as const;
export type AppStateCollection = (typeof APP_STATE_COLLECTIONS)[number];

/** Up to which version of each collection everything is kept; missing: nothing of it was ever learnt. */
export type AppStateVersions = Partial<Record<AppStateCollection, number>>;

/** How the phone keeps a chat; what is missing stays as it is. */
export interface ChatState {
  archived?: boolean;
  pinned?: boolean;
  /** epoch milliseconds; 0: not muted, -1: until somebody ends it */
  mutedUntil?: number;
  /** marked as unread by hand */
  markedUnread?: boolean;
}

/** `own`: this service has asked for it. Chats are JIDs as the phone names them. */
export type AppStateChange = { own: boolean } & (
  | { kind: 'chat'; chat: string; state: ChatState }
  | { kind: 'label'; label: string; name: string; color: number; deleted: boolean }
  | { kind: 'labeled'; label: string; chat: string; messageId: string | null; labeled: boolean }
  /** `fromMe`: the session has sent the message */
  | { kind: 'star'; chat: string; messageId: string; fromMe: boolean; starred: boolean }
);

export interface LearntAppState {
  /** in their order */
  changes: readonly AppStateChange[];
  /** with these changes everything up to here is known */
  versions: AppStateVersions;
  /** of these the changes are all that there is: what is not among them is as if it was never set */
  fresh: readonly AppStateCollection[];
}
