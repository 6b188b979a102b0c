import { and, eq, sql } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { prepared } from '../../db/ops.ts';
import { whatsappAccounts } from '../../db/schema.ts';
import { inCleanContext } from '../../db/scope.ts';
import { isUsable, sendingColumns } from '../../queue/session-state.ts';
import { AppError } from '../../utils/errors.ts';
import { requireSession, sessionNotFound } from '../access.ts';
import type { Ctx } from '../context.ts';

const columns = {
  id: whatsappAccounts.id,
  userId: whatsappAccounts.userId,
  sessionId: whatsappAccounts.sessionId,
  ...sendingColumns,
  lastHighAt: whatsappAccounts.lastHighAt,
} as const;

export type SendingSession = Pick<typeof whatsappAccounts.$inferSelect, keyof typeof columns>;

const ownSession = prepared((db) =>
  db
    .select(columns)
    .from(whatsappAccounts)
    .where(
      and(
        eq(whatsappAccounts.userId, sql.placeholder('userId')),
        eq(whatsappAccounts.sessionId, sql.placeholder('sessionId')),
      ),
    )
    .prepare(),
);

/** Readings of sessions that have not begun yet. */
export type SessionReadings = Map<string, Promise<SendingSession | null>>;

/** Requests of one turn of the event loop share a reading; it begins after all of them, so none sees an older state. */
function readShared(
  { db, sessionReadings: readings }: Pick<Ctx, 'db' | 'sessionReadings'>,
  userId: number,
  sessionId: string,
): Promise<SendingSession | null> {
  const key = `${userId}:${sessionId}`;
  const known = readings.get(key);
  if (known !== undefined) return known;
  const reading = new Promise<void>((resolve) => inCleanContext(() => setImmediate(resolve))).then(
    async () => {
      readings.delete(key);
      const [row] = await ownSession(db).execute({ userId, sessionId });
      return row ?? null;
    },
  );
  readings.set(key, reading);
  return reading;
}

/** The session of a message, with what sending needs of it; null when it was deleted. */
export async function readSendingSession(db: Db, accountId: string): Promise<SendingSession | null> {
  const [row] = await db.select(columns).from(whatsappAccounts).where(eq(whatsappAccounts.id, accountId));
  return row ?? null;
}

/** The caller's own session, with what sending needs of it. Throws SESSION_NOT_FOUND. */
export async function findOwnSession(ctx: Ctx, sessionId: string): Promise<SendingSession> {
  requireSession(ctx, sessionId);
  const row = await readShared(ctx, ctx.actor.userId, sessionId);
  if (!row) throw sessionNotFound(sessionId);
  return row;
}

/** Throws NOT_CONNECTED unless the session is connected or will be again by itself. */
export function requireQueueing(session: Pick<SendingSession, 'paired' | 'status' | 'sessionId'>): void {
  if (isUsable(session)) return;
  throw new AppError('NOT_CONNECTED', 'The session is not connected.', {
    details: { session: session.sessionId, status: session.status },
  });
}

/** Throws NOT_CONNECTED unless the session is connected now. */
export function requireConnected(session: SendingSession): void {
  if (session.status === 'connected') return;
  throw new AppError('NOT_CONNECTED', 'The session is not connected.', {
    details: { session: session.sessionId, status: session.status },
  });
}
