/** Settings that users change for themselves. */
import { eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { transact } from '../../db/ops.ts';
import { users, workspaces } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import type { Config } from '../../utils/config.ts';
import { requirePermission, requireWholeTenant } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { findUser, toUserInfo, type UserInfo } from '../users.ts';

/** The zone in which times of this workspace without a zone are read: its own, else that of the service. */
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
  const [row] = await db
    .select({ timeZone: workspaces.timeZone })
    .from(workspaces)
    .where(eq(workspaces.id, userId));
  return row?.timeZone ?? null;
}

/**
 * Changes the settings of the caller's workspace. `timezone` is an IANA name; null: the zone of the service. Times that
 * were read before stay what they are. Throws FORBIDDEN for keys, and for members of one session or
 * whose role has no `settings`.
 */
export function updateMe(ctx: Ctx, input: { timezone: string | null }): Promise<UserInfo> {
  requirePermission(ctx, 'settings');
  requireWholeTenant(ctx);
  const { userId, personId } = ctx.actor;
  return transact(ctx.database, async (tx) => {
    const before = await findUser(tx, personId);
    const known = await ownTimeZoneOf(tx, userId);
    const changes = { timeZone: input.timezone, updatedAt: ctx.clock.now() };
    await tx.update(workspaces).set(changes).where(eq(workspaces.id, userId));
    // Of a person's own workspace: administrators see it in the list of users.
    if (userId === personId) await tx.update(users).set(changes).where(eq(users.id, userId));
    const data = { changed: ['timezone'], role: before.role, status: before.status };
    const fact = { userId, event: 'user.updated' as const, subject: String(userId), data };
    if (known !== input.timezone) await record(tx, ctx, [{ ...fact, origin: originOf(ctx) }]);
    return {
      ...toUserInfo(before),
      timezone: input.timezone,
      updatedAt: new Date(changes.updatedAt).toISOString(),
    };
  });
}
