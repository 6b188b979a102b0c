/** A new session, or a new pairing of one whose phone is gone. */
import { randomBytes } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, transact, tryInsert } from '../../db/ops.ts';
import { type BrowserRow, isLinking, whatsappAccounts } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { normalizePhone } from '../../utils/phone.ts';
import type { ProxyAddress } from '../../utils/proxy/address.ts';
import { onlySession, requireScope, requireSession } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { claimIdempotency, freeIdempotency } from '../idempotency.ts';
import { takeRoom } from '../quotas.ts';
import { refuseWhileSuspended } from '../workspaces/suspension.ts';
import { checkProxy, sealProxy } from './connection.ts';
import { hasLinked, readSession, type SessionRecord } from './find.ts';
import { makePlainLinks, makeSessionLinks } from './links.ts';
import { openSession, PAIRING_WAIT_MS, waitForPairing } from './pairing.ts';
import { drawQrUrl } from './qr-image.ts';
import { BrowserInput, type CreatedSessionOutput, type CreateSessionInput } from './schemas.ts';
import { expectedPhoneOf, phoneOf, toIso, toSession } from './view.ts';

const accounts = whatsappAccounts;

/**
 * Makes a session and begins to link a phone; waits up to 10 s for the first QR or pairing code. A session of
 * that name that has no phone and is not being linked (logged out, pairing expired or failed) begins again.
 * Throws SESSION_EXISTS (details.session) for any other, QUOTA_EXCEEDED, DUPLICATE_PHONE when the phone has an active session.
 */
export async function createSession(ctx: Ctx, input: CreateSessionInput): Promise<CreatedSessionOutput> {
  requireScope(ctx, 'sessions:write');
  const sessionId = input.sessionId ?? onlySession(ctx) ?? `session-${randomBytes(6).toString('hex')}`;
  requireSession(ctx, sessionId);
  const pairing = input.pairing ?? 'qr';
  const expectedPhone =
    input.phoneNumber === undefined ? null : normalizePhone(input.phoneNumber, ctx.config.defaultCountry);
  if (pairing === 'code' && expectedPhone === null) {
    throw new AppError('VALIDATION_FAILED', 'A pairing code needs the phone it is for.', {
      details: { phoneNumber: 'is required with pairing: code' },
    });
  }
  if (expectedPhone !== null) await refuseDuplicate(ctx, expectedPhone);
  const proxy = input.proxy === undefined ? null : await checkProxy(ctx, input.proxy);
  const browser = input.browser === undefined ? null : BrowserInput.parse(input.browser);
  const { account, isNew } = await saveSession(ctx, { sessionId, pairing, expectedPhone, proxy, browser });
  if (isNew) await openQuietly(ctx, account);
  else await openAgain(ctx, account);
  const row = await waitForPairing(ctx, account, PAIRING_WAIT_MS);
  return toCreated(ctx, row ?? account);
}

interface NewSession {
  sessionId: string;
  pairing: 'qr' | 'code';
  expectedPhone: string | null;
  /** null: none, or that of before */
  proxy: ProxyAddress | null;
  browser: BrowserRow | null;
}

async function refuseDuplicate(ctx: Ctx, phone: string): Promise<void> {
  const [taken] = await ctx.db
    .select({ id: accounts.id })
    .from(accounts)
    .where(hasLinked(ctx.actor.userId, phone));
  if (taken) throw new AppError('DUPLICATE_PHONE', 'This phone already has an active session.');
}

async function saveSession(ctx: Ctx, input: NewSession): Promise<{ account: SessionRecord; isNew: boolean }> {
  const { userId } = ctx.actor;
  return transact(ctx.database, async (tx) => {
    const known = await readSession(tx, userId, input.sessionId);
    if (!known) await takeRoom(tx, ctx, userId, 'sessions');
    await refuseWhileSuspended(tx, userId);
    const saved = known ? await begin(ctx, tx, known, input) : await insert(ctx, tx, input);
    const row = saved ? await readSession(tx, userId, input.sessionId) : null;
    if (!row) throw sessionExists(ctx, (await readSession(ctx.db, userId, input.sessionId)) ?? known);
    await claimIdempotency(ctx, tx, { status: 201, body: keptAnswer(ctx, row) }, { final: true });
    return { account: row, isNew: known === null };
  });
}

