/** Gauges that are read from the database, in small statements. */
import { and, asc, count, eq, gt, inArray, lte, type SQL, sql } from 'drizzle-orm';
import { readLive } from '../../cluster/processes.ts';
import { readBatches } from '../../db/batches.ts';
import type { Db } from '../../db/client.ts';
import { rawRows } from '../../db/ops.ts';
import {
  messageQueue,
  otps,
  SESSION_STATUSES,
  webhookLanes,
  webhookOutbox,
  whatsappAccounts,
  workspaces,
} from '../../db/schema.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { countUpTo } from '../analytics/keyset.ts';
import { countRows } from '../analytics/totals.ts';
import type { Deps } from '../context.ts';
import { countUnreadable, isDatabaseWritable, isStorageUp } from '../health.ts';
import type { Metrics } from './registry.ts';

/** Sessions whose queues are looked at in one statement: three seeks each. */
const BATCH_SIZE = 300;
const MAX_SESSIONS = 10_000;
/** Webhooks whose oldest event is looked at. */
const MAX_WEBHOOKS = 1_000;
const MAX_OTPS = 100_000;

/** Sets every gauge. Never throws: a database that is away is a value too. */
export async function setGauges(metrics: Metrics, deps: Deps): Promise<void> {
  const { used, waiting, limit } = deps.database.load();
  metrics.databaseConnections.set({ state: 'used' }, used);
  metrics.databaseConnections.set({ state: 'waiting' }, waiting);
  metrics.databaseConnections.set({ state: 'limit' }, limit);
  metrics.activityDropped.set(deps.requestRecorder.dropped);
  metrics.ready.set(deps.lifecycle.phase === 'ready' ? 1 : 0);
  metrics.storageUp.set((await isStorageUp(deps)) ? 1 : 0);
  metrics.clockSkew.set((deps.clock.skewMs?.() ?? 0) / 1000);
  metrics.databaseWritable.set((await isDatabaseWritable(deps)) ? 1 : 0);
  try {
    const beganMs = deps.clock.monotonic();
    await deps.database.ping();
    metrics.databasePing.set((deps.clock.monotonic() - beganMs) / 1000);
    await setSessions(metrics, deps);
    metrics.unreadable.set(await countUnreadable(deps));
    await setRestricted(metrics, deps);
    await setWorkspaces(metrics, deps);
    await setQueue(metrics, deps);
    await setWebhooks(metrics, deps);
    await setOtps(metrics, deps);
    metrics.processes.set((await readLive(deps.database)).length);
    metrics.databaseUp.set(1);
  } catch (error) {
    deps.logger.debug('the database gave no numbers for the metrics', { error });
    metrics.databaseUp.set(0);
  }
}

async function setRestricted(metrics: Metrics, { db, clock }: Deps): Promise<void> {
  const now = clock.now();
  const { restrictedUntil } = whatsappAccounts;
  const [sessions] = await db.select({ n: count() }).from(whatsappAccounts).where(gt(restrictedUntil, now));
  metrics.restricted.set(Number(sessions?.n ?? 0));
}

async function setWorkspaces(metrics: Metrics, { database }: Deps): Promise<void> {
  const { status, suspendedAt } = workspaces;
  const active = eq(status, 'active');
  const [row] = await database.scan
    .select({ all: count(), suspended: count(suspendedAt) })
    .from(workspaces)
    .where(active);
  const suspended = Number(row?.suspended ?? 0);
  metrics.workspaces.set({ state: 'suspended' }, suspended);
  metrics.workspaces.set({ state: 'active' }, Number(row?.all ?? 0) - suspended);
}

async function setSessions(metrics: Metrics, { db }: Deps): Promise<void> {
  const { status } = whatsappAccounts;
  const rows = await db.select({ status, n: count() }).from(whatsappAccounts).groupBy(status);
  const counts = new Map<string, number>(rows.map((row) => [row.status, Number(row.n)]));
  for (const name of SESSION_STATUSES) metrics.sessions.set({ status: name }, counts.get(name) ?? 0);
}

async function setQueue(metrics: Metrics, deps: Deps): Promise<void> {
  metrics.queueMessages.set(await countRows(deps.database.scan, { table: messageQueue }, undefined));
  const now = deps.clock.now();
  const oldest = { high: now, normal: now, low: now };
  let seen = 0;
  const connected = readBatches<string>(BATCH_SIZE, (last) => nextConnected(deps, last ?? ''));
  for await (const ids of connected) {
    for (const name of ['high', 'normal', 'low'] as const) {
      oldest[name] = Math.min(oldest[name], await oldestDue(deps, ids, PRIORITIES[name], now));
    }
    seen += ids.length;
    if (seen >= MAX_SESSIONS) break;
  }
  for (const name of ['high', 'normal', 'low'] as const) {
    metrics.queueOldest.set({ priority: name }, (now - oldest[name]) / 1000);
  }
}

async function nextConnected({ db }: Deps, after: string): Promise<string[]> {
  const { id, status } = whatsappAccounts;
  const rows = await db
    .select({ id })
    .from(whatsappAccounts)
    .where(and(gt(id, after), eq(status, 'connected')))
    .orderBy(asc(id))
    .limit(BATCH_SIZE);
  return rows.map((row) => row.id);
}

/** The earliest due time among these sessions, one seek each; `now` when nothing is due. */
async function oldestDue(
  { db }: Deps,
  ids: readonly string[],
  priority: number,
  now: number,
): Promise<number> {
  const { accountId, status, availableAt } = messageQueue;
  const due = and(
    sql`${accountId} = ${whatsappAccounts.id}`,
    eq(status, 'pending'),
    eq(messageQueue.priority, priority),
    lte(availableAt, now),
  );
  return oldestOf(
    db,
    sql`select (select ${availableAt} from ${messageQueue} where ${due} order by ${availableAt} limit 1) as oldest
      from ${whatsappAccounts} where ${inArray(whatsappAccounts.id, [...ids])}`,
    now,
  );
}

async function setWebhooks(metrics: Metrics, { database, db, clock }: Deps): Promise<void> {
  metrics.webhookLanes.set(await countRows(database.scan, { table: webhookLanes }, undefined));
  const now = clock.now();
  const { webhookId, state, createdAt } = webhookOutbox;
  const pending = and(sql`${webhookId} = waiting.webhook_id`, eq(state, 'pending'));
  const oldest = await oldestOf(
    db,
    sql`select (select ${createdAt} from ${webhookOutbox} where ${pending} order by ${createdAt} limit 1) as oldest
      from (select distinct ${webhookLanes.webhookId} from ${webhookLanes} limit ${MAX_WEBHOOKS}) as waiting`,
    now,
  );
  metrics.webhookOldest.set((now - oldest) / 1000);
}

/** The smallest `oldest` of the rows; `now` when there is none before it. */
async function oldestOf(db: Db, rows: SQL, now: number): Promise<number> {
  const [row] = await rawRows<{ oldest: number | string | null }>(
    db,
    sql`select min(found.oldest) as oldest from (${rows}) as found`,
  );
  return Math.min(now, row?.oldest == null ? now : Number(row.oldest));
}

async function setOtps(metrics: Metrics, { db }: Deps): Promise<void> {
  const open = [eq(otps.status, 'pending'), eq(otps.status, 'sent')];
  metrics.otpsOpen.set((await countUpTo(db, { table: otps }, open, MAX_OTPS)) ?? MAX_OTPS);
}
