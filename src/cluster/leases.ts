/** Ownership of sessions. Every change of owner raises the fence, so that an old owner's writes hit no row. */

import { and, count, eq, inArray, isNotNull, isNull, notInArray, or, type SQL, sql } from 'drizzle-orm';
import { inBatches } from '../db/batches.ts';
import type { Db, Tx } from '../db/client.ts';
import { affected, skipLocked, transact } from '../db/ops.ts';
import { LINKING_STATUSES, processes, whatsappAccounts, workspaces } from '../db/schema.ts';
import { IMPORT_INTERRUPTED, IMPORTING } from '../whatsapp/credential-transfer.ts';
import type { AccountRef } from '../whatsapp/engine.ts';
import { noteLastSeen } from './processes.ts';
import type { Counts, Orphan } from './rebalance.ts';

const accounts = whatsappAccounts;
/** Sessions named in one statement. */
const BATCH_SIZE = 200;

export interface OwnedSession extends AccountRef {
  /** false: its user is disabled, so it must hold no socket */
  enabled: boolean;
  status: Status;
  /** as the row has it now: another one than its socket goes by means that it must connect again */
  proxy: string | null;
  /** what comes in from then on is marked read by itself; null: it is not, or not now */
  autoReadFrom: number | null;
  /** calls are rejected as they ring */
  rejectCalls: boolean;
  /** posts of others that are read and stored */
  receiveStatus: boolean;
  receiveChannels: boolean;
}

type Status = (typeof accounts.$inferSelect)['status'];

/** Those that hold a socket, or want one. */
const ACTIVE: ReadonlySet<Status> = new Set([...LINKING_STATUSES, 'connected', 'disconnected']);

/** The columns in which a socket shows a pairing, empty: what it showed ends with it. */
export const NO_PAIRING = { qr: null, pairingCode: null, qrExpiresAt: null, passkey: null } as const;

/** True when the session holds a socket, or wants one. */
export const isActive = ({ status }: { status: Status }): boolean => ACTIVE.has(status);

/** The condition that an account's row still belongs to this owner under this fence. */
export function heldBy(account: Pick<AccountRef, 'id' | 'owner' | 'fence'>): SQL | undefined {
  return and(
    eq(accounts.id, account.id),
    eq(accounts.owner, account.owner),
    eq(accounts.fence, account.fence),
  );
}

/** Every session whose row names `owner`. */
export async function readOwned(db: Db, owner: string): Promise<OwnedSession[]> {
  const rows = await db
    .select({
      id: accounts.id,
      userId: accounts.userId,
      sessionId: accounts.sessionId,
      fence: accounts.fence,
      status: accounts.status,
      workspaceStatus: workspaces.status,
      proxy: accounts.proxy,
      autoReadFrom: accounts.autoReadFrom,
      rejectCalls: accounts.rejectCalls,
      receiveStatus: accounts.receiveStatus,
      receiveChannels: accounts.receiveChannels,
      suspendedAt: accounts.suspendedAt,
    })
    .from(accounts)
    .leftJoin(workspaces, eq(workspaces.id, accounts.userId))
    .where(eq(accounts.owner, owner));
  return rows.map(({ workspaceStatus, ...row }) => ({
    ...quietWhileSuspended(row),
    owner,
    enabled: workspaceStatus !== 'disabled',
  }));
}

/** No call is rejected and nothing is marked read while the workspace is suspended: nobody has read it. What came meanwhile is when it goes on. */
export function quietWhileSuspended<
  R extends { autoReadFrom: number | null; rejectCalls: boolean; suspendedAt: number | null },
>({ suspendedAt, ...row }: R): Omit<R, 'suspendedAt'> {
  return suspendedAt === null ? row : { ...row, autoReadFrom: null, rejectCalls: false };
}

const withoutLiveOwner = (live: readonly string[]): SQL | undefined =>
  live.length === 0 ? undefined : or(isNull(accounts.owner), notInArray(accounts.owner, [...live]));

/** Sessions that no living process owns. */
export async function findOrphans(db: Db, live: readonly string[]): Promise<Orphan[]> {
  const rows = await db
    .select({ id: accounts.id, status: accounts.status })
    .from(accounts)
    .where(withoutLiveOwner(live));
  return rows.map((row) => ({ id: row.id, active: isActive(row) }));
}