async function insert(ctx: Ctx, tx: Tx, input: NewSession): Promise<boolean> {
  const { sessionId, pairing, expectedPhone } = input;
  const now = ctx.clock.now();
  const id = newId(now);
  const { userId } = ctx.actor;
  const inserted = await tryInsert(tx, accounts, {
    id,
    userId,
    sessionId,
    status: 'connecting',
    pairing,
    expectedPhone,
    ...connectionIn(ctx, id, input),
    // Born as this process's own: no other can take it first.
    owner: ctx.commands.processId,
    fence: 1,
    createdAt: now,
    updatedAt: now,
  });
  if (!inserted) return false;
  const fact = { userId, session: { id, sessionId }, origin: originOf(ctx) };
  await record(tx, ctx, [{ ...fact, event: 'session.created', data: { pairing } }]);
  return true;
}

function connectionIn({ secrets }: Ctx, id: string, { proxy, browser }: NewSession) {
  return {
    ...(proxy === null ? {} : { proxy: sealProxy(secrets, id, proxy) }),
    ...(browser === null ? {} : { browser }),
  };
}

/** The row of a session without a phone gets what this pairing is to be; false when it is in use. */
async function begin(ctx: Ctx, tx: Tx, known: SessionRecord, input: NewSession): Promise<boolean> {
  if (known.paired || isLinking(known.status)) return false;
  const changed = await tx
    .update(accounts)
    .set({
      pairing: input.pairing,
      expectedPhone: input.expectedPhone,
      phoneNumber: null,
      name: null,
      ...connectionIn(ctx, known.id, input),
    })
    .where(and(eq(accounts.id, known.id), eq(accounts.paired, false), eq(accounts.status, known.status)));
  return affected(changed) === 1;
}

function sessionExists(ctx: Ctx, row: SessionRecord | null): AppError {
  const message = 'There is a session of this name already. POST /session/restart connects it again.';
  const details = row ? { session: toSession(row, ctx.clock.now()) } : {};
  return new AppError('SESSION_EXISTS', message, { details });
}

/** No owner at the moment is no failure: the session is there, and its owner's next round opens it. */
async function openQuietly(ctx: Ctx, account: SessionRecord): Promise<void> {
  try {
    await openSession(ctx, account);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'UNAVAILABLE')) throw error;
    ctx.logger.warn('a new session waits for its owner', { account: account.id, requestId: ctx.requestId });
  }
}

/** A session that is not opened has not begun again: the same request may try it once more. */
async function openAgain(ctx: Ctx, account: SessionRecord): Promise<void> {
  try {
    await openSession(ctx, account);
  } catch (error) {
    await freeIdempotency(ctx);
    throw error;
  }
}

/** The answer: what to scan or to type, and where it can be seen. */
export async function toCreated(ctx: Ctx, row: SessionRecord): Promise<CreatedSessionOutput> {
  return {
    sessionId: row.sessionId,
    status: row.status,
    phoneNumber: phoneOf(row) ?? expectedPhoneOf(row),
    ...(row.qr === null ? {} : { qr: row.qr, qrCode: await drawQrUrl(ctx, row.qr) }),
    ...(row.pairingCode === null ? {} : { pairingCode: row.pairingCode }),
    ...makeSessionLinks(ctx, row),
    expiresAt: toIso(row.qrExpiresAt),
  };
}

/** The stored answer for a repeated request: no QR, no code, no signature. */
export function keptAnswer(ctx: Ctx, row: SessionRecord): Record<string, unknown> {
  const { sessionId, status } = row;
  const links = makePlainLinks(ctx, sessionId);
  const data = {
    sessionId,
    session: sessionId,
    status,
    phoneNumber: phoneOf(row) ?? expectedPhoneOf(row),
    ...links,
    expiresAt: null,
  };
  return { success: true, data };
}
