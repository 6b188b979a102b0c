/** Types that the modules around one socket share. */
import type { Agent } from 'node:https';
import type { WASocket } from '@whiskeysockets/baileys';
import type { Clock } from '../../utils/clock.ts';
import type { Logger } from '../../utils/logger.ts';
import type { AppStateVersions } from '../app-state.ts';
import type { AccountRef, EngineCallbacks, EngineEvent } from '../engine.ts';
import type { AckBook } from './ack-book.ts';
import type { AppState } from './app-state.ts';
import type { Arrivals } from './arrivals.ts';
import type { Chats } from './chats.ts';
import type { Ending } from './close-reason.ts';
import type { Contacts } from './contacts.ts';
import type { DeviceCache } from './device-cache.ts';
import type { Doubts } from './doubts.ts';
import type { GroupCache } from './groups.ts';
import type { HistoryTurns } from './history.ts';
import type { MediaFetcher } from './inbound-file.ts';
import type { PasskeyStep } from './passkey.ts';
import type { Attention } from './presence.ts';
import type { RightOfWay } from './right-of-way.ts';
import type { SocketSettings } from './socket-config.ts';
import type { Uploads } from './uploads.ts';

export interface LinkDeps {
  callbacks: Required<Omit<EngineCallbacks, 'appStateVersions'>> & {
    /** undefined: what the phone tells of its chats is not kept */
    appStateVersions(accountId: string): Promise<AppStateVersions | null | undefined>;
  };
  clock: Clock;
  logger: Logger;
  settings: SocketSettings;
  uploads: Uploads;
  /** downloads pieces of the phone's history */
  fetchFile: MediaFetcher['fetch'];
  /** pieces of all sessions take turns */
  historyTurns: HistoryTurns;
  inboundStoreTimeoutMs: number;
  /** how long WhatsApp may take to answer about devices and keys */
  answerTimeoutMs: number;
}

/** The directory's answer about a number: see the event. */
export type Alias = Omit<Extract<EngineEvent, { type: 'alias' }>, 'type'>;

/** One socket and what belongs to it. */
export interface Link {
  readonly account: AccountRef;
  readonly sock: WASocket;
  readonly acks: AckBook;
  readonly arrivals: Arrivals;
  readonly contacts: Contacts;
  readonly clock: Clock;
  readonly answerTimeoutMs: number;
  readonly devices: DeviceCache;
  /** accounts behind numbers that WhatsApp knows under another spelling, by the number that is dialled (digits) */
  readonly aliases: { get(phone: string): Alias | undefined };
  readonly doubts: Doubts;
  readonly rightOfWay: RightOfWay;
  readonly groups: GroupCache;
  readonly chats: Chats;
  readonly appState: AppState;
  /** Chooses the id of a label that is to be made: none of those that are `taken`, nor one that was chosen before. */
  nextLabel(): Promise<(taken: ReadonlySet<string>) => string>;
  readonly attention: Attention;
  readonly uploads: Uploads;
  /** what uploads go by; undefined: Node's own */
  readonly uploadAgent: Agent | undefined;
  /** whether it goes by a proxy of its own */
  readonly proxied: boolean;
  /** aborted when the socket begins to close */
  readonly closed: AbortSignal;
  isOpen(): boolean;
  /** The answers that are possible while a passkey is asked for. */
  passkey(): PasskeyStep;
  /** Remembers what the directory said, and tells it. */
  learnAlias(alias: Alias): void;
  /** Closes for the first reason given; resolves after `closed` was told. */
  finish(ending: Partial<Ending> & Pick<Ending, 'reason'>): Promise<void>;
}

/** The calls that modules which listen on a socket may make on it. */
export interface LinkControl {
  tell(event: EngineEvent): void;
  /** The same for what `beforeClosed` waits for, which may come while the socket is closing. */
  tellLast(event: EngineEvent): void;
  finish: Link['finish'];
  /** Ends the socket for that reason unless it is set again, or off, in time. */
  watch(reason: Ending['reason'], timeoutMs: number): void;
  unwatch(): void;
  /** Done before `closed` is reported. */
  beforeClosed(work: Promise<void>): void;
}
