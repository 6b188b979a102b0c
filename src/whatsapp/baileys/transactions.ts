/**
 * Baileys' key transactions, done again: one AsyncLocalStorage for all sockets instead of one each, one lock a
 * socket (Baileys lets a send and a decryption of the same peer overwrite each other), and work that goes on
 * after its transaction writes for itself instead of into the dead one. Baileys sends inside of them: the keys of a
 * stanza are durable before it leaves, or a crash would take them back and the next message would be sealed with keys
 * that its reader has used. Its transaction is over by then: while it waits for the disk, the next message is sealed,
 * and their keys are written together. What phones share of their settings (app state) has turns of its own: Baileys
 * asks the server within these transactions, which use no key of a message. Such a turn lasts until what was read in it is
 * durable and told, so that news is told in its order.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type {
  SignalDataSet,
  SignalDataTypeMap,
  SignalKeyStoreWithTransaction,
} from '@whiskeysockets/baileys';
import type { SharedCommit } from '../../db/shared-commit.ts';
import { createMutex, type Mutex } from '../../utils/mutex.ts';
import { type HeldKeys, holdBack } from './held-keys.ts';
import { commitOfRelay, markLeaving, refuseWithdrawn } from './relay-scope.ts';

type KeyType = keyof SignalDataTypeMap;
type Values = Map<string, unknown>;

/**
 * Keys by type and name; null in `set` deletes. What is set can be read at once, the promise waits for the disk. `commit`: see
 * AccountKeys.
 */
export interface RawKeys {
  get(type: KeyType, names: readonly string[]): Promise<Record<string, unknown>>;
  set(
    data: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
    commit?: SharedCommit,
  ): Promise<void>;
}

interface Scope {
  owner: object;
  /** false: what its work still reads and sets is no part of it any more */
  open: boolean;
  /** it is about shared settings, and messages do not wait for it: see `settingsWritten` */
  aside: Promise<void> | null;
  /** what was read or written in this transaction; null: known to be missing */
  seen: Map<string, Values>;
  written: Map<string, Values>;
  /** See `persistKeys`. */
  persist(): Promise<void>;
  /** Ends it and writes what is left; resolves when that is durable. The second call is the first one's. */
  close(): Promise<void>;
  /** See `releaseKeysAfter`. */
  closeAfter(done: Promise<unknown>): void;
  /** Ends it, whatever becomes of what it has set. */
  drop(): void;
  /** Lets go of the keys of messages, and goes on in its turn among those of settings. Rejects when it does so too often. */
  stepAside(turns: Mutex): Promise<void>;
  /** Versions of settings that it sets. Where one is higher than ever before, it has not asked in vain. */
  noteVersions(versions: object): void;
  /** resolves when it has let go of the keys of messages */
  ended: Promise<void>;
}

const scopes = new AsyncLocalStorage<Scope>();

/** Whether this code runs inside a transaction of any socket, and so holds its keys. */
export function holdsKeys(): boolean {
  const scope = scopes.getStore();
  return scope?.open === true && scope.aside === null;
}

/**
 * Where this code runs inside a transaction about settings: resolves when all that it sets is durable, and rejects when its
 * work has failed. Null elsewhere.
 */
export function settingsWritten(): Promise<void> | null {
  const scope = scopes.getStore();
  return scope?.open ? scope.aside : null;
}

/**
 * Writes what the transaction that runs here has set so far, whatever becomes of the rest of it. Resolves when it is
 * durable.
 */
export async function persistKeys(): Promise<void> {
  const scope = scopes.getStore();
  if (scope?.open) await scope.persist();
}

/**
 * Ends the transaction that runs here, so that the next one begins and sees what it has set. That is written once `done`
 * has resolved; when `done` rejects neither it nor what is set later is ever written. The transaction resolves when its work has ended
 * and its keys are durable.
 */
export function releaseKeysAfter(done: Promise<unknown>): void {
  const scope = scopes.getStore();
  if (scope?.open) scope.closeAfter(done);
}

/** Replaces the methods of the key store that a Baileys socket made for itself. */
export function installTransactions(keys: SignalKeyStoreWithTransaction, stored: RawKeys): void {
  const raw = holdBack(stored);
  const lock = createMutex();
  const settings = createMutex();
  const current = (): Scope | undefined => {
    const scope = scopes.getStore();
    return scope?.open && scope.owner === keys ? scope : undefined;
  };
  const replacement: Methods = {
    isInTransaction: () => current() !== undefined,
    get(type, names) {
      const scope = current();
      if (type === LAST_READ) return readLast(scope, raw, type, names);
      refuseWithdrawn();
      if (!scope) return raw.get(type, names);
      if (type !== SETTINGS_VERSION) return readInScope(scope, raw, type, names);
      return scope.stepAside(settings).then(() => readInScope(scope, raw, type, names));
    },
    async set(data) {
      const scope = current();
      refuseWithdrawn();
      if (!scope) return raw.set(definedOnly(data));
      const versions = data[SETTINGS_VERSION];
      if (versions) {
        await scope.stepAside(settings);
        scope.noteVersions(versions);
      }
      for (const [type, values] of Object.entries(definedOnly(data))) {
        for (const [name, value] of Object.entries(values)) {
          valuesOf(scope.seen, type).set(name, value);
          valuesOf(scope.written, type).set(name, value);
        }
      }
      if (LAST_OF_GROUP in data) await leave(scope);
    },
    async transaction(work) {
      if (current()) return work();
      const scope = openScope(keys, raw);
      const result = await whileLocked(lock, scope, work);
      // The next one sees these values at once; only our caller waits until they are durable.
      await scope.close();
      return result;
    },
  };
  Object.assign(keys, replacement);
}

