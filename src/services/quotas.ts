/** How much of each thing a tenant may have: the one table of limits, and the one way to count against it. */
import { and, count, eq, gt, inArray, isNull, or, type SQL, sql, sum } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { transact, upsert } from '../db/ops.ts';
import {
  apiKeys,
  broadcastLists,
  broadcastTemplates,
  contactImports,
  counters,
  media,
  otpTemplates,
  quotaHolds,
  webhooks,
  whatsappAccounts,
} from '../db/schema.ts';
import type { DbTable } from '../db/types.ts';
import type { Quotas } from '../utils/config.ts';
import { AppError } from '../utils/errors.ts';
import { newId } from '../utils/ids.ts';
import { requireScope, requireWholeTenant, tenantOf } from './access.ts';
import { IS_MEMBERS_KEY } from './auth/keys.ts';
import type { Ctx, Deps } from './context.ts';

export type QuotaName = keyof Quotas;
/** Those that are counted in rows; requests have the limiter's windows. */
export type CountedQuota = Exclude<QuotaName, 'requestsPerMinute'>;

type QuotaDeps = Pick<Deps, 'config' | 'clock'>;

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

/** The tenant's limit: today the service's own for everybody. */
export function quotaOf({ config }: Pick<Deps, 'config'>, _userId: number, name: QuotaName): number {
  return config.quotas[name];
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
  // The write comes first: it is what makes others wait, and the count after it sees what they have committed. It
  // must change the row, or the nodes of a cluster would not notice each other.
  await upsert(tx, counters, { name: `quota:${userId}`, value: 1 }, [counters.name], {
    value: sql`${counters.value} + 1`,
  });
  const limit = quotaOf(deps, userId, name);
  const used = await countUsed(tx, userId, name, deps.clock.now());
  if (used + wanted > limit) throw quotaExceeded(name, { limit, used, wanted });
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
  limit: number;
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
  const usage: QuotaUsage[] = [];
  for (const quota of Object.keys(COUNTED).filter(isCounted)) {
    usage.push({
      quota,
      used: await countUsed(ctx.db, userId, quota, now),
      limit: quotaOf(ctx, userId, quota),
    });
  }
  const limit = quotaOf(ctx, userId, 'requestsPerMinute');
  return [...usage, { quota: 'requestsPerMinute', used: null, limit }];
}

const isCounted = (name: string): name is CountedQuota => Object.hasOwn(COUNTED, name);
