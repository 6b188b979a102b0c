/** Reads what alarms are made of: of one workspace, and of the service. */
import {
  and,
  count,
  eq,
  gt,
  gte,
  inArray,
  isNotNull,
  isNull,
  lte,
  max,
  min,
  ne,
  notInArray,
  or,
  sql,
} from 'drizzle-orm';
import {
  activityLogs,
  mailOutbox,
  messageQueue,
  sendAttempts,
  webhooks,
  whatsappAccounts,
  workspaces,
} from '../../db/schema.ts';
import { DEFAULT_WEBHOOK_ID } from '../../events/outbox.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { type SendingRow, sendingColumns, sendingState } from '../../queue/session-state.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { type BoundSessions, ofBound } from '../bound.ts';
import type { Deps } from '../context.ts';
import { readHealth as readServiceHealth } from '../health.ts';
import { isLowConversion, type Tally, tallyLastHour } from '../otp/conversion.ts';
import { readSendingUse } from '../quotas.ts';
import { readHealth } from '../webhooks/health.ts';
import {
  type Alarm,
  alarmsOf,
  LATE_MS,
  type SessionState,
  serviceAlarm,
  type TenantState,
  WANTED_ENDS,
  wasLinked,
} from './alarms.ts';

export type AlarmDeps = Pick<
  Deps,
  'config' | 'database' | 'db' | 'clock' | 'allowances' | 'statistics' | 'storage' | 'probes' | 'lifecycle'
>;

/** Whose alarms: a workspace, or the sessions of it that the reader is bound to. */
export interface AlarmScope {
  userId: number;
  sessionIds: BoundSessions;
}

const MAX_SESSIONS = 5_000;
/** Messages that are looked through for late ones; more than that are late all the same. */
const MAX_LATE = 100_000;

/** The alarms of a workspace now. States of sessions are read each time; what is dear to count is some seconds old at most. */
export async function readAlarms(deps: AlarmDeps, scope: AlarmScope): Promise<Alarm[]> {
  const { userId, sessionIds } = scope;
  const key = JSON.stringify([userId, sessionIds]);
  const [suspendedAt, sessions, counted] = await Promise.all([
    readSuspension(deps, userId),
    readSessions(deps, scope),
    deps.statistics.alarms.get(key, () => readCounted(deps, scope)),
  ]);
  return alarmsOf({ suspendedAt, sessions, ...counted }, deps.clock.now());
}

async function readSuspension({ db }: AlarmDeps, userId: number): Promise<number | null> {
  const [row] = await db
    .select({ suspendedAt: workspaces.suspendedAt })
    .from(workspaces)
    .where(eq(workspaces.id, userId));
  return row?.suspendedAt ?? null;
}

export type CountedAlarms = Pick<TenantState, 'downWebhooks' | 'conversion' | 'limits'>;

/** Of webhooks, codes and limits; those who are bound to sessions see the webhooks of these. */
async function readCounted(deps: AlarmDeps, scope: AlarmScope): Promise<CountedAlarms> {
  const [downWebhooks, conversion, limits] = await Promise.all([
    readDownWebhooks(deps, scope),
    scope.sessionIds === null ? readConversion(deps, scope.userId) : null,
    scope.sessionIds === null ? readLimits(deps, scope.userId) : [],
  ]);
  return { downWebhooks, conversion, limits };
}

async function readSessions(deps: AlarmDeps, scope: AlarmScope): Promise<SessionState[]> {
  const { userId, sessionIds } = scope;
  const rows = await deps.db
    .select({
      id: whatsappAccounts.id,
      sessionId: whatsappAccounts.sessionId,
      reason: whatsappAccounts.reason,
      phoneNumber: whatsappAccounts.phoneNumber,
      expectedPhone: whatsappAccounts.expectedPhone,
      connectedAt: whatsappAccounts.connectedAt,
      disconnectedAt: whatsappAccounts.disconnectedAt,
      restrictedUntil: whatsappAccounts.restrictedUntil,
      restriction: whatsappAccounts.restriction,
      ...sendingColumns,
    })
    .from(whatsappAccounts)
    .where(and(eq(whatsappAccounts.userId, userId), ofBound(sessionIds, whatsappAccounts.sessionId)))
    .limit(MAX_SESSIONS);
  const now = deps.clock.now();
  const free = rows.filter((row) => isFree(row, now)).map(({ id }) => id);
  const isMissed = rows.some((row) => row.status !== 'connected' && wasLinked(row));
  const key = JSON.stringify([userId, sessionIds]);
  const { late, refused } = deps.statistics;
  const [lateOf, refusedOf] = await Promise.all([
    free.length === 0 ? new Map<string, never>() : late.get(key, () => readLate(deps, free)),
    isMissed ? refused.get(key, () => countRefusedCodes(deps, scope)) : new Map<string, never>(),
  ]);
  const isFreeNow = new Set(free);
  return rows.map(({ expectedPhone, restriction, ...row }) => ({
    ...row,
    phoneNumber: row.phoneNumber ?? expectedPhone,
    restrictedSince: restriction?.since ?? null,
    refusedCodes: refusedOf.get(row.id) ?? 0,
    late: isFreeNow.has(row.id) ? (lateOf.get(row.id) ?? null) : null,
  }));
}

/** Nothing has held it for so long that it should have sent: it was not in its quiet hours, or without a connection, then. */
function isFree(row: SendingRow & Pick<SessionState, 'connectedAt'>, now: number): boolean {
  const before = now - LATE_MS;
  if (row.connectedAt === null || row.connectedAt > before) return false;
  return [now, before].every((at) => sendingState(row, at, PRIORITIES.normal).ready);
}

/** By the id of the session's row. */
export type RefusedCodes = Map<string, number>;

