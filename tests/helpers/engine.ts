/** An engine on the emulator and a real database, with callbacks that remember what they were told. */
import '../../src/whatsapp/baileys/preload.ts';
import '../../src/whatsapp/baileys/native-curve.ts';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Emulator, type EmulatorOptions, startEmulator } from 'wa-emulator';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { createSecretBox } from '../../src/utils/crypto.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import type { Logger } from '../../src/utils/logger.ts';
import { type BaileysEngineOptions, createBaileysEngine } from '../../src/whatsapp/baileys/adapter.ts';
import { createVersionStore } from '../../src/whatsapp/baileys/version.ts';
import type { Content } from '../../src/whatsapp/content.ts';
import { type CredentialStore, createCredentialStore } from '../../src/whatsapp/credential-store.ts';
import type {
  AccountRef,
  CallNews,
  ChatSetting,
  ConnectionSettings,
  Engine,
  EngineCallbacks,
  EngineEvent,
  InboundMessage,
  Recipient,
  SendOptions,
  SendResult,
} from '../../src/whatsapp/engine.ts';
import type { GroupNotice } from '../../src/whatsapp/group-types.ts';
import { openTestDatabase, type TestDatabase } from './database.ts';
import { TEST_PROXY_RULES } from './proxy-rules.ts';

/** Of this process; what is in it is removed when it is uploaded. */
const stagingPath = join(tmpdir(), `wahub-test-uploads-${process.pid}`, 'staging');

type EventOf<T extends EngineEvent['type']> = Extract<EngineEvent, { type: T }>;

export interface TestCallbacks extends EngineCallbacks {
  /** how sessions connect, by account id; directly when missing */
  connections: Map<string, ConnectionSettings>;
  /** everything told about one session, oldest first */
  events(accountId: string): EngineEvent[];
  /** The next event of that type that was not waited for yet. Rejects after `timeoutMs`. */
  next<T extends EngineEvent['type']>(accountId: string, type: T, timeoutMs?: number): Promise<EventOf<T>>;
  inbound: InboundMessage[];
  /** every message that was to be stored, in order, those that come again too */
  stored: InboundMessage[];
  /** which sessions were to store a message, by its id */
  storedBy: Map<string, string[]>;
  outbound: Map<string, Content>;
  /** ids of messages that must not be sent again */
  withdrawn: Set<string>;
  /** how chats are set, by canonical JID */
  chats: Map<string, ChatSetting>;
  /** the bytes of files that are sent, by MediaFile.id */
  files: Map<string, Buffer>;
  /** what was told of groups, in order, those that come again too */
  notices: GroupNotice[];
  calls: CallNews[];
  /** Runs before what was told of a group is kept; may reject. */
  beforeNotice: () => Promise<void>;
  /** Runs before an inbound message is kept; may reject. */
  beforeStore: (message: InboundMessage) => Promise<void>;
}

export interface TestEngine {
  emulator: Emulator;
  database: TestDatabase;
  callbacks: TestCallbacks;
  store: CredentialStore;
  engine: Engine;
  owner: string;
  /** A session's row, owned by `owner` under fence 1. */
  addAccount(): Promise<AccountRef>;
  /** Links `phone` by QR and resolves when the session is connected (the restart after pairing included). */
  pair(account: AccountRef, phone: string): Promise<void>;
  /** An account that is linked and connected. */
  connect(phone: string): Promise<AccountRef>;
  send(account: AccountRef, to: string, text: string, options?: Partial<SendOptions>): Promise<SendResult>;
  /** Another engine on the same database and server, as another process would have. */
  another(options?: Partial<BaileysEngineOptions>): {
    engine: Engine;
    store: CredentialStore;
    callbacks: TestCallbacks;
  };
  stop(): Promise<void>;
}

export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silentLogger,
};

