/** Writes credentials and keys under the fence, and who is who with them: what the sessions of this process set at the same moment, together. */
import { createBatcher } from '../db/batcher.ts';
import { byHalves, inBatches } from '../db/batches.ts';
import type { Tx } from '../db/client.ts';
import { conflictPauseMs } from '../db/errors.ts';
import { pause, yieldToEventLoop } from '../db/event-loop.ts';
import {
  type Guard,
  incoming,
  isRefusedValue,
  MAX_GUARDED,
  statementsAreCheap,
  transact,
  unanswered,
  upsert,
  upsertGuarded,
  upsertLocked,
} from '../db/ops.ts';
import { waCredentials, waKeys, whatsappAccounts } from '../db/schema.ts';
import type { Clock } from '../utils/clock.ts';
import type { SecretBox } from '../utils/crypto.ts';
import {
  type CredentialStoreDeps,
  credentialsContext,
  isOwned,
  KEYS_AT_ONCE,
  keyContext,
  keysNamed,
  keysOfStatement,
  lockFree,
  lockOwned,
  OpeningOver,
  OwnershipLost,
  SessionRowLocked,
} from './credential-rows.ts';
import type { AccountRef } from './engine.ts';
import { joinChats, learnPairs, PAIRS_AT_ONCE, pairsIn } from './same-chat.ts';

export interface KeyChange {
  type: string;
  name: string;
  /** null deletes */
  value: Buffer | null;
}

/** The keys that one session sets; each key once. */
export interface KeyWrite {
  account: AccountRef;
  /** null: they stay as they are */
  credentials: Buffer | null;
  keys: readonly KeyChange[];
  /** Aborted when its opening is over: from then on nothing of it is written. */
  over: AbortSignal;
}

export interface KeyWriter {
  /**
   * Resolves when the write is durable; throws OwnershipLost, OpeningOver, or SessionRowLocked when somebody has held the
   * session's row for a second. A session waits for its write before it asks for the next one: two of one session could
   * overtake each other. `alone`: not together with others, because the database has refused it; the keys whose values it
   * refuses are left out then. Resolves with those.
   */
  add(write: KeyWrite, options?: { alone?: boolean }): Promise<readonly KeyChange[]>;
}

/** Sessions of one transaction: some milliseconds of work. */
const MAX_BATCH = 50;
/** Transactions at a time: one that writes a new session's many keys must not stop the others. */
const MAX_RUNNING = 2;
/** Keys in one statement with the lock of their session's row: those of a message to a few devices. */
const MAX_AT_ONCE = 8;
/** Looks at a session's row that somebody else has locked, over about a second in all. */
const LOCKED_TRIES = 6;

/** What was left out of what is written, and whether more is left to join of the chats of its people. */
interface Written {
  leftOut: readonly KeyChange[];
  isMore: boolean;
}
type Outcome = Written | 'not_held' | 'over';

interface Manner {
  /** looks for a moment at rows that somebody has locked */
  patient: boolean;
  /** leaves out what the database refuses */
  careful: boolean;
}

/** Makes the writer of this process. */
export function createKeyWriter(deps: CredentialStoreDeps): KeyWriter {
  const run = (manner: Manner) => (writes: readonly KeyWrite[]) =>
    transact(deps.db, (tx) => writeAll(tx, deps, writes, manner));
  const shared = createBatcher<KeyWrite, Outcome>({
    run: run({ patient: true, careful: false }),
    maxBatch: MAX_BATCH,
    maxRunning: MAX_RUNNING,
  });
  const single = createBatcher<KeyWrite, Outcome>({
    run: run({ patient: false, careful: false }),
    maxBatch: 1,
  });
  const careful = createBatcher<KeyWrite, Outcome>({
    run: run({ patient: false, careful: true }),
    maxBatch: 1,
  });
  return {
    async add(write, { alone = false } = {}) {
      for (let tries = 1; tries <= LOCKED_TRIES; tries++) {
        const outcome = await (alone ? careful : tries > 1 ? single : shared).add(write);
        if (outcome === 'over') throw new OpeningOver();
        if (outcome !== 'not_held') {
          if (outcome.isMore) await joinRest(deps, write);
          return outcome.leftOut;
        }
        if (!(await isOwned(deps.db, write.account))) throw new OwnershipLost(write.account.id);
        await pause(conflictPauseMs(tries));
      }
      throw new SessionRowLocked(`somebody holds the row of session ${write.account.id}`);
    },
  };
}

