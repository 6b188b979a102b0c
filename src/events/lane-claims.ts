/** Claims of webhook lanes, which tell whose they are: those of a process that died need not age. */
import { and, inArray, like, or } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { webhookLanes } from '../db/schema.ts';
import { newId } from '../utils/ids.ts';

/** Half of a claim's 32 characters: the random end of the process's id, which no two processes share. */
const MARK_LENGTH = 16;
/** `dueAt` of a lane that was freed, whatever clock its process went by: after those that a person wants tried now, at 0. */
const FREED_AT = 1;

const markOf = (id: string) => id.slice(-MARK_LENGTH);

/** A claim that no other one equals, of the process of this id (32 characters in hex). */
export function newLaneClaim(processId: string): string {
  return `${markOf(processId)}${markOf(newId())}`;
}

/**
 * Lets everybody take the lanes that these processes have claimed, as they will not come back. One of them that does come back
 * finds that its claim is gone: what it had under way may be delivered twice, under the same id. Locks no other lane.
 */
export async function freeLanes(db: Db, processIds: readonly string[]): Promise<void> {
  if (processIds.length === 0) return;
  const { lane, claim } = webhookLanes;
  const rows = await db
    .select({ lane, claim })
    .from(webhookLanes)
    .where(or(...processIds.map((id) => like(claim, `${markOf(id)}%`))));
  const claims = rows.flatMap((row) => row.claim ?? []);
  if (claims.length === 0) return;
  const names = rows.map((row) => row.lane).sort();
  await db
    .update(webhookLanes)
    .set({ claim: null, dueAt: FREED_AT })
    .where(and(inArray(lane, names), inArray(claim, claims)));
}
