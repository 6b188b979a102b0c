/**
 * The port between the gateway and whatever speaks WhatsApp. An adapter holds sockets and nothing else:
 * it never decides to reconnect, never retries a send and never writes history. Once in a send it may put the message on the
 * wire again: when the server says that the recipient's devices were wrong, and these were asked for again.
 */
import type { Readable } from 'node:stream';
import type { BrowserRow, LeftOut } from '../db/schema.ts';
import type { SharedCommit } from '../db/shared-commit.ts';
import type { ProxyAddress } from '../utils/proxy/address.ts';
import type { AppStateVersions, LearntAppState } from './app-state.ts';
import type { ContentType, MediaDetails, Outgoing } from './content.ts';
import type { GroupNotice, GroupPerson } from './group-types.ts';
import type { InboundContent, MediaSource } from './inbound-content.ts';
import type { EngineRequests, RequestName } from './requests.ts';

export type { LeftOut };

/** Which session, and under which ownership its writes are made. */
export interface AccountRef {
  /** whatsapp_accounts.id */
  id: string;
  userId: number;
  sessionId: string;
  /** this process and its fence: every credential and key write carries them */
  owner: string;
  fence: number;
}

/** The recipient of a message. `jid` is canonical: `628…@s.whatsapp.net`, `…@lid`, `…@g.us`, `…@newsletter` or the status. */
export interface Recipient {
  jid: string;
  phone: string | null;
  lid: string | null;
}

/**
 * Why the passkey step of linking ended: no signature came in time; the server did not accept the signature; the phone went
 * silent after it; the codes differed; the phone sent something that could not be read.
 */
export type PasskeyFailure =
  | 'passkey_expired'
  | 'passkey_refused'
  | 'passkey_phone_away'
  | 'passkey_code_differed'
  | 'passkey_malformed';

/** The options that `navigator.credentials.get({publicKey})` takes, as JSON: binary fields are base64url without padding. */
export interface PasskeyOptions {
  challenge: string;
  rpId?: string;
  timeout?: number;
  userVerification?: string;
  allowCredentials?: { id: string; type: string; transports?: string[] }[];
  extensions?: Record<string, unknown>;
}

/** An assertion, as `PublicKeyCredential.toJSON()` gives it: binary fields are base64url without padding. */
export interface PasskeyAssertion {
  id: string;
  rawId: string;
  type: string;
  response: {
    clientDataJSON: string;
    authenticatorData: string;
    signature: string;
    userHandle?: string | null;
  };
}

/** How far the passkey step is. `failed` in `asked`: why the try before this one did not work. */
export type PasskeyStage =
  | { stage: 'asked'; options: PasskeyOptions; expiresAt: number; failed: PasskeyFailure | null }
  /** the signature is with WhatsApp, and the phone is awaited */
  | { stage: 'answered'; expiresAt: number }
  /** a person compares the code with the one on the phone */
  | { stage: 'confirm'; code: string; expiresAt: number };

/**
 * Why a proxy did not lead to WhatsApp: it cannot be reached; it does not take user and password; it refused; its address
 * is not one that may be used.
 */
export type ProxyCloseReason =
  | 'proxy_unreachable'
  | 'proxy_unauthorized'
  | 'proxy_refused'
  | 'proxy_not_allowed';

/** How a session goes out, and as what the phone lists it. */
export interface ConnectionSettings {
  /** null: directly */
  proxy: ProxyAddress | null;
  /** null: as the service's own */
  browser: BrowserRow | null;
}

/** Why a socket came to its end. Only the last four end a session; after the others it reconnects. */
export type CloseReason =
  | 'closed_by_us'
  | 'restart_required'
  | 'connection_lost'
  | 'timed_out'
  | 'unavailable'
  | 'stalled'
  | 'pairing_expired'
  | PasskeyFailure
  | ProxyCloseReason
  | 'client_outdated'
  | 'ownership_lost'
  | 'untrusted_server'
  | 'credentials_unreadable'
  | 'logged_out'
  | 'replaced'
  | 'forbidden'
  | 'bad_session';

