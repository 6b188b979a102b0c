/** A new code to a number. */
import type { z } from 'zod';
import type { Tx } from '../../db/client.ts';
import { insertMany, isRetryable, isUnavailable, transact, unanswered } from '../../db/ops.ts';
import { type OtpDelivery, otps } from '../../db/schema.ts';
import { type Fact, record, SessionNotHeld } from '../../events/record.ts';
import { candidateOf } from '../../queue/enqueue.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { formatE164, normalizePhone } from '../../utils/phone.ts';
import { phoneJid } from '../../whatsapp/jid.ts';
import { findSubscriber, type Subscriber, subscriberWithoutAliases } from '../../whatsapp/subscribers.ts';
import { requireScope, requireSession, sessionNotFound } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { claimIdempotency, IdempotencyLost } from '../idempotency.ts';
import { rankSenders } from '../messages/session.ts';
import { sendersOf } from '../pools.ts';
import { closeOtp, endingByTime } from './close.ts';
import { macOf, makeCode, sealCode } from './codes.ts';
import { writeCode } from './content.ts';
import { requireCountry } from './country.ts';
import {
  type DeliveryRequest,
  deliver,
  deliverAtOnce,
  type PreparedCode,
  prepareCode,
  type Start,
} from './deliver.ts';
import { type LockedNumber, lockNumber, readBudget, spendSend } from './number-lock.ts';
import { findOpen } from './rows.ts';
import type { SendOtpFields, SentOtp } from './schemas.ts';
import { chooseSession, readSenders, readyFor, type SendingSession } from './sessions.ts';
import type { OtpLanguage } from './template-text.ts';
import { resolveTemplate } from './templates.ts';
import { FIRST_LOOK_MS } from './watch-policy.ts';

export interface SendOtpInput extends z.output<typeof SendOtpFields> {
  /** a code that the caller made, for clients of older systems that do; the service makes one when missing */
  code?: string | undefined;
  /** refuse also when the sessions will be connected again by themselves */
  connectedOnly?: boolean | undefined;
}

/** The result of `sendOtp`: the answer, and what its caller needs in addition. */
export interface SentOtpResult {
  answer: SentOtp;
  /** messages.id, for those who wait for the outcome */
  messageRowId: string;
}

const DEFAULTS = { length: 6, expiresInSeconds: 300, maxAttempts: 3, language: 'id' } as const;

/**
 * Sends a code at high priority; the number's earlier one, if it is still open, is canceled. Durable when it
 * resolves. Throws SESSION_NOT_FOUND, NOT_CONNECTED, INVALID_NUMBER, FORBIDDEN (country), VALIDATION_FAILED or
 * NOT_FOUND (template), RATE_LIMITED with `Retry-After`.
 */
export async function sendOtp(ctx: Ctx, input: SendOtpInput): Promise<SentOtpResult> {
  requireScope(ctx, 'otp');
  const phone = normalizePhone(input.to, ctx.config.defaultCountry);
  const names = await namesFor(ctx, input, phone);
  const companyName = input.companyName?.trim() || null;
  const language = input.language ?? DEFAULTS.language;
  const now = ctx.clock.now();
  const { userId } = ctx.actor;
  const senders = await readSenders(ctx, userId, names, now);
  const sendingSessions = await readyFor(ctx.db, senders.sessions, phone, now);
  const first = chooseSession(sendingSessions, input.connectedOnly);
  requireCountry(ctx, phone, senders.settings);
  const sendingSession = chooseSession(sendingSessions);
  const { lid, hasAliases } = await ctx.peers.look({ id: sendingSession.accountId, userId }, phone);
  const subscriber = hasAliases
    ? await findSubscriber(ctx.db, userId, phone)
    : subscriberWithoutAliases(phone);
  const template = await resolveTemplate(ctx, { template: input.template ?? null, language, companyName });
  const otp = {
    id: newId(now),
    userId,
    phone,
    subscriber,
    companyName,
    language,
    code: input.code ?? makeCode(input.length ?? DEFAULTS.length),
    template,
    requestedSessionId: input.session ?? first.sessionId,
    endUserIp: input.endUserIp ?? null,
    askedAt: now,
    expiresAt: now + (input.expiresInSeconds ?? DEFAULTS.expiresInSeconds) * 1000,
    maxAttempts: input.maxAttempts ?? DEFAULTS.maxAttempts,
  };
  return sendNow(ctx, otp, sendingSessions, { sendingSession, lid });
}

