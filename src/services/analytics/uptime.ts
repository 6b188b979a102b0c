/** How long a session was connected, from the facts about its connection. */
import { and, eq, lt, type SQL } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { activityLogs } from '../../db/schema.ts';
import { activitySource } from './filter.ts';
import { findRows } from './keyset.ts';
import { percent } from './message-tally.ts';

export interface Uptime {
  connectedSeconds: number;
  /** of the period, or of the session's life when that is shorter */
  percent: number | null;
  disconnects: number;
}

/** Changes of a connection that are looked at: a session that flaps more often than that is shown as such anyway. */
const MAX_CHANGES = 5_000;

/** Within `[from, to)`, epoch milliseconds. What the log does not hold any more counts as it began. */
export async function readUptime(
  db: Db,
  session: { userId: number; sessionId: string; createdAt: number },
  { from, to }: { from: number; to: number },
): Promise<Uptime> {
  const since = Math.max(from, session.createdAt);
  const ups = await readChanges(db, session, UP, since, to);
  const downs = await readChanges(db, session, DOWN, since, to);
  const changes = [...ups.map((at) => ({ at, up: true })), ...downs.map((at) => ({ at, up: false }))].sort(
    (a, b) => a.at - b.at,
  );
  const before = changes.filter((change) => change.at < since).at(-1);
  let isUp = before?.up ?? false;
  let last = since;
  let connectedMs = 0;
  let disconnects = 0;
  for (const change of changes) {
    if (change.at < since) continue;
    if (isUp) connectedMs += change.at - last;
    if (isUp && !change.up) disconnects++;
    isUp = change.up;
    last = change.at;
  }
  if (isUp) connectedMs += to - last;
  return {
    connectedSeconds: Math.round(connectedMs / 1000),
    percent: percent(connectedMs, Math.max(0, to - since)),
    disconnects,
  };
}

const { action, status } = activityLogs;
const UP: (SQL | undefined)[] = [and(eq(action, 'connection_open'), eq(status, 'success'))];
const DOWN: (SQL | undefined)[] = [
  and(eq(action, 'connection_open'), eq(status, 'pending')),
  and(eq(action, 'connection_close'), eq(status, 'success')),
  and(eq(action, 'connection_close'), eq(status, 'failure')),
];

/** When they happened, newest first, down to the last one before `since`. */
async function readChanges(
  db: Db,
  { userId, sessionId }: { userId: number; sessionId: string },
  kinds: readonly (SQL | undefined)[],
  since: number,
  to: number,
): Promise<number[]> {
  const branches = kinds.map((kind) =>
    and(
      eq(activityLogs.userId, userId),
      eq(activityLogs.sessionId, sessionId),
      kind,
      lt(activityLogs.at, to),
    ),
  );
  const rows = await findRows(db, activitySource, branches, { cursor: null, offset: 0, limit: MAX_CHANGES });
  const times = rows.map((row) => row.at);
  const earlier = times.findIndex((at) => at < since);
  return earlier === -1 ? times : times.slice(0, earlier + 1);
}