/** Which of `ids`, 200 at most, one of `owners` has. */
export async function findOwnedBy(
  db: Db,
  ids: readonly string[],
  owners: readonly string[],
): Promise<Set<string>> {
  if (owners.length === 0) return new Set();
  const rows = await db
    .select({ id: accounts.id })
    .from(accounts)
    .where(and(inArray(accounts.id, [...ids]), inArray(accounts.owner, [...owners])));
  return new Set(rows.map(({ id }) => id));
}

/**
 * Makes `owner` the owner of those of `ids` that no living process owns. Two that race: one wins each row. A row
 * that a stalled process holds locked is left for later instead of stopping all.
 */
export async function takeOver(
  db: Db,
  owner: string,
  ids: readonly string[],
  live: readonly string[],
): Promise<number> {
  return inPieces(ids, (piece) =>
    transact(db, async (tx) => {
      const free = tx
        .select({ id: accounts.id })
        .from(accounts)
        .where(and(inArray(accounts.id, piece), withoutLiveOwner(live)));
      const found = (await skipLocked(free)).map(({ id }) => id);
      if (found.length === 0) return 0;
      await noteLastSeenOf(tx, found, live);
      await interruptImports(tx, found);
      const taken = await tx
        .update(accounts)
        .set({ owner, fence: sql`${accounts.fence} + 1`, ...NO_PAIRING })
        .where(and(inArray(accounts.id, found), withoutLiveOwner(live)));
      return affected(taken);
    }),
  );
}

/** An import ends with its process. One without an owner is that of a tool, which may be running. */
async function interruptImports(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx
    .update(accounts)
    .set({ reason: IMPORT_INTERRUPTED })
    .where(and(inArray(accounts.id, [...ids]), eq(accounts.reason, IMPORTING), isNotNull(accounts.owner)));
}

/** When the sessions were seen in processes that have not renewed their heartbeat. */
async function noteLastSeenOf(tx: Tx, ids: readonly string[], live: readonly string[]): Promise<void> {
  const silent = await tx
    .select({ id: processes.id, heartbeatAt: processes.heartbeatAt })
    .from(processes)
    .where(live.length === 0 ? undefined : notInArray(processes.id, [...live]));
  for (const process of silent) await noteLastSeen(tx, process, inArray(accounts.id, [...ids]));
}

/** Raises the fences of sessions that `owner` holds anyway: what it did under the old ones is over. */
export async function raiseFences(db: Db, owner: string, ids: readonly string[]): Promise<number> {
  return inPieces(ids, async (piece) => {
    const mine = and(inArray(accounts.id, piece), eq(accounts.owner, owner));
    return affected(
      await db
        .update(accounts)
        .set({ fence: sql`${accounts.fence} + 1` })
        .where(mine),
    );
  });
}

/** Gives one session up, seen until `now`; false when it is not held under this fence any more. */
export async function release(db: Db, session: OwnedSession, now: number): Promise<boolean> {
  return (
    affected(
      await db
        .update(accounts)
        .set({ owner: null, lastSeenAt: seenUntil(now), ...NO_PAIRING })
        .where(heldBy(session)),
    ) === 1
  );
}

/** One that is connected to its end was seen until then. */
const seenUntil = (now: number) =>
  sql`case when ${accounts.status} = 'connected' then ${now} else ${accounts.lastSeenAt} end`;

/** Gives up everything that `owner` holds, seen until `now`. */
export async function releaseAll(db: Db, owner: string, now: number): Promise<void> {
  await db
    .update(accounts)
    .set({ owner: null, lastSeenAt: seenUntil(now), ...NO_PAIRING })
    .where(eq(accounts.owner, owner));
}

/** How many sessions there are, owned or not. */
export async function countSessions(db: Db): Promise<Counts> {
  const rows = await db
    .select({ status: accounts.status, n: count() })
    .from(accounts)
    .groupBy(accounts.status);
  const counts = { active: 0, idle: 0 };
  for (const row of rows) counts[isActive(row) ? 'active' : 'idle'] += Number(row.n);
  return counts;
}

async function inPieces(ids: readonly string[], write: (piece: string[]) => Promise<number>) {
  let total = 0;
  for await (const batch of inBatches(ids, BATCH_SIZE)) total += await write(batch);
  return total;
}
