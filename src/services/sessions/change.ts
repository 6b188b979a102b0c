/** Changes that an owner makes to a session: its label, its proxy, its name on the phone, what it does by itself. */
import { eq } from 'drizzle-orm';
import { transact } from '../../db/ops.ts';
import { whatsappAccounts } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { requireScope } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { requireCapability } from '../messages/capability.ts';
import { askOwner } from './ask-owner.ts';
import { checkProxy, sealProxy } from './connection.ts';
import { findSession, type SessionRecord, type SessionRef } from './find.ts';
import type { ChangeSessionInput, SessionStatusOutput } from './schemas.ts';
import { toSessionStatus } from './view.ts';

/** Closing takes up to 10 s, opening is quick. */
const FOLLOW_TIMEOUT_MS = 15_000;

/**
 * Changes what is given of a session's label, proxy, browser and habits; `null` takes it away. With another proxy it connects
 * again at once. Throws SESSION_NOT_FOUND, NOT_SUPPORTED, VALIDATION_FAILED, URL_REFUSED.
 */
export async function changeSession(
  ctx: Ctx,
  ref: SessionRef,
  input: ChangeSessionInput,
): Promise<SessionStatusOutput> {
  requireScope(ctx, 'sessions:write');
  const session = await findSession(ctx, ref);
  const { label, browser, rejectCalls, callText, autoRead, receiveStatus, receiveChannels } = input;
  if (rejectCalls) requireCapability(ctx, 'calls');
  if (autoRead) requireCapability(ctx, 'markRead');
  if (receiveStatus) requireCapability(ctx, 'status');
  if (receiveChannels) requireCapability(ctx, 'channels');
  const proxy = typeof input.proxy === 'string' ? await checkProxy(ctx, input.proxy) : input.proxy;
  const changes = {
    ...(label === undefined ? {} : { label }),
    ...(browser === undefined ? {} : { browser }),
    ...(rejectCalls === undefined ? {} : { rejectCalls }),
    ...(callText === undefined ? {} : { callText }),
    ...(receiveStatus === undefined ? {} : { receiveStatus }),
    ...(receiveChannels === undefined ? {} : { receiveChannels }),
    // What has come before stays as it is; asked for again it goes on from where it began.
    ...(autoRead === undefined
      ? {}
      : { autoReadFrom: autoRead ? (session.autoReadFrom ?? ctx.clock.now()) : null }),
    ...(proxy === undefined ? {} : { proxy: proxy && sealProxy(ctx.secrets, session.id, proxy) }),
  };
  await transact(ctx.db, async (tx) => {
    await tx
      .update(whatsappAccounts)
      .set({ ...changes, updatedAt: ctx.clock.now() })
      .where(eq(whatsappAccounts.id, session.id));
    const changed = Object.keys(input).filter((name) => Reflect.get(input, name) !== undefined);
    await record(tx, ctx, [
      {
        userId: session.userId,
        event: 'session.changed',
        session: { id: session.id, sessionId: session.sessionId },
        data: { changed },
        origin: originOf(ctx),
      },
    ]);
  });
  const followed = [proxy, rejectCalls, autoRead, receiveStatus, receiveChannels];
  if (followed.some((value) => value !== undefined)) await follow(ctx, session);
  return toSessionStatus(ctx, await findSession(ctx, ref));
}

/** An owner that cannot be asked sees it at its next heartbeat. */
async function follow(ctx: Ctx, session: SessionRecord): Promise<void> {
  try {
    await askOwner(ctx, session, 'follow_settings', {}, FOLLOW_TIMEOUT_MS);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'UNAVAILABLE')) throw error;
    ctx.logger.info('a session follows its settings later', {
      account: session.id,
      requestId: ctx.requestId,
    });
  }
}
