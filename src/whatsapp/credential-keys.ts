/** One opened session's credentials and keys: reads through a bounded cache, writes together and in order. */

import { sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import { createBatcher } from '../db/batcher.ts';
import { inBatches } from '../db/batches.ts';
import { isRetryable, isUnavailable } from '../db/ops.ts';
import { padded, placeholders, preparedFor, valuesAt } from '../db/prepared.ts';
import { waKeys } from '../db/schema.ts';
import type { SharedCommit } from '../db/shared-commit.ts';
import { retry } from '../utils/backoff.ts';
import { sleep } from '../utils/clock.ts';
import {
  type CredentialStoreDeps,
  fitsRow,
  KEYS_AT_ONCE,
  keyContext,
  keysNamed,
  OwnershipLost,
  SessionRowLocked,
} from './credential-rows.ts';
import { isAlongable, type KeyChange, type KeyWriter, writeAlong } from './credential-writer.ts';
import type { AccountRef } from './engine.ts';

/** Of all sessions together: those that are busy get what the others do not need. */
const CACHE_BYTES = 64 * 1024 ** 2;
/** Of an entry beside its bytes; the adapter may remember what they mean as long as they are here. */
const ENTRY_BYTES = 500;
/** Keys set in bulk (812 pre-keys after pairing) are not read soon, and would push out those that are. */
const MAX_CACHED_AT_ONCE = 50;
const RETRY = { firstMs: 100, maxMs: 5_000 };
/** A server is patient with a message that is not confirmed; what is sent meanwhile has bounds of its own. */
const READ_TIMEOUT_MS = 90_000;

/** Values are bytes; what they mean is the adapter's business. */
export interface AccountKeys {
  /** The credentials as they were when the session was opened; null for a session that was never paired. */
  readonly credentials: Buffer | null;
  /**
   * Those of `names` that exist. What was set is seen at once, written or not. While the database is away it is asked
   * again; rejects when it stays away, and then tells that first (`onAway`).
   */
  get(type: string, names: readonly string[]): Promise<Map<string, Buffer>>;
  /**
   * Resolves when it is durable. All that is set in one tick goes into one transaction, under the fence; while the
   * database is away it is tried again. A change that no row can hold is left out, as if it had not been set. Rejects with
   * OwnershipLost, when `close` gave up, or when the database refuses for too long, which is told first (`onAway`). `commit`: a
   * transaction that has looked at the fence, and takes a few Signal sessions along where nothing else is being written.
   */
  set(changes: readonly KeyChange[], commit?: SharedCommit): Promise<void>;
  setCredentials(credentials: Buffer): Promise<void>;
  /** Tells once that the session belongs to another process. */
  onLost(listener: () => void): void;
  /** Tells that keys could not be read, or written, for too long: the socket must be closed. */
  onAway(listener: () => void): void;
  /** Waits up to `timeoutMs` for what is still to be written; afterwards everything is refused. */
  close(timeoutMs: number): Promise<void>;
}

/** The keys of an opening, as the store sees them. */
export interface Opening extends AccountKeys {
  /** Ends it at once, when it was not closed: the session is opened again. */
  abandon(): void;
  /** False while, or when, something that it set may still become durable, or not: nobody knows. */
  isSettled(): boolean;
}

/** The change of one call. */
type Change = { credentials: Buffer } | { keys: readonly KeyChange[] };

const keyOf = (type: string, name: string): string => `${type}\0${name}`;
let opened = 0;

export function createAccountKeys(
  deps: CredentialStoreDeps & { cache: KeyCache; writer: KeyWriter },
  account: AccountRef,
  credentials: Buffer | null,
): Opening {
  const { cache } = deps;
  /** what this opening has put into the cache; it is removed at the end, since it is never read again */
  let cached = new Set<string>();

  function keep(name: string, value: Buffer | null): void {
    cache.set(name, { value: value && alone(value) });
    cached.add(name);
    if (cached.size > MAX_NOTED && cached.size > 2 * cache.size) {
      cached = new Set([...cached].filter((one) => cache.has(one)));
    }
  }
  /** Keeps apart what an earlier owner of the session has cached: it may be old. */
  const scope = `${++opened}\0`;
  const giveUp = new AbortController();
  const lostListeners: (() => void)[] = [];
  const awayListeners: (() => void)[] = [];
  /** what is set and not durable yet, the latest by key */
  const unwritten = new Map<string, KeyChange>();
  let lastWrite: Promise<unknown> = Promise.resolve();
  let failed: Error | null = null;
  let writing = 0;
  /** the transaction with which keys of a message are being written */
  let along: Promise<unknown> | null = null;
  let refused: Error | null = null;
  /** what is set while a read is under way: newer than what that finds */
  const reading = new Set<Map<string, Buffer | null>>();
  const batcher = createBatcher<Change, undefined>({ run: writeAll, maxBatch: Number.POSITIVE_INFINITY });

  function write(change: Change): Promise<void> {
    const written = batcher.add(change);
    // Not every change has a caller that waits.
    lastWrite = written.catch(() => undefined);
    return written;
  }

  /** Keys of a message with the transaction that queues it; by themselves where that comes to nothing. */
  async function writeWith(commit: SharedCommit, keys: readonly KeyChange[]): Promise<void> {
    let isWritten = false;
    writing++;
    const offered = commit.offer(async (tx) => {
      isWritten = await writeAlong(tx, deps, { account, keys, over: giveUp.signal });
    });
    // What is set meanwhile is newer, and is written after these.
    along = offered;
    const isCommitted = await offered;
    writing--;
    along = null;
    if (isCommitted && isWritten) forget(keys);
    // Each as it is by now: one that was set since may be among those that are being written.
    else await write({ keys: keys.map((key) => unwritten.get(keyOf(key.type, key.name)) ?? key) });
  }

  function forget(changes: Iterable<KeyChange>): void {
    for (const change of changes) {
      const key = keyOf(change.type, change.name);
      if (unwritten.get(key) === change) unwritten.delete(key);
    }
  }

  async function writeAll(changes: readonly Change[]): Promise<undefined[]> {
    if (along !== null) await along;
    if (failed) throw failed;
    const batch = merge(changes);
    writing++;
    try {
      const leftOut = await writeUntilDone(deps, account, batch, giveUp.signal);
      for (const { type, name } of leftOut) cache.delete(scope + keyOf(type, name));
      tellLeftOut(leftOut.length);
    } catch (error) {
      failed = error instanceof Error ? error : new Error(String(error));
      refused = failed;
      if (error instanceof OwnershipLost) for (const listener of lostListeners.splice(0)) listener();
      else if (!giveUp.signal.aborted) for (const listener of awayListeners) listener();
      throw failed;
    } finally {
      writing--;
    }
    forget(batch.keys.values());
    return changes.map(() => undefined);
  }

  /** Without names: they may hold phone numbers, or what a stranger has written. */
  function tellLeftOut(count: number): void {
    if (count === 0) return;
    deps.logger.error('keys that no row can hold were left out', { accountId: account.id, count });
  }

  function peek(type: string, name: string): Buffer | null | undefined {
    const key = keyOf(type, name);
    const change = unwritten.get(key);
    return change ? change.value : cache.get(scope + key)?.value;
  }

  function readPatiently(type: string, names: readonly string[]): Promise<Map<string, Buffer>> {
    return retry(
      async () => {
        if (refused) throw refused;
        return readKeys(deps, account.id, type, names);
      },
      {
        clock: deps.clock,
        range: RETRY,
        signal: giveUp.signal,
        timeoutMs: deps.readTimeoutMs ?? READ_TIMEOUT_MS,
        isPassing: (error) => !refused && (isUnavailable(error) || isRetryable(error)),
        onRetry: (error) =>
          deps.logger.warn('keys could not be read, trying again', { accountId: account.id, error }),
        onGivenUp() {
          for (const listener of awayListeners) listener();
        },
      },
    );
  }

  function end(): void {
    // Later writes are refused: they must not land after somebody else has loaded.
    refused ??= new Error('the session was closed');
    giveUp.abort();
    for (const name of cached) cache.delete(name);
    cached.clear();
  }

  return {
    credentials,
    abandon: end,
    isSettled: () =>
      writing === 0 && !batcher.isBusy() && (failed === null || failed instanceof OwnershipLost),
    async get(type, names) {
      if (refused) throw refused;
      const found = new Map<string, Buffer>();
      const missing: string[] = [];
      for (const name of names) {
        const value = peek(type, name);
        if (value) found.set(name, value);
        else if (value === undefined) missing.push(name);
      }
      if (missing.length === 0) return found;
      const newer = new Map<string, Buffer | null>();
      reading.add(newer);
      const read = await readPatiently(type, missing).finally(() => reading.delete(newer));
      for (const name of missing) {
        const key = keyOf(type, name);
        const changed = newer.get(key);
        const value = changed === undefined ? (read.get(name) ?? null) : changed;
        if (changed === undefined) keep(scope + key, value);
        if (value) found.set(name, value);
      }
      return found;
    },
    set(changes, commit) {
      if (refused) return Promise.reject(refused);
      const fitting = changes.filter(({ type, name, value }) => fitsRow(type, name, value));
      tellLeftOut(changes.length - fitting.length);
      const isBulk = fitting.length > MAX_CACHED_AT_ONCE;
      for (const change of fitting) {
        const key = keyOf(change.type, change.name);
        unwritten.set(key, change);
        for (const newer of reading) newer.set(key, change.value);
        if (isBulk) cache.delete(scope + key);
        else keep(scope + key, change.value);
      }
      const isFirst = along === null && failed === null && !batcher.isBusy();
      if (commit === undefined || !isFirst || !isAlongable(fitting)) return write({ keys: fitting });
      const written = writeWith(commit, fitting);
      lastWrite = written.catch(() => undefined);
      return written;
    },
    setCredentials(bytes) {
      if (refused) return Promise.reject(refused);
      return write({ credentials: bytes });
    },
    onLost(listener) {
      lostListeners.push(listener);
    },
    onAway(listener) {
      awayListeners.push(listener);
    },
    async close(timeoutMs) {
      refused ??= new Error('the session was closed');
      const bound = new AbortController();
      const expired = sleep(deps.clock, timeoutMs, bound.signal);
      await Promise.race([lastWrite, expired]);
      bound.abort();
      end();
    },
  };
}

/** Names noted before those that were pushed out of the cache are looked for. */
const MAX_NOTED = 2_000;

/** Keys of all sessions that are open in this process. */
export type KeyCache = LRUCache<string, { value: Buffer | null }>;

export const createKeyCache = (): KeyCache =>
  new LRUCache({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ value }, key) => ENTRY_BYTES + key.length + 2 * (value?.length ?? 0),
  });