/** With a head start where the session has nothing else to do. */
async function sendNow(
  ctx: Ctx,
  otp: NewOtp,
  sendingSessions: SendingSession[],
  by: Pick<DeliveryRequest, 'sendingSession' | 'lid'>,
): Promise<SentOtpResult> {
  const request = requestOf(ctx, otp, by);
  const code = await prepareCode(ctx, request);
  const start = await ctx.signals.headStart(candidateOf(code.message, code.queued));
  const open = () => writeCode(otp, ctx.clock.now());
  const send = (withStart: Start | null) =>
    transact(ctx.database, (tx) =>
      writeSend(tx, ctx, otp, sendingSessions, { request, code, start: withStart }),
    );
  if (start === null) return send(null);
  try {
    const sent = await send({ start, open });
    start.go(open);
    return sent;
  } catch (error) {
    start.giveUp(isRolledBack(error) ? null : error);
    if (error instanceof SessionNotHeld) return send(null);
    throw error;
  }
}

/** Whether nothing of the transaction was written for sure: ours, and one that lost to another to the end. */
function isRolledBack(error: unknown): boolean {
  if (error instanceof AppError || error instanceof IdempotencyLost || error instanceof SessionNotHeld)
    return true;
  return isRetryable(error) && !isUnavailable(error);
}

/** A code that is ready to be queued; `start` null: without a head start. */
interface ReadyCode {
  request: DeliveryRequest;
  code: PreparedCode;
  start: Start | null;
}

function requestOf(
  ctx: Ctx,
  { id: otpId, userId, phone, expiresAt }: NewOtp,
  by: Pick<DeliveryRequest, 'sendingSession' | 'lid'>,
): DeliveryRequest {
  return { ...by, otpId, userId, phone, round: 1, expiresAt, origin: originOf(ctx) };
}

/** The session that is asked for, or the best of several first; then those that may take over. */
async function namesFor(ctx: Ctx, input: SendOtpInput, phone: string): Promise<string[]> {
  const senders = await sendersOf(ctx, input);
  const failover = input.failoverSessions ?? [];
  for (const name of failover) requireSession(ctx, name);
  if (input.session !== undefined) return [...senders.names, ...failover];
  const person = { peer: phoneJid(phone), phone, lid: null };
  const ranked = await rankSenders(ctx, senders, person, PRIORITIES.high);
  const names = [...ranked.map(({ sessionId }) => sessionId), ...failover];
  if (names.length === 0) throw sessionNotFound(senders.names.join(', '));
  return names;
}

/** Without a head start: others of its session make room meanwhile. */
function deliverInTurn(tx: Tx, ctx: Ctx, request: DeliveryRequest, code: PreparedCode) {
  ctx.signals.codeComes(request.sendingSession.accountId);
  return deliver(tx, ctx, request, code);
}

interface NewOtp {
  id: string;
  userId: number;
  phone: string;
  subscriber: Subscriber;
  companyName: string | null;
  language: OtpLanguage;
  code: string;
  template: string;
  requestedSessionId: string;
  endUserIp: string | null;
  askedAt: number;
  expiresAt: number;
  maxAttempts: number;
}

