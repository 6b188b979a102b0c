/** Writes credentials and keys under the fence, and who is who with them: what the sessions of this process set at the same moment, together. */
import { createBatcher } from '../db/batcher.ts';
import { inBatches } from '../db/batches.ts';
import type { Tx } from '../db/client.ts';
import { conflictPauseMs } from '../db/errors.ts';
import { pause, yieldToEventLoop } from '../db/event-loop.ts';
import { type Guard, incoming, statementsAreCheap, transact, upsert, upsertLocked } from '../db/ops.ts';
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
   * overtake each other. `alone`: not together with others, because the database has refused it.
   */
  add(write: KeyWrite, options?: { alone?: boolean }): Promise<void>;
}

/** Sessions of one transaction: some milliseconds of work. */
const MAX_BATCH = 50;
/** Transactions at a time: one that writes a new session's many keys must not stop the others. */
const MAX_RUNNING = 2;
/** Keys in one statement with the lock of their session's row: those of a message to a few devices. */
const MAX_AT_ONCE = 8;
/** Looks at a session's row that somebody else has locked, over about a second in all. */
const LOCKED_TRIES = 6;

/** `more`: it is written, and of the chats of its people more is left to join. */
type Outcome = 'written' | 'more' | 'not_held' | 'over';

/** Makes the writer of this process. */
export function createKeyWriter(deps: CredentialStoreDeps): KeyWriter {
  const run = (options: { patient: boolean }) => (writes: readonly KeyWrite[]) =>
    transact(deps.db, (tx) => writeAll(tx, deps, writes, options));
  const shared = createBatcher<KeyWrite, Outcome>({
    run: run({ patient: true }),
    maxBatch: MAX_BATCH,
    maxRunning: MAX_RUNNING,
  });
  const single = createBatcher<KeyWrite, Outcome>({ run: run({ patient: false }), maxBatch: 1 });
  return {
    async add(write, { alone = false } = {}) {
      for (let tries = 1; tries <= LOCKED_TRIES; tries++) {
        const outcome = await (alone || tries > 1 ? single : shared).add(write);
        if (outcome === 'more') await joinRest(deps, write);
        if (outcome === 'written' || outcome === 'more') return;
        if (outcome === 'over') throw new OpeningOver();
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
  options: { patient: boolean },
): Promise<Outcome[]> {
  const [only] = writes;
  if (only !== undefined && writes.length === 1 && (await writeAtOnce(tx, deps, only))) {
    // Looked at under the lock, as below: what was written is undone.
    if (only.over.aborted) throw new OpeningOver();
    return [await learnPeople(tx, deps, only)];
  }
  const wanted = writes.filter(({ over }) => !over.aborted).map(({ account }) => account);
  const locked = await lockFree(tx, wanted, options);
  // Looked at under the lock: the next opening takes it before it reads.
  const outcomes = writes.map(({ account, over }): Outcome => {
    if (over.aborted) return 'over';
    return locked.has(account) ? 'written' : 'not_held';
  });
  const held = writes.filter((_, n) => outcomes[n] === 'written');
  for (const { account, credentials } of held) {
    if (credentials) await writeCredentials(tx, deps, account.id, credentials);
  }
  const written = held.flatMap(({ account, keys }) =>
    keys.flatMap(({ type, name, value }) => (value ? [{ accountId: account.id, type, name, value }] : [])),
  );
  for await (const keys of inBatches(written, KEYS_AT_ONCE)) await upsertKeys(tx, deps.secrets, keys);
  for (const [n, write] of writes.entries()) {
    if (outcomes[n] !== 'written') continue;
    await deleteKeys(tx, write.account.id, write.keys);
    // Together: the engine tells of a pair once, and asks nobody again whom it has a key for.
    outcomes[n] = await learnPeople(tx, deps, write);
  }
  return outcomes;
}

async function learnPeople(
  tx: Tx,
  { clock }: CredentialStoreDeps,
  { account, keys }: KeyWrite,
): Promise<'written' | 'more'> {
  const left = await learnPairs(tx, account.id, pairsIn(keys), clock.now());
  return left.length === 0 ? 'written' : 'more';
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
  if (statementsAreCheap || !isUsual) return false;
  const rows = keys.flatMap(({ type, name, value }) =>
    value ? [sealedRow(secrets, account.id, { type, name, value })] : [],
  );
  if (rows.length < keys.length) return false;
  const { id, owner, fence } = whatsappAccounts;
  const guard: Guard = [
    [id, account.id],
    [owner, account.owner],
    [fence, account.fence],
  ];
  return upsertLocked(tx, waKeys, rows, KEY, { set: SEALED, guard });
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
  const rows = keys.map(({ accountId, ...key }) => sealedRow(secrets, accountId, key));
  await upsert(tx, waKeys, rows, KEY, SEALED);
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
