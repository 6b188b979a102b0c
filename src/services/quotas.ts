/** How much of each thing a tenant may have: the one table of limits, and the one way to count against it. */
import { and, count, eq, gt, inArray, isNull, or, type SQL, sql, sum } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { transact, upsert } from '../db/ops.ts';
import {
  alertChannels,
  apiKeys,
  broadcastLists,
  broadcastTemplates,
  contactImports,
  counters,
  media,
  numberCheckJobs,
  otpTemplates,
  quotaHolds,
  rateLimits,
  webhooks,
  whatsappAccounts,
  workspaceMembers,
} from '../db/schema.ts';
import type { DbTable } from '../db/types.ts';
import { spendFromWindow } from '../db/windows.ts';
import { record } from '../events/record.ts';
import { type LimitName, limitOf } from '../queue/allowances.ts';
import {
  dueWarnings,
  PERIOD_LIMITS,
  type PeriodLimit,
  readMessageUse,
  usageWarning,
} from '../queue/usage.ts';
import { DAY_MS, HOUR_MS } from '../utils/durations.ts';
import { AppError } from '../utils/errors.ts';
import { newId } from '../utils/ids.ts';
import { type Maybe, whenThere } from '../utils/maybe.ts';
import { requireScope, requireWholeTenant, tenantOf } from './access.ts';
import { IS_MEMBERS_KEY } from './auth/keys.ts';
import type { Ctx, Deps } from './context.ts';

export type QuotaName = LimitName;
/** Those that are counted in rows; requests, codes and messages have windows and periods. */
export type CountedQuota = Exclude<QuotaName, PeriodLimit | 'requestsPerMinute' | 'otpsPerHour'>;

/** Dependencies of counting against a limit. */
export type QuotaDeps = Pick<Deps, 'clock' | 'stream' | 'allowances'> & {
  config: Pick<Deps['config'], 'quotas' | 'otp'>;
};

interface Counted {
  /** how many there are, for people */
  thing: string;
  /** what makes room */
  advice: string;
  /** what is looked at, of that tenant */
  of(userId: number, now: number): { table: DbTable; n: SQL<unknown>; where: SQL | undefined };
  retryAfterSeconds?: number;
}

/** The kinds of files that tenants bring; files that came in with messages are not theirs to refuse. */
const BROUGHT = ['upload', 'outbound'] as const;

