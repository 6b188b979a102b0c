/**
 * Follows how the phone keeps its chats and labels, over crashes too. Baileys keeps the version of a collection before it
 * tells what came with it, so that a crash in between would lose that. Here the gateway keeps a version of its own, in one
 * transaction with what was told; where it is behind, the collection is read again from its beginning.
 */
import { AsyncResource } from 'node:async_hooks';
import {
  type BaileysEventMap,
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  type WASocket,
} from '@whiskeysockets/baileys';
import { yieldToEventLoop } from '../../db/event-loop.ts';
import { type RetryOptions, retry } from '../../utils/backoff.ts';
import { sleep } from '../../utils/clock.ts';
import { HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { Logger } from '../../utils/logger.ts';
import { createMutex, type Mutex } from '../../utils/mutex.ts';
import {
  APP_STATE_COLLECTIONS,
  type AppStateChange,
  type AppStateCollection,
  type AppStateVersions,
  type ChatState,
  type LearntAppState,
} from '../app-state.ts';
import type { HistoryTurns } from './history.ts';
import { type RawKeys, settingsWritten } from './transactions.ts';

const VERSION = 'app-state-sync-version';
const TOLD = 'CB:notification,type:server_sync';
const ANSWER = 'CB:iq,,sync';
/** Links of a release before begin within this time, each at a moment of its own: all of them read everything once. */
const SPREAD_MS = 5 * MINUTE_MS;
/** Baileys has read what it was told of by then, or does not. */
const TOLD_PATIENCE_MS = 30_000;
const READ_RETRY = { firstMs: 5_000, maxMs: 5 * MINUTE_MS };
const READ_TIMEOUT_MS = HOUR_MS;

export interface AppStateDeps {
  accountId: string;
  userId: number;
  logger: Logger;
  /** the stored keys */
  raw: RawKeys;
  /** how often and how long it is tried to keep what was learnt */
  storing: RetryOptions;
  /** null: nobody keeps it, and nothing is followed */
  versions(): Promise<AppStateVersions | null>;
  learn(learnt: LearntAppState): Promise<void>;
}

export interface AppState {
  /** The same keys, for Baileys: which versions it writes is seen. */
  keys: RawKeys;
  /** Listens to a socket, and reads what is missing once the phone has shared its key. */
  follow(sock: WASocket, turns: HistoryTurns): void;
  /**
   * Does `work`, which makes changes at WhatsApp and resolves with them; one after another. Resolves when they are kept, or
   * when that was given up: the next connection learns them then. Rejects as the work does, and with UNAVAILABLE when its
   * turn comes too late: nothing begins for a caller that has gone, or on a closed link.
   */
  own(work: () => Promise<readonly OwnChange[]>, options: OwnOptions): Promise<void>;
}

export interface OwnOptions {
  /** aborted when nobody waits for it any more */
  gone: AbortSignal;
  /**
   * The work has to know all that this collection holds: what is new of it is read and kept before. Rejects with UNAVAILABLE
   * while not all of it is kept.
   */
  knowing?: AppStateCollection;
}

type WithoutOwn<C> = C extends unknown ? Omit<C, 'own'> : never;
export type OwnChange = WithoutOwn<AppStateChange>;

export function createAppState(deps: AppStateDeps): AppState {
  const { raw } = deps;
  const keeper = createKeeper(deps);
  const inTurn = createMutex();
  let followed: WASocket | null = null;

  async function readNew(name: AppStateCollection): Promise<void> {
    await keeper.begin();
    if (keeper.knows(name)) {
      const before = keeper.reached(name);
      keeper.asks([name]);
      await keeper.hold(async () => followed?.resyncAppState([name], false));
      await keeper.kept();
      // Baileys gives up without a word where there is something that it cannot read.
      if (keeper.knows(name) && (keeper.isEmpty(name) || keeper.reached(name) > before)) return;
    }
    throw new AppError('UNAVAILABLE', 'What the phone has is not all known yet. Try again later.', {
      details: { reason: 'not_read', sent: false },
    });
  }

  function requireWanted(gone: AbortSignal): void {
    if (!gone.aborted && !deps.storing.signal.aborted) return;
    throw new AppError('UNAVAILABLE', 'It was not begun in time.', { details: { sent: false } });
  }

  return {
    keys: {
      async get(type, names) {
        // Baileys reads a version before it writes the next one.
        if (type === VERSION) await keeper.begin();
        return raw.get(type, names);
      },
      async set(data) {
        await raw.set(data);
        for (const [name, state] of Object.entries(data[VERSION] ?? {})) keeper.sawVersion(name, state);
      },
    },
    follow(sock, turns) {
      followed = sock;
      // What Baileys emits may wait in a buffer of its own, for ever when the chat is not among those that it holds.
      const { ev } = sock;
      const emit = ev.emit.bind(ev);
      ev.emit = (event, data) => {
        keeper.take(changesIn(event, data));
        return emit(event, data);
      };
      const reader = createReader(deps, keeper, sock, { turns, inTurn });
      const readAll = AsyncResource.bind(() => void reader.readAll());
      let open = false;
      let begun = false;
      const look = () => {
        if (begun || !open || !sock.authState.creds.myAppStateKeyId) return;
        begun = true;
        // Not in the transaction of whatever told it.
        setImmediate(readAll);
      };
      ev.on('connection.update', ({ connection }) => {
        if (connection === 'open') open = true;
        look();
      });
      ev.on('creds.update', look);
      sock.ws.on(ANSWER, keeper.wasAnswered);
      sock.ws.on(
        TOLD,
        AsyncResource.bind((stanza: BinaryNode) => void reader.wasTold(stanza)),
      );
    },
    own: (work, { gone, knowing }) =>
      inTurn(async () => {
        requireWanted(gone);
        if (knowing !== undefined) await readNew(knowing);
        requireWanted(gone);
        await keeper.hold(async () => {
          const changes = await work();
          keeper.take(changes.map((change) => ({ ...change, own: true })));
        });
        await keeper.kept();
      }),
  };
}

/** What was told and is not kept yet. */
interface Keeper {
  /** Reads how far everything was kept before this connection; once, and never rejects. */
  begin(): Promise<void>;
  /** The collections that have to be read: from their beginning, or for the first time. */
  missing(): { behind: AppStateCollection[]; unknown: AppStateCollection[] };
  /** Whether anybody keeps what is told. */
  follows(): boolean;
  /** Baileys has read all of it in an earlier release, and nothing of it was kept. */
  isOfEarlierRelease(): boolean;
  sawVersion(name: string, state: unknown): void;
  /** The version that Baileys has read a collection up to; 0 where there is none. */
  reached(name: AppStateCollection): number;
  /** Whether all that was told of a collection is kept. */
  knows(name: AppStateCollection): boolean;
  /** These are about to be asked for. */
  asks(names: readonly AppStateCollection[]): void;
  /** What WhatsApp answers, read by Baileys or not. */
  wasAnswered(stanza: BinaryNode): void;
  /** WhatsApp has answered since `asks` that there is nothing in it, or nothing new. */
  isEmpty(name: AppStateCollection): boolean;
  take(changes: readonly AppStateChange[]): void;
  /** These were read from their beginning, and all that they hold was taken. */
  wasRead(names: readonly AppStateCollection[]): void;
  /** Nothing is kept before the work has ended: all that it brings is kept together. */
  hold(work: () => Promise<void>): Promise<void>;
  /** Resolves when what was taken so far is kept, or when that was given up. */
  kept(): Promise<void>;
}

function createKeeper(deps: AppStateDeps): Keeper {
  let learnt: AppStateVersions | null = null;
  let beginning: Promise<void> | null = null;
  /** everything before what this connection sees is kept */
  const whole = new Set<AppStateCollection>();
  /** what this connection sees begins at their beginning */
  const fresh = new Set<AppStateCollection>();
  const seen = new Map<AppStateCollection, number>();
  const reached = new Map<AppStateCollection, number>();
  /** Baileys has written a version of them in this connection */
  const touched = new Set<AppStateCollection>();
  /** what WhatsApp has answered since they were asked for: whether there was something in it */
  const answers = new Map<AppStateCollection, boolean>();
  let changes: AppStateChange[] = [];
  let holds = 0;
  let keeping: Promise<void> = Promise.resolve();

  async function readBeginning(): Promise<void> {
    const known = await deps.versions();
    if (known === null) return;
    for (const name of APP_STATE_COLLECTIONS) {
      // One in a turn of the event loop: a stored version names everything that is in it, and is as long.
      await yieldToEventLoop();
      const stored = await deps.raw.get(VERSION, [name]);
      const version = versionOf(stored[name]);
      reached.set(name, version);
      if (version === 0) fresh.add(name);
      if (version === 0 || version === known[name]) whole.add(name);
    }
    learnt = known;
  }

  const readAlone = AsyncResource.bind(readBeginning);

  function begin(): Promise<void> {
    beginning ??= readAlone().catch((error: unknown) => {
      deps.logger.warn('how far the chats of the phone are known could not be read', {
        accountId: deps.accountId,
        error: String(error),
      });
    });
    return beginning;
  }

  /** What waits to be kept; null: nothing does, or somebody holds it. */
  function waiting(): LearntAppState | null {
    if (learnt === null) changes = [];
    const known = learnt;
    if (known === null || holds > 0) return null;
    const isNew = (name: AppStateCollection, version: number) => fresh.has(name) || known[name] !== version;
    const versions = Object.fromEntries(
      [...seen].filter(([name, version]) => whole.has(name) && isNew(name, version)),
    );
    const all = [...fresh].filter((name) => name in versions);
    if (changes.length === 0 && Object.keys(versions).length === 0) return null;
    const taken = { changes, versions, fresh: all };
    changes = [];
    seen.clear();
    for (const name of all) fresh.delete(name);
    return taken;
  }

  async function keep(): Promise<void> {
    await begin();
    const taken = waiting();
    if (taken === null) return;
    try {
      await retry(() => deps.learn(taken), deps.storing);
      learnt = { ...learnt, ...taken.versions };
    } catch (error) {
      // The versions stay behind: the next connection reads everything again.
      whole.clear();
      fresh.clear();
      deps.logger.warn('what the phone told of its chats could not be kept', {
        accountId: deps.accountId,
        error: String(error),
      });
    }
  }

  const keepSoon = AsyncResource.bind(() => {
    keeping = keeping.then(keep);
  });
  const schedule = () => void setImmediate(keepSoon);

  return {
    begin,
    missing() {
      const known = learnt;
      if (known === null) return { behind: [], unknown: [] };
      const behind = APP_STATE_COLLECTIONS.filter((name) => !whole.has(name));
      const isUnknown = (name: AppStateCollection) =>
        whole.has(name) && known[name] === undefined && !touched.has(name);
      return { behind, unknown: APP_STATE_COLLECTIONS.filter(isUnknown) };
    },
    follows: () => learnt !== null,
    isOfEarlierRelease() {
      const known = learnt;
      return known !== null && APP_STATE_COLLECTIONS.some((name) => !whole.has(name) && !(name in known));
    },
    reached: (name) => reached.get(name) ?? 0,
    knows: (name) => whole.has(name) && learnt?.[name] !== undefined,
    asks(names) {
      for (const name of names) answers.delete(name);
    },
    wasAnswered(stanza) {
      for (const collection of getBinaryNodeChildren(getBinaryNodeChild(stanza, 'sync'), 'collection')) {
        const { name = '', type } = collection.attrs;
        if (isCollection(name) && type !== 'error') {
          answers.set(name, answers.get(name) === true || holdsSomething(collection));
        }
      }
    },
    isEmpty: (name) => answers.get(name) === false,
    sawVersion(name, state) {
      const version = versionOf(state);
      if (!isCollection(name)) return;
      reached.set(name, version);
      if (version === 0) return;
      touched.add(name);
      const sees = () => {
        seen.set(name, version);
        keepSoon();
      };
      const lost = () => {
        whole.delete(name);
        fresh.delete(name);
      };
      // Baileys tells what came with it when the last of it is written, in that turn of the event loop; nothing when it fails.
      const written = settingsWritten() ?? Promise.resolve();
      written.then(() => void setImmediate(sees), lost);
    },
    take(more) {
      if (more.length === 0) return;
      changes.push(...more);
      schedule();
    },
    wasRead(names) {
      for (const name of names) {
        whole.add(name);
        fresh.add(name);
        // There may be nothing in it.
        if (!seen.has(name)) seen.set(name, reached.get(name) ?? 0);
      }
    },
    async hold(work) {
      holds++;
      try {
        await work();
      } finally {
        holds--;
        schedule();
      }
    },
    async kept() {
      await new Promise<void>((resolve) => setImmediate(resolve));
      await keeping;
    },
  };
}

interface Reader {
  /**
   * Reads what is missing, and tries again: for an hour of a connection at most, and then no more what could not be read. At
   * once does nothing when it does so already. Never rejects.
   */
  readAll(): Promise<void>;
  /** Reads again where Baileys does not: it reads the first collection that it is told of, and that once. Never rejects. */
  wasTold(stanza: BinaryNode): Promise<void>;
}

interface Lines {
  turns: HistoryTurns;
  /** what this service changes itself: what is read meanwhile would be kept without it */
  inTurn: Mutex;
}

function createReader(deps: AppStateDeps, keeper: Keeper, sock: WASocket, { turns, inTurn }: Lines): Reader {
  const { clock, signal } = deps.storing;
  const told = new Map<AppStateCollection, number>();
  /** what could not be read for an hour */
  const givenUp = new Set<AppStateCollection>();
  let leftMs = READ_TIMEOUT_MS;
  let isReading = false;
  let isWaiting = false;

  const notGivenUp = () => APP_STATE_COLLECTIONS.filter((name) => !givenUp.has(name));

  async function readAll(): Promise<void> {
    if (isReading) return;
    isReading = true;
    let names = notGivenUp();
    const readSome = async () => {
      const unread = await readMissing(deps, keeper, sock, names);
      if (unread.length === 0) return;
      // The others are read; what is new of them is told.
      names = unread;
      throw new Error(`not read: ${unread.join(', ')}`);
    };
    let startedMs = clock.monotonic();
    try {
      await keeper.begin();
      if (keeper.isOfEarlierRelease()) await sleep(clock, Math.random() * SPREAD_MS, signal);
      startedMs = clock.monotonic();
      const read = () => turns.files.run(String(deps.userId), () => inTurn(readSome));
      await retry(read, { ...deps.storing, range: READ_RETRY, timeoutMs: leftMs });
    } catch (error) {
      // The next connection tries again.
      leftMs = Math.max(0, leftMs - (clock.monotonic() - startedMs));
      const { behind, unknown } = keeper.missing();
      for (const name of [...behind, ...unknown]) givenUp.add(name);
      deps.logger.debug('the chats of the phone could not be read', {
        accountId: deps.accountId,
        error: String(error),
      });
    } finally {
      isReading = false;
    }
  }

  return {
    readAll,
    async wasTold(stanza) {
      for (const { attrs } of getBinaryNodeChildren(stanza, 'collection')) {
        const { name = '' } = attrs;
        if (isCollection(name)) told.set(name, Math.max(versionOf(attrs), told.get(name) ?? 0));
      }
      if (isWaiting) return;
      isWaiting = true;
      await sleep(clock, TOLD_PATIENCE_MS, signal);
      isWaiting = false;
      const { behind } = keeper.missing();
      const isUnread = notGivenUp().some(
        (name) => behind.includes(name) || keeper.reached(name) < (told.get(name) ?? 0),
      );
      told.clear();
      if (isUnread && !signal.aborted) await readAll();
    },
  };
}

/**
 * Reads what may be missing of these collections: all of those of which not everything was kept, of the others what is new. One
 * question in most cases. Resolves with those that could not be read; rejects when WhatsApp does not answer.
 */
async function readMissing(
  deps: AppStateDeps,
  keeper: Keeper,
  sock: WASocket,
  names: readonly AppStateCollection[],
): Promise<AppStateCollection[]> {
  if (deps.storing.signal.aborted || names.length === 0) return [];
  const unread: AppStateCollection[] = [];
  await keeper.hold(async () => {
    if (!keeper.follows()) return;
    const missing = keeper.missing();
    const behind = missing.behind.filter((name) => names.includes(name));
    const wanted = [...behind, ...missing.unknown.filter((name) => names.includes(name))];
    const { keys, creds } = sock.authState;
    keeper.asks(wanted);
    await keys.transaction(async () => {
      // Without a version Baileys asks for all that there is, and tells all of it.
      const none = Object.fromEntries(behind.map((name) => [name, null]));
      if (behind.length > 0) await keys.set({ [VERSION]: none });
      await sock.resyncAppState(names, false);
    }, creds.me?.id ?? '');
    // Baileys gives up without a word; that there is nothing only WhatsApp can say.
    const isRead = (name: AppStateCollection) => keeper.reached(name) > 0 || keeper.isEmpty(name);
    keeper.wasRead(wanted.filter(isRead));
    unread.push(...wanted.filter((name) => !isRead(name)));
  });
  return unread;
}

/** Whether a collection of an answer brings anything. */
function holdsSomething(collection: BinaryNode): boolean {
  const patches = getBinaryNodeChild(collection, 'patches') ?? collection;
  return (
    getBinaryNodeChild(collection, 'snapshot') !== undefined ||
    getBinaryNodeChildren(patches, 'patch').length > 0 ||
    collection.attrs.has_more_patches === 'true'
  );
}

function isCollection(name: string): name is AppStateCollection {
  return APP_STATE_COLLECTIONS.some((one) => one === name);
}

/** 0 where there is none. */
function versionOf(state: unknown): number {
  const version = Number(Reflect.get(Object(state), 'version'));
  return Number.isSafeInteger(version) && version > 0 ? version : 0;
}

/** What an event of Baileys tells of chats, labels and stars. */
function changesIn<E extends keyof BaileysEventMap>(event: E, data: BaileysEventMap[E]): AppStateChange[] {
  // Safe because it has one event, with what belongs to it.
  const all = { [event]: data } as Partial<BaileysEventMap>;
  return [
    ...(all['chats.update'] ?? []).flatMap(readChat),
    ...(all['labels.edit'] ? [readLabel(all['labels.edit'])] : []),
    ...(all['labels.association'] ? [readLabeled(all['labels.association'])] : []),
    ...(all['messages.update'] ?? []).flatMap(readStar),
  ];
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
