/** The numbers at a glance. */

import { and, count, eq, gte, inArray, type SQL } from 'drizzle-orm';
import { messages, otps, type SESSION_STATUSES, whatsappAccounts } from '../../db/schema.ts';
import { idAt } from '../../utils/ids.ts';
import { zoneClock } from '../../utils/time-zone.ts';
import { requireScope } from '../access.ts';
import { statisticsZoneOf } from '../auth/settings.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import { type Scope, scopeOf } from './filter.ts';
import type { LogSource } from './keyset.ts';
import type { DashboardQuery } from './schemas.ts';
import { countAll } from './totals.ts';

export interface Dashboard {
  sessions: {
    total: number;
    /** connected */
    active: number;
    inactive: number;
    /** of the disconnected ones: no phone is linked, so that nothing reconnects */
    unlinked: number;
    byStatus: Record<(typeof SESSION_STATUSES)[number], number>;
  };
  /** in and out, as long as the history is kept */
  messages: { total: number; today: number };
  otp: { total: number; today: number };
  timeZone: string;
  timestamp: string;
}

const MESSAGES = { table: messages, at: messages.createdAt, id: messages.id };
const OTPS = { table: otps, at: otps.createdAt, id: otps.id };

/** Sessions, messages and codes of a tenant, in all and of today. Throws FORBIDDEN for somebody else's. */
export async function readDashboard(ctx: Ctx, input: DashboardQuery): Promise<Dashboard> {
  requireScope(ctx, 'read');
  const scope = scopeOf(ctx, input);
  const now = ctx.clock.now();
  const timeZone = await statisticsZoneOf(ctx, input.timeZone, scope.tenant);
  const today = zoneClock(timeZone).startOfDay(now);
  const accountIds = scope.sessionIds === null ? null : await ownAccounts(ctx, scope);
  const ofMessage = and(
    scope.tenant === null ? undefined : eq(messages.userId, scope.tenant),
    accountIds === null ? undefined : inArray(messages.accountId, accountIds),
  );
  const ofOtp = and(
    scope.tenant === null ? undefined : eq(otps.userId, scope.tenant),
    ofBound(scope.sessionIds, otps.requestedSessionId),
  );
  const key = `${scope.tenant}:${scope.sessionIds?.join(',') ?? ''}`;
  return {
    sessions: await countSessions(ctx, scope),
    messages: await totalAndToday(ctx, `messages:${key}`, MESSAGES, ofMessage, today),
    otp: await totalAndToday(ctx, `otps:${key}`, OTPS, ofOtp, today),
    timeZone,
    timestamp: new Date(now).toISOString(),
  };
}

/** An id that nothing has when the sessions are gone. */
async function ownAccounts(ctx: Ctx, { tenant, sessionIds }: Scope): Promise<string[]> {
  const rows = await ctx.db
    .select({ id: whatsappAccounts.id })
    .from(whatsappAccounts)
    .where(
      and(
        eq(whatsappAccounts.userId, tenant ?? ctx.actor.userId),
        ofBound(sessionIds, whatsappAccounts.sessionId),
      ),
    );
  return rows.length === 0 ? [''] : rows.map(({ id }) => id);
}

async function totalAndToday(
  ctx: Ctx,
  key: string,
  source: typeof MESSAGES | typeof OTPS,
  where: SQL | undefined,
  today: number,
): Promise<{ total: number; today: number }> {
  // Everybody's: only the primary key has all of them in the order of their time.
  const everybody = where === undefined;
  const ordered: LogSource = everybody ? { ...source, at: null } : source;
  const ofToday = everybody ? gte(source.id, idAt(today)) : and(where, gte(source.at, today));
  return {
    total: await countAll(ctx, key, ordered, where),
    today: await countAll(ctx, `${key}:${today}`, ordered, ofToday),
  };
}

async function countSessions(ctx: Ctx, { tenant, sessionIds }: Scope): Promise<Dashboard['sessions']> {
  const { status, paired } = whatsappAccounts;
  const rows = await ctx.db
    .select({ status, paired, n: count() })
    .from(whatsappAccounts)
    .where(
      and(
        tenant === null ? undefined : eq(whatsappAccounts.userId, tenant),
        ofBound(sessionIds, whatsappAccounts.sessionId),
      ),
    )
    .groupBy(status, paired);
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(row.status, (counts.get(row.status) ?? 0) + Number(row.n));
  const without = rows.find((row) => row.status === 'disconnected' && !row.paired);
  const byStatus = {
    connecting: counts.get('connecting') ?? 0,
    qr: counts.get('qr') ?? 0,
    passkey: counts.get('passkey') ?? 0,
    passkey_confirm: counts.get('passkey_confirm') ?? 0,
    connected: counts.get('connected') ?? 0,
    disconnected: counts.get('disconnected') ?? 0,
    logged_out: counts.get('logged_out') ?? 0,
    replaced: counts.get('replaced') ?? 0,
    failed: counts.get('failed') ?? 0,
  };
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const active = byStatus.connected;
  return { total, active, inactive: total - active, unlinked: Number(without?.n ?? 0), byStatus };
}