const COUNTED: Record<CountedQuota, Counted> = {
  sessions: {
    thing: 'sessions',
    advice: 'delete one that is not needed',
    of: (userId) => ({ table: whatsappAccounts, n: count(), where: eq(whatsappAccounts.userId, userId) }),
  },
  members: {
    thing: 'members',
    advice: 'remove one',
    of: (userId) => ({
      table: workspaceMembers,
      n: count(),
      where: eq(workspaceMembers.workspaceId, userId),
    }),
  },
  storedBytes: {
    thing: 'bytes of files',
    advice: 'delete uploads, or wait until files of old messages are past their retention',
    of: (userId) => ({
      table: media,
      n: sum(media.size),
      where: and(eq(media.userId, userId), inArray(media.kind, BROUGHT)),
    }),
  },
  storedFiles: {
    thing: 'uploaded files',
    advice: 'delete uploads that are not needed',
    of: (userId) => ({
      table: media,
      n: count(),
      where: and(eq(media.userId, userId), eq(media.kind, 'upload')),
    }),
  },
  uploadsInFlight: {
    thing: 'uploads under way',
    advice: 'wait until one of them is done',
    retryAfterSeconds: 5,
    of: (userId, now) => ({
      table: quotaHolds,
      n: count(),
      where: and(eq(quotaHolds.userId, userId), eq(quotaHolds.kind, 'upload'), gt(quotaHolds.expiresAt, now)),
    }),
  },
  importsRunning: {
    thing: 'imports under way',
    advice: 'wait until one of them is done',
    retryAfterSeconds: 5,
    of: (userId) => ({
      table: contactImports,
      n: count(),
      where: and(eq(contactImports.userId, userId), eq(contactImports.status, 'running')),
    }),
  },
  numberChecksRunning: {
    thing: 'checks of numbers under way',
    advice: 'wait until one of them is done, or end one',
    retryAfterSeconds: 60,
    of: (userId) => ({
      table: numberCheckJobs,
      n: count(),
      where: and(eq(numberCheckJobs.userId, userId), gt(numberCheckJobs.dueAt, 0)),
    }),
  },
  numberChecksPerDay: {
    thing: 'numbers to look up in 24 hours',
    advice: 'wait until some of them are older than that',
    of: (userId, now) => ({
      table: numberCheckJobs,
      n: sum(numberCheckJobs.total),
      where: and(eq(numberCheckJobs.userId, userId), gt(numberCheckJobs.createdAt, now - DAY_MS)),
    }),
  },
  apiKeys: {
    thing: 'extra API keys',
    advice: 'end one that is not needed',
    of: (userId, now) => ({
      table: apiKeys,
      n: count(),
      where: and(
        eq(apiKeys.userId, userId),
        eq(apiKeys.kind, 'extra'),
        or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now)),
      ),
    }),
  },
  keysInGrace: {
    thing: 'replaced own keys that still work',
    advice: 'wait until one has ended, or replace the key with graceMinutes=0, which ends them all',
    of: (userId, now) => ({
      table: apiKeys,
      n: count(),
      where: and(eq(apiKeys.userId, userId), IS_MEMBERS_KEY, gt(apiKeys.expiresAt, now)),
    }),
  },
  webhooks: {
    thing: 'webhooks',
    advice: 'delete one that is not needed',
    of: (userId) => ({ table: webhooks, n: count(), where: eq(webhooks.userId, userId) }),
  },
  alertChannels: {
    thing: 'alert channels',
    advice: 'delete one that is not needed',
    of: (userId) => ({ table: alertChannels, n: count(), where: eq(alertChannels.userId, userId) }),
  },
  lists: {
    thing: 'broadcast lists',
    advice: 'delete one that is not needed',
    of: (userId) => ({
      table: broadcastLists,
      n: count(),
      where: and(eq(broadcastLists.userId, userId), isNull(broadcastLists.deletedAt)),
    }),
  },
  contacts: {
    thing: 'contacts on all lists',
    advice: 'delete contacts or lists that are not needed',
    of: (userId) => ({
      table: broadcastLists,
      n: sum(broadcastLists.contactCount),
      where: and(eq(broadcastLists.userId, userId), isNull(broadcastLists.deletedAt)),
    }),
  },
  templates: {
    thing: 'broadcast templates',
    advice: 'delete one that is not needed',
    of: (userId) => ({
      table: broadcastTemplates,
      n: count(),
      where: eq(broadcastTemplates.userId, userId),
    }),
  },
  otpTemplates: {
    thing: 'OTP templates',
    advice: 'delete one that is not needed',
    of: (userId) => ({ table: otpTemplates, n: count(), where: eq(otpTemplates.userId, userId) }),
  },
};

/** The tenant's limit now: its own, that of its plan, or the service's; null where there is none. */
export function quotaOf(
  deps: Pick<QuotaDeps, 'config' | 'allowances'>,
  userId: number,
  name: QuotaName,
  db?: Db,
): Maybe<number | null> {
  return whenThere(deps.allowances.of(userId, db), (limits) => limitOf(deps.config, limits, name));
}

/**
 * Makes sure that there is room for `wanted` more, until the transaction ends: the tenant's calls take their turn, also
 * those that another process serves. Insert after it. Throws QUOTA_EXCEEDED.
 */
export async function takeRoom(
  tx: Tx,
  deps: QuotaDeps,
  userId: number,
  name: CountedQuota,
  wanted = 1,
): Promise<void> {
  await takeTurn(tx, userId);
  const limit = await quotaOf(deps, userId, name, tx);
  if (limit === null) return;
  const used = await countUsed(tx, userId, name, deps.clock.now());
  if (used + wanted > limit) throw quotaExceeded(name, { limit, used, wanted });
  if (isPassing(name)) return;
  await warnOnce(tx, deps, userId, { quota: name, limit, before: used, used: used + wanted, spanMs: DAY_MS });
}

/** Makes the tenant's calls that count something wait for each other, until the transaction ends. */
export async function takeTurn(tx: Tx, userId: number): Promise<void> {
  // The write comes first: it is what makes others wait, and the count after it sees what they have committed. It
  // must change the row, or the nodes of a cluster would not notice each other.
  await upsert(tx, counters, { name: `quota:${userId}`, value: 1 }, [counters.name], {
    value: sql`${counters.value} + 1`,
  });
}

/**
 * Whether there is room for one more; the tenant's calls take their turn from here on. It only asks: nobody is warned, and
 * what is then made takes its room with `takeRoom`.
 */
