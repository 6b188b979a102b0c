/** Looking after codes on their way: acknowledged, failed, or to be sent through the next session. */

import { and, asc, eq, gt, gte, inArray, lte, or, sql } from 'drizzle-orm';
import { readBatches } from '../../db/batches.ts';
import type { Tx } from '../../db/client.ts';
import {
  affected,
  caseBy,
  isUnavailable,
  placeholders,
  prepared,
  preparedWriteFor,
  skipLocked,
  transact,
  valuesAt,
} from '../../db/ops.ts';
import { otps } from '../../db/schema.ts';
import { type Fact, record } from '../../events/record.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { closeOtp, otpFact } from './close.ts';
import { cancelWaitingCodes, deliver } from './deliver.ts';
import type { OtpDeps } from './deps.ts';
import { isOpen, OPEN_STATUSES, readDeliveries, WATCH_COLUMNS, type WatchedOtp, whileOpen } from './rows.ts';
import { readFallbacks, readyFor, type SendingSession } from './sessions.ts';
import {
  type DeliveryState,
  decideWatch,
  FIRST_LOOK_MS,
  provenAt,
  type WatchDecision,
} from './watch-policy.ts';

/** Codes of one piece: few milliseconds of work, because the loop is held for it, and the next code waits. */
const BATCH_SIZE = 16;
/** Codes of one round: what is more waits for the next. */
const MAX_LOOKED_AT = 5_000;
/** One that the database refused is looked at again after this. */
const TROUBLE_PAUSE_MS = MINUTE_MS;

/**
 * Looks at every OTP whose time to be looked at has come; how many. Safe in several processes at once: each
 * change is conditional on what was seen. Throws when the database is away.
 */
export async function watchOtps(deps: OtpDeps, signal?: AbortSignal): Promise<number> {
  let looked = 0;
  const read = (last: WatchedOtp | null) =>
    dueRows(deps.db).execute({
      now: deps.clock.now(),
      at: last?.watchAt ?? 0,
      after: last?.id ?? '',
      limit: BATCH_SIZE,
    });
  for await (const due of readBatches<WatchedOtp>(BATCH_SIZE, read, signal)) {
    await lookAtAll(deps, due);
    looked += due.length;
    if (looked >= MAX_LOOKED_AT) break;
  }
  return looked;
}

/** Those that nobody has locked, after one that was looked at: one that cannot be put off is passed over until the next round. */
const dueRows = prepared((db) => {
  const { id, watchAt } = otps;
  const at = sql.placeholder('at');
  return skipLocked(
    db
      .select(WATCH_COLUMNS)
      .from(otps)
      .where(
        and(
          lte(watchAt, sql.placeholder('now')),
          gte(watchAt, at),
          or(gt(watchAt, at), gt(id, sql.placeholder('after'))),
        ),
      )
      .orderBy(asc(watchAt), asc(id))
      .limit(sql.placeholder('limit')),
  ).prepare();
});

/** One that was acknowledged, and when. */
interface Proven {
  otp: WatchedOtp;
  at: number;
}

/** Those that were acknowledged, which are nearly all, are marked together; of the sessions only the others ask. */
async function lookAtAll(deps: OtpDeps, due: readonly WatchedOtp[]): Promise<void> {
  // One that was acknowledged must not seem overdue, and go out through another session as well.
  await deps.signals.writeTold(null);
  const now = deps.clock.now();
  const states = await readStates(deps, due);
  const sent: Proven[] = [];
  const others: WatchedOtp[] = [];
  for (const otp of due) {
    const at = otp.status === 'pending' && otp.expiresAt > now ? provenAt(otp, states, now) : null;
    if (at === null) others.push(otp);
    else sent.push({ otp, at });
  }
  const sendingSessions = await readAllSessions(deps, others);
  for (const otp of others) await lookAt(deps, otp, states, sendingSessions);
  await markAllSent(deps, sent);
}

async function readStates(deps: OtpDeps, due: readonly WatchedOtp[]): Promise<Map<string, DeliveryState>> {
  const ids = due.flatMap((otp) => otp.deliveries.map(({ id }) => id));
  const rows = await readDeliveries(deps.db, ids);
  return new Map(rows.map(({ id, ...state }) => [id, state]));
}

async function readAllSessions(
  deps: OtpDeps,
  due: readonly WatchedOtp[],
): Promise<Map<string, SendingSession>> {
  const all = new Map(due.flatMap((otp) => otp.failover.map((fallback) => [fallback.accountId, fallback])));
  const sendingSessions = await readFallbacks(deps, [...all.values()], deps.clock.now());
  return new Map(sendingSessions.map((sendingSession) => [sendingSession.accountId, sendingSession]));
}

/** Does what is to be done about one. */
function lookAt(
  deps: OtpDeps,
  otp: WatchedOtp,
  states: ReadonlyMap<string, DeliveryState>,
  sendingSessions: ReadonlyMap<string, SendingSession>,
): Promise<void> {
  return withTrouble(deps, otp, async () => {
    const now = deps.clock.now();
    // The sweep ends those whose time is over.
    if (!isOpen(otp) || otp.expiresAt <= now) return lookNext(deps, otp, null);
    const ofOtp = otp.failover.flatMap(({ accountId }) => sendingSessions.get(accountId) ?? []);
    const decision = decideWatch({
      otp,
      states,
      sendingSessions: await readyFor(deps.db, ofOtp, otp.phone, now),
      failoverAfterMs: deps.config.otp.failoverAfterMs,
      now,
    });
    return act(deps, otp, decision);
  });
}