export function createTestCallbacks(): TestCallbacks {
  const told = new Map<string, EngineEvent[]>();
  const taken = new Set<EngineEvent>();
  const waiters = new Set<() => void>();
  const of = (accountId: string) => {
    const events = told.get(accountId) ?? [];
    told.set(accountId, events);
    return events;
  };
  const callbacks: TestCallbacks = {
    connections: new Map(),
    connectionOf: async (accountId) => callbacks.connections.get(accountId) ?? { proxy: null, browser: null },
    inbound: [],
    stored: [],
    storedBy: new Map(),
    outbound: new Map(),
    withdrawn: new Set(),
    files: new Map(),
    notices: [],
    calls: [],
    beforeNotice: async () => undefined,
    beforeStore: async () => undefined,
    events: of,
    onEvent(account, event) {
      of(account.id).push(event);
      for (const wake of [...waiters]) wake();
    },
    next<T extends EngineEvent['type']>(accountId: string, type: T, timeoutMs = 15_000) {
      return new Promise<EventOf<T>>((resolve, reject) => {
        const isWanted = (event: EngineEvent): event is EventOf<T> =>
          event.type === type && !taken.has(event);
        const look = () => {
          const event = of(accountId).find(isWanted);
          if (!event) return;
          taken.add(event);
          clearTimeout(timer);
          waiters.delete(look);
          resolve(event);
        };
        const timer = setTimeout(() => {
          waiters.delete(look);
          const seen = of(accountId).map((event) =>
            event.type === 'closed' ? `closed:${event.reason}` : event.type,
          );
          reject(new Error(`no ${type} in ${timeoutMs} ms, only ${seen.join(', ')}`));
        }, timeoutMs);
        waiters.add(look);
        look();
      });
    },
    async findOutbound(_accountId, messageId) {
      return callbacks.withdrawn.has(messageId) ? null : (callbacks.outbound.get(messageId) ?? null);
    },
    async findAbsent(accountId) {
      const own = callbacks.stored.filter(({ messageId }) =>
        callbacks.storedBy.get(messageId)?.includes(accountId),
      );
      const isAbsent = ({ content }: InboundMessage) =>
        content.type === 'undecryptable' && content.reason === 'absent';
      const came = new Set(own.filter((one) => !isAbsent(one)).map(({ messageId }) => messageId));
      return own.filter((one) => isAbsent(one) && !came.has(one.messageId));
    },
    isWithdrawn: async (_accountId, messageId) => callbacks.withdrawn.has(messageId),
    chats: new Map(),
    async findChat(_accountId, chat) {
      return callbacks.chats.get(chat) ?? null;
    },
    async saveChat(_account, chat, setting) {
      callbacks.chats.set(chat, setting);
    },
    async openMedia(_account, mediaId) {
      const file = callbacks.files.get(mediaId);
      return file ? Readable.from([file]) : null;
    },
    async storeGroupNotice(_account, notice) {
      await callbacks.beforeNotice();
      callbacks.notices.push(notice);
    },
    async storeCall(_account, call) {
      await callbacks.beforeNotice();
      callbacks.calls.push(call);
    },
    async storeInbound(account, messages) {
      for (const message of messages) {
        await callbacks.beforeStore(message);
        callbacks.stored.push(message);
        const by = callbacks.storedBy.get(message.messageId) ?? [];
        callbacks.storedBy.set(message.messageId, [...by, account.id]);
        const known = callbacks.inbound.some(
          (one) =>
            one.messageId === message.messageId && one.chat === message.chat && one.author === message.author,
        );
        if (!known) callbacks.inbound.push(message);
      }
    },
  };
  return callbacks;
}

export async function startTestEngine(
  options: Partial<BaileysEngineOptions> = {},
  createEngine: (options: BaileysEngineOptions) => Engine = createBaileysEngine,
  emulatorOptions: EmulatorOptions = {},
): Promise<TestEngine> {
  const [emulator, database] = await Promise.all([startEmulator(emulatorOptions), openTestDatabase()]);
  const secrets = createSecretBox([randomBytes(32)]);
  const owner = newId();
  const engines: Engine[] = [];

  function another(more: Partial<BaileysEngineOptions> = {}) {
    const deps = { db: database.db, secrets, clock: systemClock, logger: silentLogger };
    const callbacks = createTestCallbacks();
    const store = createCredentialStore(deps);
    const version = createVersionStore({
      ...deps,
      load: async () => null,
      save: async () => undefined,
      fetchLatest: null,
    });
    const { waUrl: url, rootKey, caFile } = emulator;
    const waServer = { url, rootKey, caFile };
    const own = { callbacks, store, version, waServer, stagingPath, proxyRules: TEST_PROXY_RULES };
    const engine = createEngine({ ...deps, ...own, ...options, ...more });
    engines.push(engine);
    return { engine, store, callbacks };
  }

  const { engine, store, callbacks } = another();
  const test: TestEngine = {
    emulator,
    database,
    engine,
    store,
    callbacks,
    owner,
    another,
    async addAccount() {
      const account = { id: newId(), userId: 1, sessionId: newId().slice(20), owner, fence: 1 };
      const now = Date.now();
      await database.db.insert(whatsappAccounts).values({
        ...account,
        status: 'connecting',
        pairing: 'qr',
        createdAt: now,
        updatedAt: now,
      });
      return account;
    },
    async pair(account, phone) {
      await engine.open(account, { mode: 'qr' });
      const { qr } = await callbacks.next(account.id, 'qr');
      await emulator.scan({ qr, phone });
      await callbacks.next(account.id, 'closed');
      await engine.open(account, { mode: 'qr' });
      await callbacks.next(account.id, 'connected');
    },
    async connect(phone) {
      const account = await test.addAccount();
      await test.pair(account, phone);
      return account;
    },
    send: (account, to, text, more = {}) =>
      engine.send(account.id, recipientOf(to), { type: 'text', text }, sendOptions(more)),
    async stop() {
      await Promise.all(engines.map((one) => one.stop()));
      await emulator.stop();
      await database.close();
    },
  };
  return test;
}

export function recipientOf(phone: string): Recipient {
  return { jid: `${phone}@s.whatsapp.net`, phone, lid: null };
}

export function sendOptions(more: Partial<SendOptions> = {}): SendOptions {
  return {
    messageId: newMessageId(),
    prepareTimeoutMs: 10_000,
    ackTimeoutMs: 5_000,
    mayRelay: async () => true,
    ...more,
  };
}

/** Looks again and again until `check` is true. Rejects after `timeoutMs`. */
export async function until(check: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const endsAt = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > endsAt) throw new Error(`not true after ${timeoutMs} ms: ${check}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
