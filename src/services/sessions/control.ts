/** Verbs that its owner carries out on a session. */
import { transact } from '../../db/ops.ts';
import { record } from '../../events/record.ts';
import { requireScope } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { askOwner } from './ask-owner.ts';
import { findSession, type SessionRecord, type SessionRef } from './find.ts';
import type { SessionStatusOutput } from './schemas.ts';
import { toSessionStatus } from './view.ts';

/** Closing takes up to 10 s, opening is quick. */
const RESTART_TIMEOUT_MS = 20_000;
/** WhatsApp is given 10 s to confirm, the socket 10 s to close. */
export const LOGOUT_TIMEOUT_MS = 30_000;

/**
 * Closes the socket and connects again with the same credentials; begins a pairing when there are none.
 * Throws SESSION_NOT_FOUND, UNAVAILABLE.
 */
export async function restartSession(ctx: Ctx, ref: SessionRef): Promise<SessionStatusOutput> {
  requireScope(ctx, 'sessions:write');
  const session = await findSession(ctx, ref);
  await audited(ctx, session, 'session.restarted', () =>
    askOwner(ctx, session, 'restart', {}, RESTART_TIMEOUT_MS),
  );
  return toSessionStatus(ctx, await findSession(ctx, ref));
}

/**
 * Unlinks the phone and erases the credentials; the session stays and may be linked again. `confirmed`: WhatsApp
 * has answered; if not (it was not connected), the phone may list the device until it is removed there.
 */
export async function logoutSession(
  ctx: Ctx,
  ref: SessionRef,
): Promise<SessionStatusOutput & { confirmed: boolean }> {
  requireScope(ctx, 'sessions:write');
  const session = await findSession(ctx, ref);
  const { confirmed } = await audited(ctx, session, 'session.logged_out', () =>
    askOwner(ctx, session, 'logout', {}, LOGOUT_TIMEOUT_MS),
  );
  return { ...(await toSessionStatus(ctx, await findSession(ctx, ref))), confirmed };
}

/** Keeps who asked for it, and whether the owner did it. What was done is told as such, also when that could not be kept. */
async function audited<R>(
  ctx: Ctx,
  { id, sessionId, userId }: SessionRecord,
  event: 'session.restarted' | 'session.logged_out',
  work: () => Promise<R>,
): Promise<R> {
  const note = async (status: 'success' | 'failure') => {
    try {
      await transact(ctx.db, (tx) =>
        record(tx, ctx, [{ userId, session: { id, sessionId }, event, status, origin: originOf(ctx) }]),
      );
    } catch (error) {
      const { requestId } = ctx;
      ctx.logger.error('what was done with a session could not be recorded', {
        error,
        event,
        sessionId,
        requestId,
      });
    }
  };
  let done: R;
  try {
    done = await work();
  } catch (error) {
    await note('failure');
    throw error;
  }
  await note('success');
  return done;
}