function openScope(owner: object, raw: HeldKeys): Scope {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let durable: Promise<void> | null = null;
  let rounds = 0;
  let roundsInVain = 0;
  const highest = new Map<string, number>();
  let onEnd = () => {};
  const drop = () => {
    scope.open = false;
    end();
    onEnd();
  };
  const scope: Scope = {
    owner,
    open: true,
    aside: null,
    seen: new Map(),
    written: new Map(),
    async persist() {
      if (scope.written.size === 0) return;
      const written = plain(scope.written);
      scope.written.clear();
      await raw.set(written, commitOfRelay());
    },
    close() {
      durable ??= scope.persist();
      drop();
      return durable;
    },
    closeAfter(done) {
      durable ??= scope.written.size === 0 ? Promise.resolve() : raw.setAfter(plain(scope.written), done);
      durable.catch(() => undefined);
      scope.written.clear();
      drop();
    },
    drop,
    async stepAside(turns) {
      if (scope.aside !== null && (++roundsInVain > MAX_ROUNDS_IN_VAIN || ++rounds > MAX_ROUNDS)) {
        throw new Error('the server has more settings without end');
      }
      // What has used other keys keeps its turn among these.
      if (scope.aside !== null || scope.seen.size > 0 || scope.written.size > 0) return;
      let finish = () => {};
      const over = new Promise<void>((resolve) => {
        finish = resolve;
      });
      scope.aside = new Promise<void>((resolve, reject) => {
        onEnd = () => {
          if (durable === null) reject(new Error('its work has failed'));
          else durable.then(resolve, reject);
        };
      });
      // What it has read is told once it is durable, in that turn of the event loop. The next one, whose news is later, waits for that.
      const endTurn = () => void setImmediate(finish);
      scope.aside.then(endTurn, endTurn);
      const begun = new Promise<void>((begin) => {
        void turns(() => {
          begin();
          return over;
        });
      });
      end();
      await begun;
    },
    noteVersions(versions) {
      for (const [name, state] of Object.entries(versions)) {
        const version: unknown = Reflect.get(Object(state), 'version');
        if (typeof version !== 'number' || version <= (highest.get(name) ?? -1)) continue;
        highest.set(name, version);
        roundsInVain = 0;
      }
    },
    ended,
  };
  return scope;
}

/**
 * Runs the work of a transaction while nobody else's runs. The lock is free again when the transaction has ended, which may
 * be before its work has.
 */
async function whileLocked<R>(lock: Mutex, scope: Scope, work: () => Promise<R>): Promise<R> {
  let running: Promise<R> | undefined;
  await lock(async () => {
    running = scopes.run(scope, work);
    running.then(
      () => void scope.close(),
      () => scope.drop(),
    );
    await scope.ended;
  });
  if (running === undefined) throw new Error('a transaction did not begin');
  return running;
}

interface Methods {
  isInTransaction(): boolean;
  get(type: KeyType, names: readonly string[]): Promise<Record<string, unknown>>;
  set(data: SignalDataSet): Promise<void>;
  transaction<R>(work: () => Promise<R>): Promise<R>;
}

/** The key that a relay reads last before its stanza leaves (the token of the chat), or writes last when it goes to a group. */
const LAST_READ: KeyType = 'tctoken';
const LAST_OF_GROUP: KeyType = 'sender-key-memory';
/** What a transaction about settings uses first. */
const SETTINGS_VERSION: KeyType = 'app-state-sync-version';
/**
 * How often one may read or set versions without any that rises: Baileys asks for as long as the server says that there is more.
 */
const MAX_ROUNDS_IN_VAIN = 1_000;
/** The same in all: two for each answer, which brings one patch at least where much is known. */
const MAX_ROUNDS = 100_000;

async function readLast(scope: Scope | undefined, raw: RawKeys, type: KeyType, names: readonly string[]) {
  const found = await (scope ? readInScope(scope, raw, type, names) : raw.get(type, names));
  await leave(scope);
  return found;
}

/** Ends the transaction, and with it the turn of this message: nothing that it still does changes a key of another. */
async function leave(scope: Scope | undefined): Promise<void> {
  await scope?.close();
  await markLeaving();
}

async function readInScope(
  scope: Scope,
  raw: RawKeys,
  type: KeyType,
  names: readonly string[],
): Promise<Record<string, unknown>> {
  const missing = names.filter((name) => !valuesOf(scope.seen, type).has(name));
  if (missing.length > 0) {
    const found = await raw.get(type, missing);
    const seen = valuesOf(scope.seen, type);
    // Written meanwhile by the same transaction: that is newer.
    for (const name of missing) if (!seen.has(name)) seen.set(name, found[name] ?? null);
  }
  const result: Record<string, unknown> = {};
  for (const name of names) {
    const value = valuesOf(scope.seen, type).get(name);
    if (value !== null && value !== undefined) result[name] = value;
  }
  return result;
}

function valuesOf(map: Map<string, Values>, type: string): Values {
  let values = map.get(type);
  if (!values) {
    values = new Map();
    map.set(type, values);
  }
  return values;
}

function plain(written: Map<string, Values>): Record<string, Record<string, unknown>> {
  return Object.fromEntries([...written].map(([type, values]) => [type, Object.fromEntries(values)]));
}

function definedOnly(data: SignalDataSet): Record<string, Record<string, unknown>> {
  const entries = Object.entries(data).filter((entry) => entry[1] !== undefined);
  return Object.fromEntries(entries.map(([type, values]) => [type, { ...values }]));
}