export async function hasRoom(tx: Tx, deps: QuotaDeps, userId: number, name: CountedQuota): Promise<boolean> {
  await takeTurn(tx, userId);
  const limit = await quotaOf(deps, userId, name, tx);
  return limit === null || (await countUsed(tx, userId, name, deps.clock.now())) < limit;
}

/** Those that are over in a moment: nobody need be told that they were nearly used. */
function isPassing(name: CountedQuota): boolean {
  return COUNTED[name].retryAfterSeconds !== undefined || name === 'keysInGrace';
}

interface Reached {
  quota: QuotaName;
  limit: number;
  before: number;
  used: number;
  /** told once in each window of this length */
  spanMs: number;
}

/** Tells the workspace that so much of a limit is used since this call, once a span; of another limit again. */
async function warnOnce(tx: Tx, deps: QuotaDeps, userId: number, reached: Reached): Promise<void> {
  const { quota, limit, before, used, spanMs } = reached;
  const known = dueWarnings(before, limit);
  const now = deps.clock.now();
  const until = quota === 'otpsPerHour' ? now - (now % HOUR_MS) + HOUR_MS : null;
  for (const percent of dueWarnings(used, limit)) {
    const window = { key: `warned:${userId}:${quota}:${limit}:${percent}`, max: 1, windowMs: spanMs };
    if (known.includes(percent) || (await spendFromWindow(tx, window, now)) === null) continue;
    await record(tx, deps, [usageWarning(userId, { limit: quota, max: limit, used, percent, until })]);
  }
}

async function countUsed(db: Db | Tx, userId: number, name: CountedQuota, now: number): Promise<number> {
  const { table, n, where } = COUNTED[name].of(userId, now);
  const [row] = await db.select({ n }).from(table).where(where);
  return Number(row?.n ?? 0);
}

