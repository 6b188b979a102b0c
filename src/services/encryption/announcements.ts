/**
 * Which keys the running processes have: a row of `settings` each. A value that one process seals and another cannot
 * open is a lost session, so a process with another key does not start, and a rotation knows when it may end.
 */

import { and, eq, inArray, like, lt } from 'drizzle-orm';
import { z } from 'zod';
import type { Host } from '../../cluster/host.ts';
import { LEASE_MS, readLive } from '../../cluster/processes.ts';
import type { Database } from '../../db/client.ts';
import { pause } from '../../db/event-loop.ts';
import { upsert } from '../../db/ops.ts';
import { processes, settings } from '../../db/schema.ts';
import type { SecretBox } from '../../utils/crypto.ts';
import { DAY_MS, MINUTE_MS } from '../../utils/durations.ts';
import { StartError } from '../../utils/errors.ts';

interface KeyDeps {
  database: Database;
  secrets: SecretBox;
}

/** Names of their settings, before the id of the process. */
export const KEYS_PREFIX = 'keys:';
const LOOK_EVERY_MS = 1_000;
/** Between its announcement and its first heartbeat a process migrates nothing and only opens a port. */
const STARTING_MS = MINUTE_MS;
/** Rows of processes that ended without a word. */
const FORGET_AFTER_MS = DAY_MS;

const Announcement = z.object({ seals: z.string(), opens: z.array(z.string()) });

/** A running process and its keys; null: an older release, which does not say. */
export interface KeyHolder {
  processId: string;
  /** for people */
  name: string;
  /** it has said so and has no heartbeat yet: it may also have died at once */
  starting: boolean;
  /** of this machine, and /proc knows it */
  alive: boolean;
  /** by the database's clock; 0 while it is starting */
  heartbeatAt: number;
  keys: z.output<typeof Announcement> | null;
}

/** Says which keys this process has, before it seals anything. Forgets what processes of long ago have said. */
export async function announceKeys({ database, secrets }: KeyDeps, processId: string): Promise<void> {
  const { db } = database;
  const updatedAt = await database.now();
  const value = { seals: secrets.keyId, opens: secrets.keyIds };
  const row = { name: KEYS_PREFIX + processId, value, updatedAt };
  await upsert(db, settings, row, [settings.name], { value, updatedAt });
  const live = new Set([processId, ...(await readLive(database))]);
  const old = await db
    .select({ name: settings.name })
    .from(settings)
    .where(and(like(settings.name, `${KEYS_PREFIX}%`), lt(settings.updatedAt, updatedAt - FORGET_AFTER_MS)));
  const gone = old.map(({ name }) => name).filter((name) => !live.has(name.slice(KEYS_PREFIX.length)));
  if (gone.length > 0) await db.delete(settings).where(inArray(settings.name, gone));
}

/** The process ends. */
export async function withdrawKeys({ database }: KeyDeps, processId: string): Promise<void> {
  await database.db.delete(settings).where(eq(settings.name, KEYS_PREFIX + processId));
}

/** The processes that run or are starting, those of this host left out that /proc knows to be dead. */
export async function readKeyHolders(database: Database, host: Host): Promise<KeyHolder[]> {
  const { db } = database;
  const now = await database.now();
  const live = new Set(await readLive(database));
  const rows = await db.select().from(processes);
  const known = new Map(rows.map((row) => [row.id, row]));
  const said = await db
    .select()
    .from(settings)
    .where(like(settings.name, `${KEYS_PREFIX}%`));
  const keysOf = new Map(said.map(({ name, value }) => [name.slice(KEYS_PREFIX.length), parse(value)]));
  const starting = said
    .filter(({ updatedAt }) => updatedAt > now - STARTING_MS)
    .map(({ name }) => name.slice(KEYS_PREFIX.length))
    .filter((id) => !known.has(id));
  const running = [...live].filter((id) => {
    const row = known.get(id);
    return row !== undefined && host.check(row) !== 'dead';
  });
  return [...running, ...starting].map((processId) => {
    const row = known.get(processId);
    const name = row ? `pid ${row.pid} on ${row.host.split('/')[0]}` : 'one that is starting';
    return {
      processId,
      name,
      starting: row === undefined,
      alive: row !== undefined && host.check(row) === 'alive',
      heartbeatAt: row?.heartbeatAt ?? 0,
      keys: keysOf.get(processId) ?? null,
    };
  });
}

function parse(value: unknown): KeyHolder['keys'] {
  const parsed = Announcement.safeParse(value);
  return parsed.success ? parsed.data : null;
}

/**
 * Throws StartError when a running process could not open what this one seals, or the other way round. One of this
 * machine, or one whose heartbeat goes on, surely runs; one that was killed on another machine counts as running until
 * its lease has ended, so that is waited for.
 */
export async function requireSharedKeys(
  { database, secrets }: KeyDeps,
  host: Host,
  { waitMs = LEASE_MS }: { waitMs?: number } = {},
): Promise<void> {
  const heartbeats = new Map<string, number>();
  for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
    const holders = await readKeyHolders(database, host);
    const stranger = holders.find(
      ({ keys, starting }) => !starting && keys !== null && !isShared(secrets, keys),
    );
    if (!stranger) return;
    const { processId, alive, heartbeatAt } = stranger;
    const firstHeartbeat = heartbeats.get(processId) ?? heartbeatAt;
    heartbeats.set(processId, firstHeartbeat);
    if (alive || heartbeatAt > firstHeartbeat || waitedMs >= waitMs) {
      throw new StartError(
        `another process (${stranger.name}) runs with another ENCRYPTION_KEY, and neither could read what the other writes: first add the new key to ENCRYPTION_KEYS_EXTRA of every process, see docs/backup.md`,
      );
    }
    await pause(LOOK_EVERY_MS);
  }
}

function isShared(secrets: SecretBox, keys: { seals: string; opens: string[] }): boolean {
  return secrets.keyIds.includes(keys.seals) && keys.opens.includes(secrets.keyId);
}
