/** Verbs that its owner carries out on a session. */
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { askOwner } from './ask-owner.ts';
import { findSession, type SessionRef } from './find.ts';
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
  await askOwner(ctx, session, 'restart', {}, RESTART_TIMEOUT_MS);
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
  const { confirmed } = await askOwner(ctx, session, 'logout', {}, LOGOUT_TIMEOUT_MS);
  return { ...(await toSessionStatus(ctx, await findSession(ctx, ref))), confirmed };
}
