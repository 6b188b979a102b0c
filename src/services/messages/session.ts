import { and, eq, inArray, or, sql } from 'drizzle-orm';
import { type Batcher, createBatcher } from '../../db/batcher.ts';
import type { Db } from '../../db/client.ts';
import { padded, placeholders, prepared, preparedFor, statementsAreCheap, valuesAt } from '../../db/ops.ts';
import { whatsappAccounts } from '../../db/schema.ts';
import { rankPool, readPool } from '../../queue/pool.ts';
import type { Priority } from '../../queue/priority.ts';
import { isUsable, sendingColumns } from '../../queue/session-state.ts';
import type { Addressee } from '../../queue/subscriber-peers.ts';
import { AppError } from '../../utils/errors.ts';
import { requireSession, sessionNotFound } from '../access.ts';
import type { Ctx } from '../context.ts';
import { type SenderInput, type Senders, sendersOf } from '../pools.ts';
import { missingSession } from '../sessions/find.ts';

const columns = {
  id: whatsappAccounts.id,
  userId: whatsappAccounts.userId,
  sessionId: whatsappAccounts.sessionId,
  phoneNumber: whatsappAccounts.phoneNumber,
  ...sendingColumns,
  lastHighAt: whatsappAccounts.lastHighAt,
  knownFrom: whatsappAccounts.knownFrom,
} as const;

export type SendingSession = Pick<typeof whatsappAccounts.$inferSelect, keyof typeof columns>;

/** Names a session with the number that it is linked to: what WhatsApp tells another number of it is something else. */
export const linkOf = ({ id, phoneNumber }: Pick<SendingSession, 'id' | 'phoneNumber'>): string =>
  `${id} ${phoneNumber ?? ''}`;

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

interface Named {
  userId: number;
  sessionId: string;
}

/**
 * Reads sessions for requests: those of one turn of the event loop share a reading, which begins after all of them, so that
 * none sees an older state. Null for a session that is not there.
 */
export type SessionReadings = Batcher<Named, SendingSession | null>;

/** Sessions of one reading, and readings at a time. */
const MAX_BATCH = 100;
const MAX_RUNNING = 4;

/** Makes the readings of this process. */
export function createSessionReadings(db: Db): SessionReadings {
  return createBatcher({
    async run(all: readonly Named[]) {
      const byName = new Map(all.map((named) => [nameOf(named), named]));
      const rows = await readNamed(db, [...byName.values()]);
      const found = new Map(rows.map((row) => [nameOf(row), row]));
      return all.map((named) => found.get(nameOf(named)) ?? null);
    },
    maxBatch: MAX_BATCH,
    maxRunning: MAX_RUNNING,
  });
}

const nameOf = ({ userId, sessionId }: Named) => `${userId}:${sessionId}`;

const ownSessions = preparedFor((db, named, count = 1) =>
  db
    .select(columns)
    .from(whatsappAccounts)
    .where(
      and(
        eq(whatsappAccounts.userId, sql.placeholder('userId')),
        inArray(whatsappAccounts.sessionId, placeholders(named, 'sessionId', count)),
      ),
    )
    .prepare(),
);

/** Where a statement is a round trip all workspaces share one. */
async function readNamed(db: Db, all: readonly Named[]): Promise<SendingSession[]> {
  const [first] = all;
  if (first !== undefined && all.length === 1) return ownSession(db).execute({ ...first });
  if (statementsAreCheap || all.every(({ userId }) => userId === first?.userId)) {
    const byUser = new Map<number, string[]>();
    for (const { userId, sessionId } of all) {
      const own = byUser.get(userId);
      if (own) own.push(sessionId);
      else byUser.set(userId, [sessionId]);
    }
    const found = await Promise.all(
      [...byUser].map(([userId, own]) => {
        const asked = padded(own, MAX_BATCH);
        const values = valuesAt(asked.map((sessionId) => ({ sessionId })));
        return ownSessions(db, asked.length).execute({ ...values, userId });
      }),
    );
    return found.flat();
  }
  const { userId, sessionId } = whatsappAccounts;
  const named = all.map((one) => and(eq(userId, one.userId), eq(sessionId, one.sessionId)));
  return db
    .select(columns)
    .from(whatsappAccounts)
    .where(or(...named));
}