export interface PairedIdentity {
  /** E.164 digits */
  phone: string;
  lid: string | null;
  name: string | null;
  platform: string | null;
}

/** A person that the session's phone knows. */
export interface Person {
  /** canonical: a phone's JID or a LID */
  jid: string;
  /** as the phone of the session has saved it */
  name: string | null;
  /** as they call themselves; missing when nothing was told of it */
  pushName?: string | null;
  /** there is a chat with them */
  hasChat: boolean;
}

export type ReceiptStatus = 'sent' | 'delivered' | 'read';

/** The account may not start new chats until `until`, epoch milliseconds; `kind` is WhatsApp's name for it. */
export interface TimeLock {
  until: number;
  kind: string;
}

/** How many new chats WhatsApp lets the account start in a cycle. */
export interface NewChatCap {
  /** null: it named no number */
  total: number | null;
  used: number;
  /** `NONE`, `FIRST_WARNING`, `SECOND_WARNING`, `CAPPED` */
  status: string;
  /** end of the cycle, epoch milliseconds; null: not told */
  until: number | null;
}

/** How the account stands with WhatsApp: null means that there is no such thing, what is missing was not told. */
export interface Standing {
  timeLock?: TimeLock | null;
  newChatCap?: NewChatCap | null;
}

/** Events of an adapter. One `closed` per `open`, always the last event of that socket. */
export type EngineEvent =
  | { type: 'qr'; qr: string; expiresAt: number }
  | { type: 'pairing_code'; code: string; expiresAt: number }
  /** the account wants a passkey before this device is linked; told again at each stage */
  | ({ type: 'passkey' } & PasskeyStage)
  /** credentials of a phone that has just scanned are stored; a `closed` with `restart_required` follows */
  | ({ type: 'paired' } & PairedIdentity)
  | ({ type: 'connected' } & PairedIdentity)
  | { type: 'closed'; reason: CloseReason; code: number | null; message: string | null }
  /** proof about an outbound message; may come before the acknowledgement and for another owner's message */
  | ({ type: 'receipt' } & ReceiptNews)
  /** an error acknowledgement that came after `send` had given up waiting */
  | { type: 'refused'; messageId: string; code: string; at: number }
  /** people that the phone knows; their LIDs are kept by then */
  | { type: 'people'; people: Person[] }
  /** somebody whose presence was asked for comes, goes or writes; `lastSeenAt` where they let it be seen */
  | {
      type: 'presence';
      person: GroupPerson;
      state: 'online' | 'offline' | 'typing' | 'recording';
      lastSeenAt: number | null;
      at: number;
    }
  /** somebody calls: `storeCall` has kept it, or takes longer than anybody would let it ring */
  | ({ type: 'call' } & CallNews)
  /** told by the server by itself, when the session is connected, and after a refusal that is about the account */
  | ({ type: 'standing' } & Standing)
  /** the directory knows the dialled number `alias` as the account `phone` (E.164 digits) */
  | { type: 'alias'; alias: string; phone: string; lid: string | null };

/** What is proven of an outbound message. `at`: epoch milliseconds. */
export interface ReceiptNews {
  messageId: string;
  chat: string;
  status: ReceiptStatus;
  at: number;
}

/** Somebody calls. `missed`: it rang while the session was away. */
export interface CallNews {
  callId: string;
  by: GroupPerson;
  video: boolean;
  group: boolean;
  missed: boolean;
  /** epoch milliseconds */
  at: number;
}