async function writeAll(
  tx: Tx,
  deps: CredentialStoreDeps,
  writes: readonly KeyWrite[],
  manner: Manner,
): Promise<Outcome[]> {
  const [only] = writes;
  const isAlone = writes.length === 1 && !manner.careful;
  if (only !== undefined && isAlone && (await writeAtOnce(tx, deps, only))) {
    // Looked at under the lock, as below: what was written is undone.
    if (only.over.aborted) throw new OpeningOver();
    return [{ leftOut: [], isMore: await learnPeople(tx, deps, only) }];
  }
  const wanted = writes.filter(({ over }) => !over.aborted);
  const done = manner.careful ? 'nothing' : await writeHeld(tx, deps, wanted);
  const isWritten = done === 'all';
  const accounts = wanted.map(({ account }) => account);
  const locked = isWritten ? new Set(accounts) : await lockFree(tx, accounts, manner);
  // Looked at under the lock: the next opening takes it before it reads. What is written by now has come before that.
  const outcomes = writes.map((write): Outcome => {
    if (done === 'nothing' ? write.over.aborted : !wanted.includes(write)) return 'over';
    return locked.has(write.account) ? { leftOut: [], isMore: false } : 'not_held';
  });
  const held = writes.filter((_, n) => typeof outcomes[n] !== 'string');
  for (const { account, credentials } of held) {
    if (credentials) await writeCredentials(tx, deps, account.id, credentials);
  }
  const written = held.flatMap(({ account, keys }) =>
    keys.flatMap(({ type, name, value }) => (value ? [{ accountId: account.id, type, name, value }] : [])),
  );
  const put = manner.careful ? writeAccepted : writeEach;
  const leftOut = isWritten ? [] : await put(tx, written, (on, keys) => upsertKeys(on, deps.secrets, keys));
  for (const [n, write] of writes.entries()) {
    if (typeof outcomes[n] === 'string') continue;
    await deleteKeys(tx, write.account.id, write.keys);
    // Together: the engine tells of a pair once, and asks nobody again whom it has a key for. Whoever is careful writes alone.
    outcomes[n] = { leftOut, isMore: await learnPeople(tx, deps, write) };
  }
  return outcomes;
}

type WriteRows<T> = (tx: Tx, rows: readonly T[]) => Promise<void>;

async function writeEach<T>(tx: Tx, rows: readonly T[], write: WriteRows<T>): Promise<T[]> {
  await write(tx, rows);
  return [];
}

/** Writes those that the database takes, and resolves with the others. */
async function writeAccepted<T>(tx: Tx, rows: readonly T[], write: WriteRows<T>): Promise<T[]> {
  const within = (some: readonly T[]) => tx.transaction((inner) => write(inner, some));
  return (await byHalves(rows, within, isRefusedValue)).map(({ item }) => item);
}

/** Whether more is left to join of their chats. */
async function learnPeople(
  tx: Tx,
  { clock }: CredentialStoreDeps,
  { account, keys }: KeyWrite,
): Promise<boolean> {
  const left = await learnPairs(tx, account.id, pairsIn(keys), clock.now());
  return left.length > 0;
}

/** Joins the rest of the chats of a write's people, in transactions that hold nobody up. Throws OwnershipLost. */
async function joinRest({ db }: CredentialStoreDeps, { account, keys, over }: KeyWrite): Promise<void> {
  for await (const pairs of inBatches(pairsIn(keys), PAIRS_AT_ONCE)) {
    let isJoined = false;
    while (!isJoined && !over.aborted) {
      await yieldToEventLoop();
      isJoined = await transact(db, async (tx) => {
        await lockOwned(tx, account);
        return joinChats(tx, account.id, pairs);
      });
    }
  }
}

/**
 * The usual write of a session, a few keys that are set, in one statement with the lock of its row: false, and nothing is written, for
 * any other one, and where the row is not free. Not on SQLite, where statements are cheap.
 */
async function writeAtOnce(
  tx: Tx,
  { secrets }: CredentialStoreDeps,
  { account, credentials, keys, over }: KeyWrite,
): Promise<boolean> {
  const isUsual = credentials === null && !over.aborted && keys.length > 0 && keys.length <= MAX_AT_ONCE;
  if (statementsAreCheap || !isUsual || keysOfStatement(keys, 0) < keys.length) return false;
  const rows = keys.flatMap(({ type, name, value }) =>
    value ? [sealedRow(secrets, account.id, { type, name, value })] : [],
  );
  if (rows.length < keys.length) return false;
  return upsertLocked(tx, waKeys, rows, KEY, { set: SEALED, guard: guardOf(account) });
}