/** The session of a message, with what sending needs of it; null when it was deleted. */
export async function readSendingSession(db: Db, accountId: string): Promise<SendingSession | null> {
  return (await readSendingSessions(db, [accountId])).get(accountId) ?? null;
}

/** The same of several messages, by the ids of their sessions; without those that were deleted. */
export async function readSendingSessions(
  db: Db,
  accountIds: readonly string[],
): Promise<Map<string, SendingSession>> {
  const rows = await db
    .select(columns)
    .from(whatsappAccounts)
    .where(inArray(whatsappAccounts.id, [...accountIds]));
  return new Map(rows.map((row) => [row.id, row]));
}

/** The caller's own session, with what sending needs of it. Throws SESSION_NOT_FOUND. */
export async function findOwnSession(ctx: Ctx, sessionId: string): Promise<SendingSession> {
  requireSession(ctx, sessionId);
  const row = await ctx.sessionReadings.add({ userId: ctx.actor.userId, sessionId });
  if (!row) throw await missingSession(ctx.db, ctx.actor.userId, sessionId, ctx.actor.sessionIds);
  return row;
}

/**
 * The caller's own session that a message of the history belongs to. Throws SESSION_NOT_FOUND, or CONFLICT when another one has
 * that name now: the ids of the old one's messages mean nothing to it.
 */
export async function sessionOfMessage(
  ctx: Ctx,
  { sessionId, accountId }: { sessionId: string; accountId: string },
): Promise<SendingSession> {
  const session = await findOwnSession(ctx, sessionId);
  if (session.id === accountId) return session;
  throw new AppError('CONFLICT', 'The session of this message is gone.', { details: { session: sessionId } });
}

/**
 * The session of a request, or of those that it names the one that is to write to this person now. Throws
 * SESSION_NOT_FOUND, NOT_FOUND for a pool, VALIDATION_FAILED unless it names them in one way.
 */
export function chooseSender(
  ctx: Ctx,
  input: SenderInput,
  person: Addressee,
  priority: Priority,
): Promise<SendingSession> {
  const { session, sessions, pool } = input;
  return session !== undefined && sessions === undefined && pool === undefined
    ? findOwnSession(ctx, session)
    : chooseAmong(ctx, input, person, priority);
}

async function chooseAmong(
  ctx: Ctx,
  input: SenderInput,
  person: Addressee,
  priority: Priority,
): Promise<SendingSession> {
  const senders = await sendersOf(ctx, input);
  const { names, poolId } = senders;
  const [only] = names;
  if (poolId === null && names.length === 1 && only !== undefined) return findOwnSession(ctx, only);
  const [best] = await rankSenders(ctx, senders, person, priority);
  if (!best) throw sessionNotFound(names.join(', '));
  return best;
}

/** The sessions, the one that is to write to this person first. Throws SESSION_NOT_FOUND for one that was named. */
export async function rankSenders(
  ctx: Ctx,
  { names, poolId }: Senders,
  person: Addressee,
  priority: Priority,
): Promise<SendingSession[]> {
  const rows = await ctx.db
    .select(columns)
    .from(whatsappAccounts)
    .where(
      and(eq(whatsappAccounts.userId, ctx.actor.userId), inArray(whatsappAccounts.sessionId, [...names])),
    );
  const missing = names.find((name) => !rows.some(({ sessionId }) => sessionId === name));
  if (missing !== undefined && poolId === null) {
    throw await missingSession(ctx.db, ctx.actor.userId, missing, ctx.actor.sessionIds);
  }
  const at = { now: ctx.clock.now(), priority };
  return rankPool(await readPool(ctx, rows, person, at), at).map(({ member }) => member.session);
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
