/** What users set for themselves. */
import { eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { transact } from '../../db/ops.ts';
import { users } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import type { Config } from '../../utils/config.ts';
import { requirePerson, requireWrite } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { findUser, toUserInfo, type UserInfo } from '../users.ts';

/** The zone in which times of this user without a zone are read: its own, else that of the service. */
export async function timeZoneOf(
  { db, config }: { db: Db; config: Pick<Config, 'housekeepingTimeZone'> },
  userId: number,
): Promise<string> {
  return (await ownTimeZoneOf(db, userId)) ?? config.housekeepingTimeZone;
}

/**
 * The zone whose days statistics count: the one that is asked for, else the tenant's own (the caller's for those of
 * everybody), else `TZ_HOUSEKEEPING`, else UTC.
 */
export async function statisticsZoneOf(
  { db, config, actor }: Pick<Ctx, 'db' | 'config' | 'actor'>,
  asked: string | undefined,
  tenant: number | null = actor.userId,
): Promise<string> {
  return asked ?? (await ownTimeZoneOf(db, tenant ?? actor.userId)) ?? config.statisticsTimeZone;
}

async function ownTimeZoneOf(db: Db, userId: number): Promise<string | null> {
  const [row] = await db.select({ timeZone: users.timeZone }).from(users).where(eq(users.id, userId));
  return row?.timeZone ?? null;
}

/**
 * Changes the caller's own settings. `timezone` is an IANA name; null: the zone of the service. Times that were read
 * before stay what they are. Throws FORBIDDEN for keys and read-only users.
 */
export function updateMe(ctx: Ctx, input: { timezone: string | null }): Promise<UserInfo> {
  requirePerson(ctx);
  requireWrite(ctx);
  const { userId } = ctx.actor;
  return transact(ctx.database, async (tx) => {
    const before = await findUser(tx, userId);
    const changes = { timeZone: input.timezone, updatedAt: ctx.clock.now() };
    await tx.update(users).set(changes).where(eq(users.id, userId));
    const isNew = before.timeZone !== input.timezone;
    const data = { changed: ['timezone'], role: before.role, status: before.status };
    const fact = { userId, event: 'user.updated' as const, subject: String(userId), data };
    if (isNew) await record(tx, ctx, [{ ...fact, origin: originOf(ctx) }]);
    return toUserInfo({ ...before, ...changes });
  });
}