async function writeSend(
  tx: Tx,
  ctx: Ctx,
  otp: NewOtp,
  sendingSessions: SendingSession[],
  { request, code, start }: ReadyCode,
): Promise<SentOtpResult> {
  const now = ctx.clock.now();
  const subscriber = { userId: otp.userId, ...otp.subscriber };
  const number = await lockNumber(tx, subscriber, { otpId: otp.id, now });
  await spendSend(tx, ctx, number, { otpId: otp.id, endUserIp: otp.endUserIp });
  const replaced = number.ended === null ? await replaceOpen(tx, ctx, number) : [];
  const maxAttempts = Math.min(otp.maxAttempts, await readBudget(tx, number, now));
  const { delivery, fact } = start
    ? await deliverAtOnce(tx, ctx, request, code, start)
    : await deliverInTurn(tx, ctx, request, code);
  const { otpId, phone, sendingSession } = request;
  const { expiresAt } = otp;
  const row = {
    ...rowOf(ctx, otp, delivery),
    openPhone: number.key,
    maxAttempts,
    failover: sendingSessions.map(({ accountId, sessionId }) => ({ accountId, sessionId })),
    expiresAt,
  };
  await insertMany(unanswered(tx), otps, [row]);
  await record(tx, ctx, [...replaced, fact]);
  const kept: SentOtp = {
    otpId,
    session: sendingSession.sessionId,
    sessionId: sendingSession.sessionId,
    to: formatE164(phone),
    messageId: delivery.messageId,
    status: 'pending',
    attempts: 0,
    maxAttempts,
    expiresAt: new Date(expiresAt).toISOString(),
    timestamp: new Date(otp.askedAt).toISOString(),
  };
  await claimIdempotency(ctx, tx, { status: 202, body: otpSentBody(kept) }, { final: true });
  await start?.start.takeAlong(tx);
  const answer = ctx.config.otp.returnCode ? { ...kept, otp: otp.code } : kept;
  return { answer, messageRowId: delivery.id };
}

/** The row as it is born: of the code only what proves it and what is sealed. */
function rowOf(ctx: Ctx, otp: NewOtp, delivery: OtpDelivery) {
  const now = ctx.clock.now();
  return {
    id: otp.id,
    userId: otp.userId,
    phone: otp.phone,
    accountId: delivery.accountId,
    sessionId: delivery.sessionId,
    requestedSessionId: otp.requestedSessionId,
    status: 'pending' as const,
    codeMac: macOf(ctx.secrets, otp, otp.code),
    sealed: sealCode(ctx.secrets, otp, { code: otp.code, template: otp.template }),
    length: otp.code.length,
    companyName: otp.companyName,
    language: otp.language,
    messageRowId: delivery.id,
    messageId: delivery.messageId,
    deliveries: [delivery],
    watchAt: now + FIRST_LOOK_MS,
    endUserIp: otp.endUserIp,
    ip: ctx.ip,
    userAgent: ctx.userAgent?.slice(0, 255) ?? null,
    createdAt: now,
    updatedAt: now,
  };
}

/** The envelope of a send; what an Idempotency-Key brings back is the same without a code. */
export function otpSentBody(data: SentOtp): { success: true; message: string; data: SentOtp } {
  return { success: true, message: 'OTP queued', data };
}

/** Ends what is open of the number's OTPs: two codes that are both right would double an attacker's chance. */
async function replaceOpen(tx: Tx, ctx: Ctx, number: LockedNumber): Promise<Fact[]> {
  const facts: Fact[] = [];
  // One, as a rule: more where spellings turned out to be one subscriber's while each had a code.
  for (const _ of number.spellings) {
    const previous = await findOpen(tx, number);
    if (!previous) break;
    const late = previous.expiresAt <= ctx.clock.now() || previous.attempts >= previous.maxAttempts;
    const ending = late ? endingByTime(previous) : ({ status: 'canceled', reason: 'replaced' } as const);
    facts.push(...((await closeOtp(tx, ctx, previous, ending, originOf(ctx))) ?? []));
  }
  return facts;
}
