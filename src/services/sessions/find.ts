/** A session by the name its owner gave it. */
import { and, eq, inArray, type SQL } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { whatsappAccounts } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { withTwins } from '../../utils/phone/former.ts';
import { requireSession, sessionNotFound, tenantOf } from '../access.ts';
import { type BoundSessions, ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';

/** Sessions that a missing one is compared with. */
const MAX_SUGGESTED_FROM = 500;

export type SessionRecord = typeof whatsappAccounts.$inferSelect;

/** Whose session: an admin may name another user. */
export interface SessionRef {
  sessionId: string;
  userId?: number | undefined;
}

/**
 * The caller's session (an admin's: of the user it names). Throws SESSION_NOT_FOUND, also for what belongs to
 * somebody else or is outside of what the key is bound to, and ALREADY_CONNECTED for a link that a pairing has ended.
 * It checks no scope: the verb does.
 */
export async function findSession(
  ctx: Pick<Ctx, 'actor' | 'db'>,
  { sessionId, userId }: SessionRef,
  { endedLinks = false } = {},
): Promise<SessionRecord> {
  requireSession(ctx, sessionId);
  const tenant = tenantOf(ctx, { userId }) ?? ctx.actor.userId;
  const row = await readSession(ctx.db, tenant, sessionId);
  if (!row) throw await missingSession(ctx.db, tenant, sessionId, ctx.actor.sessionIds);
  if (!endedLinks && hasEnded(ctx.actor.link, row)) {
    throw new AppError('ALREADY_CONNECTED', 'A phone was linked since this link was made: it has ended.');
  }
  return row;
}

/** A link for linking a phone is used up by the first one: it must not show the next QR, nor what is written. */
function hasEnded(link: Ctx['actor']['link'], { connectedAt }: SessionRecord): boolean {
  return link?.purpose === 'qr' && connectedAt !== null && connectedAt >= link.issuedAt;
}

/** As `sessionNotFound`, with the one of that user's sessions that may have been meant, of those that `bound` may know. */
export async function missingSession(
  db: Db,
  userId: number,
  sessionId: string,
  bound: BoundSessions,
): Promise<AppError> {
  const rows = await db
    .select({ name: whatsappAccounts.sessionId })
    .from(whatsappAccounts)
    .where(and(eq(whatsappAccounts.userId, userId), ofBound(bound, whatsappAccounts.sessionId)))
    .limit(MAX_SUGGESTED_FROM);
  return sessionNotFound(
    sessionId,
    rows.map(({ name }) => name),
  );
}

/** Null when that user has no such session. */
export async function readSession(db: Db, userId: number, sessionId: string): Promise<SessionRecord | null> {
  const [row] = await db
    .select()
    .from(whatsappAccounts)
    .where(and(eq(whatsappAccounts.userId, userId), eq(whatsappAccounts.sessionId, sessionId)));
  return row ?? null;
}

/** True for that user's rows whose active phone is `phone` (E.164 digits), whichever spelling they keep. */
export function hasLinked(userId: number, phone: string): SQL | undefined {
  return and(eq(whatsappAccounts.userId, userId), inArray(whatsappAccounts.activePhone, withTwins([phone])));
}