/** Calls that asked a session for a code since it went, and were told that it is not connected. One statement for all of them. */
async function countRefusedCodes(
  { database }: AlarmDeps,
  { userId, sessionIds }: AlarmScope,
): Promise<RefusedCodes> {
  const { id, sessionId, status, reason, connectedAt, disconnectedAt } = whatsappAccounts;
  const isOfSession = and(
    eq(activityLogs.userId, userId),
    eq(activityLogs.sessionId, sessionId),
    eq(activityLogs.action, 'otp_send'),
    eq(activityLogs.status, 'failure'),
    gte(activityLogs.at, disconnectedAt),
  );
  const rows = await database.scan
    .select({ id, n: count() })
    .from(whatsappAccounts)
    .innerJoin(activityLogs, isOfSession)
    .where(
      and(
        eq(whatsappAccounts.userId, userId),
        ofBound(sessionIds, sessionId),
        ne(status, 'connected'),
        isNotNull(connectedAt),
        gte(disconnectedAt, connectedAt),
        or(isNull(reason), notInArray(reason, [...WANTED_ENDS])),
        sql`${activityLogs.data} like '%NOT_CONNECTED%'`,
      ),
    )
    .groupBy(id);
  return new Map(rows.map((row) => [row.id, Number(row.n)]));
}

export type LateQueues = Map<string, { messages: number; since: number }>;

/** What is due for long in sessions that nothing holds, where these have begun nothing meanwhile. */
async function readLate({ database, clock }: AlarmDeps, ids: readonly string[]): Promise<LateQueues> {
  const before = clock.now() - LATE_MS;
  const { accountId, status, availableAt } = messageQueue;
  const due = database.scan
    .select({ accountId, availableAt })
    .from(messageQueue)
    .where(and(inArray(accountId, [...ids]), eq(status, 'pending'), lte(availableAt, before)))
    .limit(MAX_LATE)
    .as('due');
  const rows = await database.scan
    .select({ id: due.accountId, n: count(), since: min(due.availableAt) })
    .from(due)
    .groupBy(due.accountId);
  const found = rows.map(({ id }) => id);
  if (found.length === 0) return new Map();
  const busy = await database.scan
    .select({ id: sendAttempts.accountId, last: max(sendAttempts.at) })
    .from(sendAttempts)
    .where(and(inArray(sendAttempts.accountId, found), gt(sendAttempts.at, before)))
    .groupBy(sendAttempts.accountId);
  const isBusy = new Set(busy.map(({ id }) => id));
  return new Map(
    rows
      .filter(({ id }) => !isBusy.has(id))
      .map(({ id, n, since }) => [id, { messages: Number(n), since: Number(since) }]),
  );
}

async function readDownWebhooks(deps: AlarmDeps, { userId, sessionIds }: AlarmScope) {
  const rows = await deps.db
    .select({ id: webhooks.id, url: webhooks.url })
    .from(webhooks)
    .where(
      and(
        eq(webhooks.userId, userId),
        eq(webhooks.status, 'active'),
        ofBound(sessionIds, webhooks.sessionId),
      ),
    );
  const health = await readHealth(
    deps,
    rows.map(({ id }) => id),
  );
  return rows.flatMap(({ id, url }, at) => {
    const found = health[at];
    if (found?.state !== 'down') return [];
    const since = found.waitingSince === null ? null : Date.parse(found.waitingSince);
    return [{ id, host: new URL(url).host, waiting: found.waiting, since }];
  });
}

/**
 * Of the codes that ended within the last hour; null: it is not low. One count serves all workspaces: their codes stand together in
 * the index on the end, so that each alone would read those of all.
 */
async function readConversion(deps: AlarmDeps, userId: number): Promise<Tally | null> {
  const tallies = await deps.statistics.tallies.get('', () => tallyLastHour(deps));
  const tally = tallies.get(userId);
  return tally !== undefined && isLowConversion(deps.config.otp.conversion, tally) ? tally : null;
}

async function readLimits(deps: AlarmDeps, userId: number): Promise<TenantState['limits']> {
  const usage = await readSendingUse(deps, userId);
  return usage.flatMap(({ quota, used, limit, until }) =>
    used === null || limit === null
      ? []
      : [{ quota, used, limit, until: until === undefined ? null : Date.parse(until) }],
  );
}

/** What administrators of the service should look at. */
export async function readServiceAlarms(deps: AlarmDeps): Promise<Alarm[]> {
  const found = await deps.statistics.service.get('', async () => {
    const health = await readServiceHealth(deps);
    const [hook] = deps.config.webhook === null ? [] : await readHealth(deps, [DEFAULT_WEBHOOK_ID]);
    const troubles: [string, boolean][] = [
      ['database_read_only', !health.database.writable],
      ['storage_down', health.storage.status === 'down'],
      ['clock_skewed', health.clock.status === 'skewed'],
      ['credentials_unreadable', (health.engine.unreadable ?? 0) > 0],
      ['service_webhook_down', hook?.state === 'down'],
      ['mail_down', await isMailDown(deps)],
    ];
    return troubles.flatMap(([reason, is]) => (is ? [reason] : []));
  });
  return found.map(serviceAlarm);
}

/** Since so long no server has said anything of a mail: one that is asked says yes or no. */
const MAIL_LATE_MS = 15 * MINUTE_MS;

async function isMailDown({ config, db, clock }: AlarmDeps): Promise<boolean> {
  if (config.smtp === null) return false;
  const { id, attempts, createdAt } = mailOutbox;
  const isUntried = and(eq(attempts, 0), lte(createdAt, clock.now() - MAIL_LATE_MS));
  return (await db.select({ id }).from(mailOutbox).where(isUntried).limit(1)).length > 0;
}