/** The outcome of one attempt. `unknown` is resolved by sending the same id again, never a new one. */
export type SendResult =
  /** `leftOut`: devices that it was not encrypted for */
  | { outcome: 'acknowledged'; at: number; leftOut?: LeftOut[] }
  | { outcome: 'refused'; code: string; message: string }
  /**
   * nothing was put on the wire, and another attempt may work: query timed out, … `code` is what the message fails
   * with in the end. `begun`: the connection was there, and ended while it was being prepared.
   */
  | { outcome: 'not_sent'; reason: string; code?: string; begun?: boolean }
  /** nothing was put on the wire, and it was not tried: something that it needs is not available on our side now */
  | { outcome: 'postponed'; reason: string }
  /** nothing was put on the wire, and no attempt ever will be: not on WhatsApp, unsupported content, … */
  | { outcome: 'impossible'; code: string; message: string }
  /** `mayRelay` or `mayLeave` said no at the last moment */
  | { outcome: 'withheld' }
  | { outcome: 'unknown'; reason: string };

export interface SendOptions {
  /** the id on the wire, the same on every attempt */
  messageId: string;
  /** bound on the network preparation (devices, Signal sessions, upload), milliseconds */
  prepareTimeoutMs: number;
  /** bound on the wait for the server's acknowledgement, milliseconds */
  ackTimeoutMs: number;
  /** it goes before what is not urgent on the same session */
  urgent?: boolean;
  /** how long "typing…" shows before it leaves, milliseconds; 0 or missing: not at all */
  typingMs?: number;
  /** asked once more when everything is prepared and before the stanza leaves: expiry, pause, ownership */
  mayRelay: () => Promise<boolean>;
  /** asked last of all, when it is sealed and its keys are durable; false: `withheld`. Missing: it may */
  mayLeave?: () => Promise<boolean>;
  /** the transaction that queues it, where that may still take along the keys that it is sealed with */
  commit?: SharedCommit;
}

/** An inbound message that the phone's owner has seen. */
export interface ReadMessage {
  messageId: string;
  /** canonical JID of the chat */
  chat: string;
  /** who wrote it inside a group */
  participant: string | null;
}

/** A group that the session is in. */
export interface GroupSummary {
  /** `…@g.us` */
  id: string;
  subject: string;
  /** members; null where WhatsApp does not tell it in the list */
  size: number | null;
}

export interface NumberCheck {
  phone: string;
  exists: boolean;
  jid: string | null;
  lid: string | null;
}

/** An inbound message as the adapter read it, before the server hears that we have it. */
export interface InboundMessage {
  messageId: string;
  /** canonical JID of the chat */
  chat: string;
  /** who wrote it inside a group */
  participant: string | null;
  /**
   * The same as WhatsApp named them: the sender chooses a message's id, and what we know of numbers may have grown when
   * it is delivered again. Null where a chat has one other side.
   */
  author: string | null;
  phone: string | null;
  lid: string | null;
  pushName: string | null;
  content: InboundContent;
  /** where its file is, while `content.media` is pending; a secret */
  media: MediaSource | null;
  at: number;
  /**
   * The owner has sent it, from the phone or another device of it: `phone` and `lid` are of whom it was sent to, and nobody
   * is named as its author.
   */
  own?: true;
}

/** A message of which only a placeholder has come: only the phone has it. */
export interface AbsentMessage {
  messageId: string;
  /** canonical JID of the chat */
  chat: string;
  /** who wrote it inside a group, as WhatsApp named them */
  author: string | null;
  /** both names of the other side of a chat, as far as they are known */
  phone: string | null;
  lid: string | null;
}

/** How a chat is set, as its messages tell. */
export interface ChatSetting {
  /** seconds after which messages disappear; 0: they stay */
  expiration: number;
  /** when that was chosen, epoch milliseconds; null when unknown */
  setAt: number | null;
}

/** Where people post for others: their status (stories), or channels that the account follows. */
export type PostPlace = 'status' | 'channels';

