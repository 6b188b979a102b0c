/** Forgetting what the logs hold. */

import { and, eq, isNotNull } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { transact } from '../../db/ops.ts';
import { activityLogs, otps } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { idAt } from '../../utils/ids.ts';
import { requireScope, tenantOf } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import type { TenantInput } from '../fields.ts';
import { deleteOld } from '../retention.ts';
import type { CleanupFields } from './schemas.ts';

/** Entries older than these days go. */
type CleanupInput = TenantInput & { [Field in keyof CleanupFields]-?: number };

export interface CleanupResult {
  activityDeleted: number;
  otpDeleted: number;
}

/**
 * Deletes old log entries and codes that have ended, of the caller's own; an admin may say whose, or everybody's.
 * That it was done is an entry itself. Throws FORBIDDEN.
 */
export async function cleanLogs(ctx: Ctx, input: CleanupInput): Promise<CleanupResult> {
  requireScope(ctx, 'analytics:write');
  if (ctx.actor.sessionIds !== null) throw new AppError('FORBIDDEN', 'This API key is bound to one session.');
  const tenant = tenantOf(ctx, input);
  const now = ctx.clock.now();
  const result = {
    activityDeleted: await deleteActivity(ctx.db, tenant, now - input.activityDays * DAY_MS),
    otpDeleted: await deleteOtps(ctx.db, tenant, now - input.otpDays * DAY_MS),
  };
  const { activityDays, otpDays } = input;
  const data = { activityDays, otpDays, ...result, ...(tenant === null ? { all: true } : {}) };
  await transact(ctx.db, (tx) =>
    record(tx, ctx, [
      { userId: tenant ?? ctx.actor.userId, event: 'analytics.cleaned', data, origin: originOf(ctx) },
    ]),
  );
  return result;
}

/** Entries from before `before` (epoch milliseconds); `tenant` null: everybody's. How many went. */
export function deleteActivity(
  db: Db,
  tenant: number | null,
  before: number,
  signal?: AbortSignal,
): Promise<number> {
  const table = activityLogs;
  return tenant === null
    ? deleteOld(db, { table, by: table.id, before: idAt(before), signal })
    : deleteOld(db, { table, by: table.at, before, where: eq(table.userId, tenant), signal });
}

/** Codes that were sent before `before` and can not be used any more. How many went. */
export function deleteOtps(
  db: Db,
  tenant: number | null,
  before: number,
  signal?: AbortSignal,
): Promise<number> {
  const table = otps;
  const ended = isNotNull(table.endedAt);
  return tenant === null
    ? deleteOld(db, { table, by: table.id, before: idAt(before), where: ended, signal })
    : deleteOld(db, {
        table,
        by: table.createdAt,
        before,
        where: and(eq(table.userId, tenant), ended),
        signal,
      });
}
