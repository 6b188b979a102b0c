/** A session by its name, made when there is none: for clients that ask for the QR and do not care. */
import { transact } from '../../db/ops.ts';
import { isLinking } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { onlySession, requireScope, requireSession } from '../access.ts';
import type { Ctx } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import { createSession, keptAnswer, toCreated } from './create.ts';
import { readSession, type SessionRecord } from './find.ts';
import { linkedByCode, PAIRING_WAIT_MS, qrNotReady, waitForPairing } from './pairing.ts';
import type { CreatedSessionOutput, CreateSessionInput } from './schemas.ts';

export type EnsuredSession = CreatedSessionOutput & { isConnected: boolean; created: boolean };

/**
 * As `createSession`, but a session that exists is no error: its state and, while it is being linked, its current
 * QR. `created`: there was none of that name. Throws DUPLICATE_PHONE, INVALID_NUMBER, UNAVAILABLE.
 */
export async function ensureSession(ctx: Ctx, input: CreateSessionInput): Promise<EnsuredSession> {
  requireScope(ctx, 'sessions:write');
  const sessionId = input.sessionId ?? onlySession(ctx);
  const known = sessionId === undefined ? null : await readOwn(ctx, sessionId);
  if (known && isAtWork(known)) return show(ctx, known);
  try {
    return describe(await createSession(ctx, input), known === null);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'SESSION_EXISTS') || sessionId === undefined)
      throw error;
    const made = await readOwn(ctx, sessionId);
    if (!made) throw error;
    return show(ctx, made);
  }
}

/**
 * The QR of a session, made when there is none. Throws ALREADY_CONNECTED when its phone is linked, QR_NOT_READY
 * when there was no code within 10 s, CONFLICT when it is linked by a pairing code.
 */
export async function ensureQr(
  ctx: Ctx,
  input: { sessionId: string },
): Promise<{ sessionId: string; qrCode: string }> {
  const { sessionId, qrCode, pairingCode, status, isConnected } = await ensureSession(ctx, input);
  if (isConnected) {
    throw new AppError('ALREADY_CONNECTED', 'This session is connected: there is nothing to scan.');
  }
  if (pairingCode !== undefined) throw linkedByCode();
  if (qrCode === undefined) throw qrNotReady({ status, reason: null });
  return { sessionId, qrCode };
}

async function readOwn(ctx: Ctx, sessionId: string): Promise<SessionRecord | null> {
  requireSession(ctx, sessionId);
  return readSession(ctx.db, ctx.actor.userId, sessionId);
}

/** Linked, or being linked: nothing to begin. */
const isAtWork = (row: SessionRecord) => row.paired || isLinking(row.status);

async function show(ctx: Ctx, known: SessionRecord): Promise<EnsuredSession> {
  const row = known.paired ? known : ((await waitForPairing(ctx, known, PAIRING_WAIT_MS)) ?? known);
  // The QR is a secret, so what is kept is said here and not taken from the answer.
  await transact(ctx.database, (tx) =>
    claimIdempotency(ctx, tx, { status: 200, body: keptAnswer(ctx, row) }, { final: true }),
  );
  return describe(await toCreated(ctx, row), false);
}

const describe = (session: CreatedSessionOutput, created: boolean): EnsuredSession => ({
  ...session,
  isConnected: session.status === 'connected',
  created,
});