/** The calls of an adapter to the gateway, which builds them: adapters import no service. */
export interface EngineCallbacks {
  onEvent(account: AccountRef, event: EngineEvent): void;
  /** How the session is to connect, read again for each socket. Rejects when that cannot be read: then none is opened. */
  connectionOf(accountId: string): Promise<ConnectionSettings>;
  /**
   * The content of an outbound message, for the resend a recipient's phone may ask for; null if not known, or when it must
   * not be sent again.
   */
  findOutbound(accountId: string, messageId: string): Promise<Outgoing | null>;
  /** The same for what answers it (a vote), also when it must not be sent again. Missing: `findOutbound`. */
  findAnswered?(accountId: string, messageId: string): Promise<Outgoing | null>;
  /** Whether a message that was sent must not be sent again, although an adapter still has it. Missing: none. */
  isWithdrawn?(accountId: string, messageId: string): Promise<boolean>;
  /**
   * Stores inbound messages, and those that the owner has sent from another device, once each (by session, chat, author and
   * id), in the order given. Resolves when they are durable;
   * only then are they acknowledged. When it rejects, some may be stored: the same call is made again. A session makes one
   * call at a time.
   */
  storeInbound(account: AccountRef, messages: readonly InboundMessage[]): Promise<void>;
  /**
   * Stores what WhatsApp tells of a group, once by session, group and id. Resolves when it is durable; only then is it
   * confirmed. When it rejects it may be stored: the same call is made again. A session makes one call at a time.
   * Missing: nothing of it is kept.
   */
  storeGroupNotice?(account: AccountRef, notice: GroupNotice): Promise<void>;
  /**
   * Stores what a receipt proves, in the order of the calls for one message. Resolves when it is durable; only then is the receipt
   * confirmed. Rejects for one that cannot be stored at all. Missing: `onEvent` is told of it.
   */
  storeReceipt?(account: AccountRef, receipt: ReceiptNews): Promise<void>;
  /** The same as for a group, for a call that begins to ring, once by session, caller and id of the call. */
  storeCall?(account: AccountRef, call: CallNews): Promise<void>;
  /**
   * Messages that are still placeholders, for a new socket to ask the phone for them: who asked before may have ended
   * before it did. Missing: none. Rejects when the database cannot be used.
   */
  findAbsent?(accountId: string): Promise<AbsentMessage[]>;
  /** Whether the session wants the posts of others there: what it does not want is confirmed unread. Missing: no. */
  wantsPosts?(accountId: string, place: PostPlace): boolean;
  /**
   * How the chats of a session are set, of all that anything is known of; null where these are more than `max`. Missing: each is asked
   * for.
   */
  listChats?(
    accountId: string,
    max: number,
  ): Promise<readonly (readonly [chat: string, setting: ChatSetting])[] | null>;
  /** How a chat (canonical JID) is set; null when nothing is known of it. */
  findChat(accountId: string, chat: string): Promise<ChatSetting | null>;
  /** Remembers how a chat is set. Rejects as `storeInbound` does. */
  saveChat(account: AccountRef, chat: string, setting: ChatSetting): Promise<void>;
  /**
   * How far is kept what the session's phone has told of its chats and labels; null when its link did not begin here and nothing
   * was learnt since. Missing: it is not followed. Rejects when the database cannot be used.
   */
  appStateVersions?(accountId: string): Promise<AppStateVersions | null>;
  /**
   * Keeps what the phone has told, with the versions that it leads to, in one transaction; under the ownership: of
   * another owner's session nothing is written. A session makes one call at a time, the same again when it rejects.
   */
  learnAppState?(account: AccountRef, learnt: LearntAppState): Promise<void>;
  /** An id that no label of the session has, for a new one; it comes after that one, which was given out before. */
  nextLabel?(accountId: string, after: string | null): Promise<string>;
  /**
   * The bytes of a file of this session's tenant (MediaFile.id); null when it is gone. Destroy it if it is not read.
   * Throws UNAVAILABLE, and so does the stream.
   */
  openMedia(account: AccountRef, mediaId: string): Promise<Readable | null>;
  /** Details that a message tells of that file in addition to its type. Missing: nothing is known. */
  describeMedia?(account: AccountRef, mediaId: string): Promise<MediaDetails>;
}

export type PairingRequest = { mode: 'qr' } | { mode: 'code'; phone: string };