/** Whether keys may be written by another transaction: a few Signal sessions, which the database cannot refuse. */
export function isAlongable(keys: readonly KeyChange[]): boolean {
  const isFew = keys.length > 0 && keys.length <= MAX_AT_ONCE && keysOfStatement(keys, 0) === keys.length;
  return isFew && keys.every(({ type, value }) => type === 'session' && value !== null);
}

/**
 * Writes keys (`isAlongable`) in a transaction that has locked the row of their session under its fence. False: its opening is
 * over, and nothing is written.
 */
export async function writeAlong(
  tx: Tx,
  { secrets }: CredentialStoreDeps,
  { account, keys, over }: Omit<KeyWrite, 'credentials'>,
): Promise<boolean> {
  if (over.aborted) return false;
  const rows = keys.flatMap(({ type, name, value }) =>
    value ? [sealedRow(secrets, account.id, { type, name, value })] : [],
  );
  await upsert(unanswered(tx), waKeys, rows, KEY, SEALED);
  return true;
}

/**
 * On SQLite the keys that these sessions set, in one statement with the look at their rows. `held`: only those of the sessions that are
 * held, because one is not. `nothing`: one sets none, or they are too many for a statement.
 */
async function writeHeld(
  tx: Tx,
  { secrets }: CredentialStoreDeps,
  writes: readonly KeyWrite[],
): Promise<'all' | 'held' | 'nothing'> {
  if (!statementsAreCheap || writes.length === 0) return 'nothing';
  const set = writes.flatMap(({ account, keys }) =>
    keys.flatMap(({ type, name, value }) => (value ? [{ account, type, name, value }] : [])),
  );
  const isEach = new Set(set.map(({ account }) => account)).size === writes.length;
  if (!isEach || set.length > MAX_GUARDED || keysOfStatement(set, 0) < set.length) return 'nothing';
  const rows = set.map(({ account, ...key }) => sealedRow(secrets, account.id, key));
  const guards = set.map(({ account }) => guardOf(account));
  const count = await upsertGuarded(tx, waKeys, rows, KEY, { set: SEALED, guards });
  return count === rows.length ? 'all' : 'held';
}

function guardOf(account: AccountRef): Guard {
  const { id, owner, fence } = whatsappAccounts;
  return [
    [id, account.id],
    [owner, account.owner],
    [fence, account.fence],
  ];
}

const KEY = [waKeys.accountId, waKeys.type, waKeys.name];
const SEALED = { keyId: incoming<string>(waKeys.keyId), sealed: incoming<Buffer>(waKeys.sealed) };

function sealedRow(secrets: SecretBox, accountId: string, { type, name, value }: StoredKey) {
  const sealed = secrets.seal(value, keyContext(accountId, type, name));
  return { accountId, type, name, keyId: secrets.keyId, sealed };
}

async function deleteKeys(tx: Tx, accountId: string, keys: readonly KeyChange[]): Promise<void> {
  const deleted = keys.filter((change) => change.value === null);
  for (const type of new Set(deleted.map((change) => change.type))) {
    const names = deleted.filter((change) => change.type === type).map((change) => change.name);
    for await (const batch of inBatches(names, KEYS_AT_ONCE)) {
      await tx.delete(waKeys).where(keysNamed(accountId, type, batch));
    }
  }
}

/** A key as the engines keep it. */
export interface StoredKey {
  type: string;
  name: string;
  value: Buffer;
}

/** Seals keys and writes them over those of the same name. */
export async function writeKeys(
  tx: Tx,
  secrets: SecretBox,
  accountId: string,
  keys: readonly StoredKey[],
): Promise<void> {
  await upsertKeys(
    tx,
    secrets,
    keys.map((key) => ({ accountId, ...key })),
  );
}

async function upsertKeys(
  tx: Tx,
  secrets: SecretBox,
  keys: readonly (StoredKey & { accountId: string })[],
): Promise<void> {
  for await (const batch of inBatches(keys, (at) => keysOfStatement(keys, at))) {
    const rows = batch.map(({ accountId, ...key }) => sealedRow(secrets, accountId, key));
    await upsert(tx, waKeys, rows, KEY, SEALED);
  }
}

/** Seals the credentials: from the end of the transaction on the session is linked. */
export async function writeCredentials(
  tx: Tx,
  { secrets, clock }: { secrets: SecretBox; clock: Clock },
  accountId: string,
  credentials: Buffer,
): Promise<void> {
  const changes = {
    keyId: secrets.keyId,
    sealed: secrets.seal(credentials, credentialsContext(accountId)),
    updatedAt: clock.now(),
  };
  await upsert(tx, waCredentials, { accountId, ...changes }, [waCredentials.accountId], changes);
}