function quotaExceeded(name: CountedQuota, facts: { limit: number; used: number; wanted: number }): AppError {
  const { thing, advice, retryAfterSeconds } = COUNTED[name];
  const { limit, used, wanted } = facts;
  const more = wanted === 1 ? 'one more' : `${wanted} more`;
  return new AppError(
    'QUOTA_EXCEEDED',
    `There are ${used} ${thing}, and at most ${limit} are allowed, so ${more} cannot be taken: ${advice}, or ask the administrator for a higher limit.`,
    {
      details: { quota: name, limit, used, requested: wanted },
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
  );
}

/** Longer than any upload takes: after a crash its place is free again then. */
const HOLD_MS = 900_000;

/**
 * Takes one of the tenant's places for uploads that are under way, in all processes; call what it answers when the
 * upload is over. Throws QUOTA_EXCEEDED.
 */
export async function holdUpload(
  deps: QuotaDeps & Pick<Deps, 'db' | 'logger'>,
  userId: number,
): Promise<() => Promise<void>> {
  const now = deps.clock.now();
  const row = { id: newId(now), userId, kind: 'upload' as const, expiresAt: now + HOLD_MS };
  await transact(deps.db, async (tx) => {
    await takeRoom(tx, deps, userId, 'uploadsInFlight');
    await tx.insert(quotaHolds).values(row);
  });
  return async () => {
    try {
      await deps.db.delete(quotaHolds).where(eq(quotaHolds.id, row.id));
    } catch (error) {
      // The answer is made already; the place is free when its time is over.
      deps.logger.debug('a place for uploads could not be given back', { error });
    }
  };
}

export interface QuotaUsage {
  quota: QuotaName;
  /** null: counted in windows of a minute only */
  used: number | null;
  /** null: there is none */
  limit: number | null;
  /** when it begins again, of what is counted by the day, month or hour */
  until?: string;
}

/** Quotas of a tenant and their use; an admin may name another tenant. For credentials of the whole tenant. */
export async function readUsage(
  ctx: Ctx,
  input: { userId?: number | undefined } = {},
): Promise<QuotaUsage[]> {
  requireScope(ctx, 'read');
  requireWholeTenant(ctx);
  const userId = tenantOf(ctx, input) ?? ctx.actor.userId;
  const now = ctx.clock.now();
  const limits = await ctx.allowances.of(userId);
  const usage: QuotaUsage[] = [];
  for (const quota of Object.keys(COUNTED).filter(isCounted)) {
    const limit = limitOf(ctx.config, limits, quota);
    usage.push({ quota, used: await countUsed(ctx.db, userId, quota, now), limit });
  }
  const requests = limitOf(ctx.config, limits, 'requestsPerMinute');
  return [
    ...usage,
    ...(await periodUsage(ctx, userId)),
    await otpUsage(ctx, userId, limitOf(ctx.config, limits, 'otpsPerHour')),
    { quota: 'requestsPerMinute', used: null, limit: requests },
  ];
}

type UseDeps = Pick<Deps, 'config' | 'db' | 'clock' | 'allowances'>;

/** The use of the limits that stop sending when they are reached: messages of the day and the month, codes of the hour. */
export async function readSendingUse(deps: UseDeps, userId: number): Promise<QuotaUsage[]> {
  const limits = await deps.allowances.of(userId);
  const codes = await otpUsage(deps, userId, limitOf(deps.config, limits, 'otpsPerHour'));
  return [...(await periodUsage(deps, userId)), codes];
}

async function periodUsage(ctx: UseDeps, userId: number): Promise<QuotaUsage[]> {
  const limited = await readMessageUse(ctx.db, ctx, userId);
  return [...limited].map(([quota, { used, max, until }]) => ({
    quota,
    used,
    limit: max,
    until: new Date(until).toISOString(),
  }));
}

async function otpUsage(ctx: UseDeps, userId: number, limit: number | null): Promise<QuotaUsage> {
  const windowStart = ctx.clock.now() - (ctx.clock.now() % HOUR_MS);
  const used = await otpsOf(ctx.db, userId, windowStart);
  return { quota: 'otpsPerHour', used, limit, until: new Date(windowStart + HOUR_MS).toISOString() };
}

/** Codes that were sent since the hour began. */
async function otpsOf(db: Db | Tx, userId: number, windowStart: number): Promise<number> {
  const [row] = await db
    .select({ n: rateLimits.count })
    .from(rateLimits)
    .where(and(eq(rateLimits.key, otpKey(userId)), eq(rateLimits.windowStart, windowStart)));
  return row?.n ?? 0;
}

const otpKey = (userId: number) => `otp:tenant:${userId}`;

/**
 * Spends one code of the tenant's hour, in the caller's transaction: exactly so many get through. Throws QUOTA_EXCEEDED
 * where the limit was set for the workspace, RATE_LIMITED where it is the service's own.
 */
export async function spendOtp(tx: Tx, deps: QuotaDeps, userId: number): Promise<void> {
  const now = deps.clock.now();
  const own = (await deps.allowances.of(userId, tx)).otpsPerHour;
  const limit = own ?? deps.config.otp.sendsPerHour;
  const window = { key: otpKey(userId), max: limit, windowMs: HOUR_MS };
  const spent = await spendFromWindow(tx, window, now);
  const leftMs = HOUR_MS - (now % HOUR_MS);
  if (spent === null)
    throw own === undefined ? tooManyCodes(leftMs) : codesExceeded(own, now + leftMs, leftMs);
  if (own === undefined) return;
  const used = await otpsOf(tx, userId, spent.windowStart);
  await warnOnce(tx, deps, userId, { quota: 'otpsPerHour', limit, before: used - 1, used, spanMs: HOUR_MS });
}

function tooManyCodes(leftMs: number): AppError {
  const retryAfterSeconds = Math.ceil(leftMs / 1000);
  return new AppError('RATE_LIMITED', 'Too many in this hour. Try again later.', {
    retryAfterSeconds,
    details: { limit: 'tenant', retryAfterSeconds },
  });
}

function codesExceeded(limit: number, endsAt: number, leftMs: number): AppError {
  const until = new Date(endsAt).toISOString();
  return new AppError(
    'QUOTA_EXCEEDED',
    `All ${limit} codes of this hour are used: there are more from ${until} on, or ask the administrator for a higher limit.`,
    {
      details: { quota: 'otpsPerHour', limit, used: limit, requested: 1, until },
      retryAfterSeconds: Math.ceil(leftMs / 1000),
    },
  );
}

function isCounted(name: string): name is CountedQuota {
  return Object.hasOwn(COUNTED, name);
}

/** Everything that may be limited. */
export const LIMIT_NAMES: readonly QuotaName[] = [
  ...Object.keys(COUNTED).filter(isCounted),
  ...PERIOD_LIMITS,
  'otpsPerHour',
  'requestsPerMinute',
];
