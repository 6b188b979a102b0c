/** The heartbeat rows: which processes are running, by the database's clock. */
import { and, eq, gt, isNull, lt, lte, ne, or, type SQL } from 'drizzle-orm';
import type { Database, Db, Tx } from '../db/client.ts';
import { affected, upsert } from '../db/ops.ts';
import { processes, whatsappAccounts } from '../db/schema.ts';
import type { Host } from './host.ts';

/** A stalled Galera node stops writers for 6.4 s without an error, so a lease must be far longer. */
export const LEASE_MS = 30_000;
/** A process stops sending this long before its lease ends: others may take over right at the end. */
export const LEASE_MARGIN_MS = 8_000;
/**
 * A process that could not renew until its own lease was in doubt, or that has just started, cannot tell dead
 * processes from an outage of the database. For three rounds it gives the others the time to come back.
 */
export const GRACE_MS = 15_000;
/** Rows of processes that have been silent for this long are of no use. */
const FORGET_AFTER_MS = 10 * LEASE_MS;

/**
 * Renews the heartbeat of `id`; makes the row when there is none (any more). `time`: of the database's clock, from before its
 * caller looked who else is there; now when missing.
 */
export async function beat(database: Database, id: string, host: Host, time?: number): Promise<void> {
  const now = time ?? (await database.now());
  const renewed = await database.db.update(processes).set({ heartbeatAt: now }).where(eq(processes.id, id));
  if (affected(renewed) === 1) return;
  const row = { id, ...host.identity, heartbeatAt: now, startedAt: now };
  await upsert(database.db, processes, row, [processes.id], { heartbeatAt: now });
}

/**
 * Removes the rows of processes that are surely dead: those of this host that /proc does not know, and, where
 * the database serves one process only (`alone`), all others. Gives the ids of those that it has removed.
 */
export async function removeDead(
  database: Database,
  me: string,
  host: Host,
  alone: boolean,
): Promise<string[]> {
  const others = await database.db.select().from(processes).where(ne(processes.id, me));
  const dead = others.filter((other) => alone || host.check(other) === 'dead');
  return removeRows(database, dead);
}

type Heartbeat = Pick<typeof processes.$inferSelect, 'id' | 'heartbeatAt'>;

async function removeRows({ db }: Database, rows: readonly Heartbeat[]): Promise<string[]> {
  const removed: string[] = [];
  for (const row of rows) {
    await noteLastSeen(db, row);
    // A process that has renewed its heartbeat since it was read is not dead.
    const silent = and(eq(processes.id, row.id), lte(processes.heartbeatAt, row.heartbeatAt));
    if (affected(await db.delete(processes).where(silent)) === 1) removed.push(row.id);
  }
  return removed;
}

/**
 * Sessions that were connected in a process that ended without a word were seen by its last heartbeat, 6 s before
 * its end at most. `which`: only these of its sessions.
 */
export async function noteLastSeen(db: Db | Tx, process: Heartbeat, which?: SQL): Promise<void> {
  const { owner, status, lastSeenAt } = whatsappAccounts;
  await db
    .update(whatsappAccounts)
    .set({ lastSeenAt: process.heartbeatAt })
    .where(
      and(
        eq(owner, process.id),
        eq(status, 'connected'),
        or(isNull(lastSeenAt), lt(lastSeenAt, process.heartbeatAt)),
        which,
      ),
    );
}

/**
 * Ids of the processes whose lease runs, by the database's clock; with `grace` also of those that were silent for
 * less than five minutes. Forgets those that are long gone.
 */
export async function readLive(database: Database, grace = false): Promise<string[]> {
  // Read before the rows: a delay in between makes more processes look alive, never fewer.
  const now = await database.now();
  const rows = await database.db
    .select({ id: processes.id, heartbeatAt: processes.heartbeatAt })
    .from(processes);
  if (rows.some((row) => row.heartbeatAt > now + LEASE_MS)) {
    // Written while the database's clock was ahead: who lives writes again within seconds, who died ends with its lease.
    await database.db
      .update(processes)
      .set({ heartbeatAt: now })
      .where(gt(processes.heartbeatAt, now + LEASE_MS));
  }
  const forgotten = rows.filter((row) => row.heartbeatAt < now - FORGET_AFTER_MS);
  if (forgotten.length > 0) await removeRows(database, forgotten);
  const silentForMs = grace ? FORGET_AFTER_MS : LEASE_MS;
  return rows.filter((row) => row.heartbeatAt > now - silentForMs).map((row) => row.id);
}

/**
 * Ids of the processes but `me` that have not renewed their heartbeat since `time`, by the database's clock. One that has
 * never renewed it is still starting, and looks who is there before it owns anything.
 */
export async function readSilentSince({ db }: Database, me: string, time: number): Promise<string[]> {
  const { id, heartbeatAt, startedAt } = processes;
  const rows = await db
    .select({ id })
    .from(processes)
    .where(
      and(ne(id, me), gt(heartbeatAt, startedAt), gt(heartbeatAt, time - LEASE_MS), lte(heartbeatAt, time)),
    );
  return rows.map((row) => row.id);
}

/** The process leaves: what it owned is free at once. */
export async function leave(database: Database, id: string): Promise<void> {
  await database.db.delete(processes).where(eq(processes.id, id));
}
