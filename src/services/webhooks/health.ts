/** How webhooks fare, from the log of attempts: the same for every process. */
import { and, count, desc, eq, gte, max, min, sql } from 'drizzle-orm';
import { webhookDeliveries, webhookOutbox } from '../../db/schema.ts';
import { DAY_MS } from '../../utils/durations.ts';
import type { Deps } from '../context.ts';
import type { HealthOutput } from './schemas.ts';

/** Counting more attempts would change the rate by nothing that a person sees. */
const COUNTED = 10_000;
/** So many failures in a row are no accident; after as many its receiver is asked less often. */
const DOWN_AFTER = 5;

type HealthDeps = Pick<Deps, 'database' | 'clock'>;

/** Of each webhook, in the order of the ids. */
export function readHealth(deps: HealthDeps, ids: readonly string[]): Promise<HealthOutput[]> {
  return Promise.all(ids.map((id) => readOne(deps, id)));
}

async function readOne(deps: HealthDeps, id: string): Promise<HealthOutput> {
  const [day, newest, waiting] = await Promise.all([
    readDay(deps, id),
    readNewest(deps, id),
    readWaiting(deps, id),
  ]);
  return {
    state: stateOf(newest, waiting.tried),
    attempts: day.attempts,
    successRate: day.attempts === 0 ? null : Math.round((day.accepted / day.attempts) * 1000) / 10,
    waiting: waiting.events > COUNTED ? null : waiting.events,
    waitingSince: toIso(waiting.since),
    lastAcceptedAt: toIso(day.lastAcceptedAt),
  };
}

function stateOf(newest: readonly boolean[], waitsForRetry: boolean): HealthOutput['state'] {
  if (newest.length === 0) return 'unused';
  if (newest.length >= DOWN_AFTER && !newest.includes(true)) return 'down';
  return newest[0] === false || waitsForRetry ? 'retrying' : 'healthy';
}

const isAccepted = (status: number | null) => status !== null && status >= 200 && status < 300;

async function readDay({ database, clock }: HealthDeps, id: string) {
  const { webhookId, at, status } = webhookDeliveries;
  const recent = database.scan
    .select({ at, status })
    .from(webhookDeliveries)
    .where(and(eq(webhookId, id), gte(at, clock.now() - DAY_MS)))
    .orderBy(desc(at))
    .limit(COUNTED)
    .as('recent');
  const accepted = sql`${recent.status} between 200 and 299`;
  const [row] = await database.scan
    .select({
      attempts: count(),
      accepted: sql<number | string | null>`sum(case when ${accepted} then 1 else 0 end)`,
      lastAcceptedAt: sql<number | string | null>`max(case when ${accepted} then ${recent.at} end)`,
    })
    .from(recent);
  return {
    attempts: Number(row?.attempts ?? 0),
    accepted: Number(row?.accepted ?? 0),
    lastAcceptedAt: toNumber(row?.lastAcceptedAt),
  };
}

/** Whether each of the newest attempts was accepted, the last one first. */
async function readNewest({ database }: HealthDeps, id: string): Promise<boolean[]> {
  const { webhookId, at, status } = webhookDeliveries;
  const rows = await database.db
    .select({ status })
    .from(webhookDeliveries)
    .where(eq(webhookId, id))
    .orderBy(desc(at))
    .limit(DOWN_AFTER);
  return rows.map((row) => isAccepted(row.status));
}

async function readWaiting({ database }: HealthDeps, id: string) {
  const { webhookId, state, createdAt, attempts } = webhookOutbox;
  const waiting = database.scan
    .select({ createdAt, attempts })
    .from(webhookOutbox)
    .where(and(eq(webhookId, id), eq(state, 'pending')))
    .orderBy(createdAt)
    .limit(COUNTED + 1)
    .as('waiting');
  const [row] = await database.scan
    .select({ events: count(), since: min(waiting.createdAt), attempts: max(waiting.attempts) })
    .from(waiting);
  return {
    events: Number(row?.events ?? 0),
    since: toNumber(row?.since),
    tried: Number(row?.attempts ?? 0) > 0,
  };
}

const toNumber = (value: number | string | null | undefined) =>
  value === null || value === undefined ? null : Number(value);
const toIso = (at: number | null) => (at === null ? null : new Date(at).toISOString());