/**
 * The value in memory of its own. A small Buffer is a view of 8 kB that it shares with others: kept for long, it keeps
 * all of that, and the cache would be many times as large as it counts.
 */
function alone(value: Buffer): Buffer {
  if (value.buffer.byteLength === value.byteLength) return value;
  const copy = Buffer.allocUnsafeSlow(value.byteLength);
  value.copy(copy);
  return copy;
}

/** The writes of one session at a time: the latest credentials, and the latest change of each key. */
interface Batch {
  credentials: Buffer | null;
  keys: Map<string, KeyChange>;
}

function merge(changes: readonly Change[]): Batch {
  const batch: Batch = { credentials: null, keys: new Map() };
  for (const change of changes) {
    if ('credentials' in change) batch.credentials = change.credentials;
    else for (const key of change.keys) batch.keys.set(keyOf(key.type, key.name), key);
  }
  return batch;
}

/**
 * Refusals in a row, of a database that is there and for no cause that is known to pass, after which a session is closed: a
 * minute or so.
 */
const MAX_REFUSALS = 20;

/**
 * What of the keys was left out. A database that is away comes back: only a lost ownership or the end of the session stops that.
 * A write that it has refused while it was there is tried again without those of other sessions, which it would make slow
 * each time, and without what it refuses.
 */