/** What the database refuses of one OTP is tried again later, and stops no other. */
async function withTrouble(deps: OtpDeps, otp: WatchedOtp, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isUnavailable(error)) throw error;
    deps.logger.error('an OTP could not be looked after', { otpId: otp.id, error });
    await putOff(deps, otp);
  }
}

async function putOff(deps: OtpDeps, otp: WatchedOtp): Promise<void> {
  try {
    await lookNext(deps, otp, deps.clock.now() + TROUBLE_PAUSE_MS);
  } catch (error) {
    if (isUnavailable(error)) throw error;
    deps.logger.error('an OTP could not be put off', { otpId: otp.id, error });
  }
}

async function act(deps: OtpDeps, otp: WatchedOtp, decision: WatchDecision): Promise<void> {
  switch (decision.action) {
    case 'look':
      return lookNext(deps, otp, decision.at);
    case 'sent':
      return lookNext(deps, otp, null);
    case 'failed':
      // An earlier message of the same code did arrive: the code can still be typed in.
      return otp.status === 'pending' ? fail(deps, otp, decision.errorCode) : lookNext(deps, otp, null);
    case 'failover':
      return transact(deps.database, (tx) => failOver(tx, deps, otp, decision.to));
  }
}

/** The condition that no process has looked at this OTP since it was read. */
const asSeen = (otp: WatchedOtp) =>
  and(whileOpen(otp.id), otp.watchAt === null ? undefined : eq(otps.watchAt, otp.watchAt));

async function lookNext(deps: OtpDeps, otp: WatchedOtp, watchAt: number | null): Promise<void> {
  await deps.db
    .update(otps)
    .set({ watchAt })
    .where(and(eq(otps.id, otp.id), otp.watchAt === null ? undefined : eq(otps.watchAt, otp.watchAt)));
}

/** In one transaction; when one was changed meanwhile, or it is refused, each in one of its own. */
async function markAllSent(deps: OtpDeps, all: readonly Proven[]): Promise<void> {
  if (all.length === 0) return;
  try {
    await markSent(deps, all);
  } catch (error) {
    if (isUnavailable(error)) throw error;
    for (const one of all) await withTrouble(deps, one.otp, () => markSent(deps, [one]));
  }
}

/** Of several one was changed since it was read. */
class NotAsSeen extends Error {
  override name = 'NotAsSeen';
}

async function markSent(deps: OtpDeps, all: readonly Proven[]): Promise<void> {
  await transact(deps.database, async (tx) => {
    const now = deps.clock.now();
    const seen = all.map(({ otp: { id, watchAt }, at }) => ({ id, watchAt, at }));
    const marked = affected(await markSeveral(tx, [all.length], { ...valuesAt(seen), now }));
    if (marked !== all.length && all.length > 1) throw new NotAsSeen('an OTP was changed meanwhile');
    if (marked === 0) return;
    const facts: Fact[] = all.map(({ otp, at }) =>
      otpFact(otp, 'otp.sent', { status: 'sent', sentAt: new Date(at).toISOString() }),
    );
    await record(tx, deps, facts);
  });
}

/** Those that are open, and that no process has looked at since they were read. */
const markSeveral = preparedWriteFor((db, named, count) => {
  const { id, status, watchAt } = otps;
  const byId = (name: string) =>
    caseBy(
      id,
      Array.from({ length: count }, (_, at) => [named(at, 'id'), named(at, name)] as const),
    );
  const now = sql`${sql.placeholder('now')}`;
  return db
    .update(otps)
    .set({ status: 'sent', sentAt: byId('at'), watchAt: null, updatedAt: now })
    .where(
      and(
        inArray(id, placeholders(named, 'id', count)),
        inArray(status, [...OPEN_STATUSES]),
        eq(watchAt, byId('watchAt')),
      ),
    );
});

async function fail(deps: OtpDeps, otp: WatchedOtp, errorCode: string): Promise<void> {
  await transact(deps.database, async (tx) => {
    const facts = await closeOtp(tx, deps, otp, { status: 'failed', reason: 'send_failed' });
    const named = (facts ?? []).map((fact) =>
      fact.event === 'otp.failed' ? { ...fact, data: { ...fact.data, errorCode } } : fact,
    );
    await record(tx, deps, named);
  });
}

async function failOver(
  tx: Tx,
  deps: OtpDeps,
  otp: WatchedOtp,
  sendingSession: SendingSession,
): Promise<void> {
  const now = deps.clock.now();
  // Taken first, so that of several processes one goes on; the look after the delivery is set below.
  const taken = await tx
    .update(otps)
    .set({ watchAt: now + deps.config.otp.failoverAfterMs, updatedAt: now })
    .where(asSeen(otp));
  if (affected(taken) === 0) return;
  const canceled = await cancelWaitingCodes(tx, deps, otp.deliveries);
  const { delivery, fact } = await deliver(tx, deps, {
    otpId: otp.id,
    userId: otp.userId,
    phone: otp.phone,
    sendingSession,
    round: otp.deliveries.at(-1)?.round ?? 1,
    expiresAt: otp.expiresAt,
    counts: false,
  });
  await tx
    .update(otps)
    .set({
      accountId: sendingSession.accountId,
      sessionId: sendingSession.sessionId,
      messageRowId: delivery.id,
      messageId: delivery.messageId,
      deliveries: [...otp.deliveries, delivery],
      watchAt: now + FIRST_LOOK_MS,
    })
    .where(eq(otps.id, otp.id));
  await record(tx, deps, [...canceled, { ...fact, data: { ...fact.data, failover: true } }]);
}