export interface EngineCapabilities {
  contentTypes: readonly ContentType[];
  pairingCode: boolean;
  passkey: boolean;
  groups: boolean;
  /** it makes groups, changes them and their members, and tells of changes */
  groupChanges: boolean;
  /** pictures, about texts and business profiles of people; blocking them */
  people: boolean;
  /** archive, pin, mute and mark chats as the phone does, with labels; it tells how the phone keeps them */
  chats: boolean;
  /** online, typing and recording; it tells of others' */
  presence: boolean;
  /** it tells of calls and rejects them */
  calls: boolean;
  markRead: boolean;
  /** it pins and stars messages */
  marks: boolean;
  /** it has the phone put a file of a message at WhatsApp again */
  mediaAgain: boolean;
  /** it tells how the account stands with WhatsApp */
  standing: boolean;
  /** it edits and deletes messages that were sent */
  amend: boolean;
  /** it posts to the status (stories), and reads posts of others */
  status: boolean;
  /** it lists channels, posts to them, and reads posts of others */
  channels: boolean;
}

/**
 * One adapter. `open` starts one socket and returns when it is being opened, not when it is open; `closed` is
 * told exactly once for it, also when `open` itself fails. All calls name the session by its account id.
 */
export interface Engine {
  readonly name: string;
  readonly capabilities: EngineCapabilities;
  /** A second `open` while a socket lives closes the older one first (with `closed_by_us`). */
  open(account: AccountRef, pairing: PairingRequest): Promise<void>;
  /** Ends the socket, keeps the credentials. Resolves when it is closed; nothing happens when there is none. */
  close(accountId: string): Promise<void>;
  /** Unlinks this device at WhatsApp, at most `timeoutMs`; true when the server confirmed. Erases nothing itself. */
  logout(accountId: string, timeoutMs: number): Promise<boolean>;
  isConnected(accountId: string): boolean;
  /**
   * Hands a signed challenge to WhatsApp. Resolves once the server has taken it. Throws AppError CONFLICT when no
   * signature is awaited, PASSKEY_REFUSED when the server does not accept this one (the step begins again with a new
   * challenge), UNAVAILABLE when it does not answer.
   */
  answerPasskey(accountId: string, assertion: PasskeyAssertion): Promise<void>;
  /**
   * Passes on what the person says of the two codes. With `equal` false the step fails as `passkey_code_differed`. Throws AppError
   * CONFLICT when no code is being compared.
   */
  confirmPasskey(accountId: string, equal: boolean): Promise<void>;
  /**
   * An urgent message comes in a moment: what is not urgent on that session makes room for it, for a quarter of a second at most.
   * Nothing happens when there is no socket.
   */
  expectUrgent?(accountId: string): void;
  send(accountId: string, to: Recipient, content: Outgoing, options: SendOptions): Promise<SendResult>;
  /**
   * One answer per phone asked, in order; phones that WhatsApp has said nothing of are missing. Throws AppError UNAVAILABLE when not connected or not answered in time,
   * NOT_CONNECTED when the connection ends meanwhile.
   */
  checkNumbers(accountId: string, phones: readonly string[]): Promise<NumberCheck[]>;
  /** Tells the senders that their messages were read. Throws AppError UNAVAILABLE as `checkNumbers` does. */
  markRead(accountId: string, messages: readonly ReadMessage[]): Promise<void>;
  /** The groups that the session is in. Throws AppError UNAVAILABLE as `checkNumbers` does. */
  groups(accountId: string): Promise<GroupSummary[]>;
  /**
   * Everything else that WhatsApp is asked on somebody's behalf (requests.ts). Throws AppError UNAVAILABLE as
   * `checkNumbers` does, and what a refusal of WhatsApp means.
   */
  ask<N extends RequestName>(
    accountId: string,
    name: N,
    input: EngineRequests[N]['input'],
  ): Promise<EngineRequests[N]['output']>;
  /** Whether the server takes connections at the moment: cheap, and bounded to some seconds. Never rejects. */
  probe?(): Promise<boolean>;
  /** Closes every socket. */
  stop(): Promise<void>;
}