function writeUntilDone(
  deps: CredentialStoreDeps & { writer: KeyWriter },
  account: AccountRef,
  batch: Batch,
  giveUp: AbortSignal,
): Promise<readonly KeyChange[]> {
  const { credentials } = batch;
  const keys = [...batch.keys.values()];
  let alone = false;
  let refusals = 0;
  return retry(() => deps.writer.add({ account, credentials, keys, over: giveUp }, { alone }), {
    clock: deps.clock,
    range: RETRY,
    signal: giveUp,
    isPassing(error) {
      const passes = isUnavailable(error) || isRetryable(error) || error instanceof SessionRowLocked;
      refusals = passes ? 0 : refusals + 1;
      return refusals < MAX_REFUSALS && !(error instanceof OwnershipLost);
    },
    onRetry(error) {
      alone = !isUnavailable(error) && !(error instanceof SessionRowLocked);
      deps.logger.warn('credentials could not be written, trying again', { accountId: account.id, error });
    },
  });
}

/**
 * Those that exist and can be opened. One that was sealed with another key, or is damaged, is as good as gone: WhatsApp's
 * clients agree on new ones when one is missing, and the next write takes its place.
 */
async function readKeys(
  { db, secrets, logger }: CredentialStoreDeps,
  accountId: string,
  type: string,
  names: readonly string[],
): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for await (const batch of inBatches(names, KEYS_AT_ONCE)) {
    const wanted = padded(batch, KEYS_AT_ONCE);
    const named = valuesAt(wanted.map((name) => ({ name })));
    const rows = await keysOf(db, wanted.length).execute({ accountId, type, ...named });
    for (const { name, keyId, sealed } of rows) {
      try {
        found.set(name, secrets.open(sealed, keyId, keyContext(accountId, type, name)));
      } catch (error) {
        // Its name may hold a phone number.
        logger.error('a key cannot be opened and is taken for missing', {
          accountId,
          type,
          error: String(error),
        });
      }
    }
  }
  return found;
}

const keysOf = preparedFor((db, named, count) =>
  db
    .select({ name: waKeys.name, keyId: waKeys.keyId, sealed: waKeys.sealed })
    .from(waKeys)
    .where(
      keysNamed(
        sql.placeholder('accountId'),
        sql.placeholder('type'),
        placeholders(named, 'name', count ?? 0),
      ),
    )
    .prepare(),
);
