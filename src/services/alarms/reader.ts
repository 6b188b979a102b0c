/** The alarms that a person or a key may see. */
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import type { Alarm } from './alarms.ts';
import { readAlarms, readServiceAlarms } from './state.ts';

export type { Alarm } from './alarms.ts';

/**
 * Those of the caller's workspace, or of the sessions that it is bound to; for an administrator of the service those of the
 * service as well, first. Throws FORBIDDEN.
 */
export async function alarmsOfReader(ctx: Ctx): Promise<Alarm[]> {
  requireScope(ctx, 'read');
  const { userId, sessionIds, role } = ctx.actor;
  const [service, own] = await Promise.all([
    role === 'admin' && sessionIds === null ? readServiceAlarms(ctx) : [],
    readAlarms(ctx, { userId, sessionIds }),
  ]);
  return [...service, ...own];
}
