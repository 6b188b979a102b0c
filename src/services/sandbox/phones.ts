/** Playing the phones of a sandbox: those that are linked, and those of people who are written to. */

import { createHash } from 'node:crypto';
import { and, desc, eq, inArray, isNotNull } from 'drizzle-orm';
import { z } from 'zod';
import { inBatches } from '../../db/batches.ts';
import { messages, type PasskeyRow, whatsappAccounts } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { normalizePhone } from '../../utils/phone.ts';
import { requireRole, requireScope } from '../access.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import type { MessageOutput } from '../messages/schemas.ts';
import { toMessage } from '../messages/view.ts';
import { findSession, type SessionRecord } from '../sessions/find.ts';
import { answerPasskey, PasskeyAssertionInput } from '../sessions/passkey.ts';
import { askEmulator, requireSandbox } from './emulator.ts';

/** Sessions that are looked after; a sandbox is for trying things. */
const MAX_SESSIONS = 50;
/** Newest messages of each linked phone that are looked at. */
const MAX_RECEIVED = 200;
const Anything = z.unknown();

export interface WaitingPhone {
  sessionId: string;
  by: 'qr' | 'code';
  /** E.164 digits that would fit: the expected phone, or one that is made from the session */
  phone: string;
}

/** The ways of an account when a device is linked: nothing more, ask for a passkey, or ask and have one thing go wrong. */
export const PASSKEY_WAYS = ['none', 'asks', 'refused', 'phone_away', 'expired', 'no_options'] as const;
export type PasskeyWay = (typeof PASSKEY_WAYS)[number];

/** A session whose account was asked for its passkey: here one plays the owner. */
export interface SigningPhone {
  sessionId: string;
  stage: PasskeyRow['stage'];
  /** the code that the phone shows, to be compared; null when it shows none or is not known */
  phoneCode: string | null;
}

export interface LinkedPhone {
  sessionId: string;
  /** E.164 digits */
  phone: string;
  status: SessionRecord['status'];
}

/** The caller's sessions that wait for a phone or for its owner's passkey, and the phones that are linked. */
export async function listPhones(
  ctx: Ctx,
): Promise<{ waiting: WaitingPhone[]; signing: SigningPhone[]; linked: LinkedPhone[] }> {
  requireScope(ctx, 'read');
  requireSandbox(ctx);
  const rows = await ownSessions(ctx);
  const waiting = rows.flatMap((row) => toWaiting(row) ?? []);
  const linked = rows.flatMap(({ sessionId, phoneNumber, paired, status }) =>
    paired && phoneNumber !== null ? [{ sessionId, phone: phoneNumber, status }] : [],
  );
  const signing = await Promise.all(
    rows.flatMap(({ id, sessionId, passkey }) =>
      passkey === null ? [] : [toSigning(ctx, { id, sessionId, stage: passkey.stage })],
    ),
  );
  return { waiting, signing, linked };
}

/** The phone that could link the session now; null when it does not wait for one. Throws SESSION_NOT_FOUND. */
export async function waitingPhone(ctx: Ctx, ref: { sessionId: string }): Promise<WaitingPhone | null> {
  requireScope(ctx, 'read');
  requireSandbox(ctx);
  return toWaiting(await findSession(ctx, ref));
}

function toWaiting(row: SessionRecord): WaitingPhone | null {
  if (row.status !== 'qr' || (row.qr === null && row.pairingCode === null)) return null;
  const by = row.pairingCode === null ? 'qr' : 'code';
  return { sessionId: row.sessionId, by, phone: row.expectedPhone ?? madeUpPhone(row.id) };
}

async function toSigning(
  ctx: Ctx,
  { id, sessionId, stage }: { id: string; sessionId: string; stage: PasskeyRow['stage'] },
): Promise<SigningPhone> {
  if (stage !== 'confirm') return { sessionId, stage, phoneCode: null };
  const Shown = z.object({ code: z.string().nullable() });
  const shown = await askEmulator(ctx, Shown, { path: '/passkey', query: { label: id } }).catch((error) => {
    // Scanned by other means than this page.
    if (error instanceof AppError && error.code === 'CONFLICT') return { code: null };
    throw error;
  });
  return { sessionId, stage, phoneCode: shown.code };
}

async function ownSessions(ctx: Ctx): Promise<SessionRecord[]> {
  const { userId, sessionIds } = ctx.actor;
  const accounts = whatsappAccounts;
  return ctx.db
    .select()
    .from(accounts)
    .where(and(eq(accounts.userId, userId), ofBound(sessionIds, accounts.sessionId)))
    .orderBy(desc(accounts.createdAt))
    .limit(MAX_SESSIONS);
}

/** Of an Indonesian mobile, always the same for a session. */
function madeUpPhone(accountId: string): string {
  const number = createHash('sha256').update(accountId).digest().readUInt32BE(0) % 100_000_000;
  return `62811${String(number).padStart(8, '0')}`;
}

/**
 * Plays the phone that scans the session's QR, or types its pairing code in; with `passkey` its account asks for one from
 * now on, or not any more. `asked`: the linking goes on when it is signed. Throws SESSION_NOT_FOUND, INVALID_NUMBER,
 * CONFLICT when it does not wait for a phone (any more) or the emulator refuses.
 */
export async function linkPhone(
  ctx: Ctx,
  input: {
    sessionId: string;
    phone: string;
    name?: string | undefined;
    passkey?: PasskeyWay | undefined;
  },
): Promise<{ phone: string; asked: boolean }> {
  requireScope(ctx, 'sessions:write');
  requireSandbox(ctx);
  const phone = normalizePhone(input.phone, ctx.config.defaultCountry);
  const { id, status, qr, pairingCode, sessionId } = await findSession(ctx, { sessionId: input.sessionId });
  if (status !== 'qr' || (qr === null && pairingCode === null)) {
    throw new AppError('CONFLICT', `The session ${sessionId} does not wait for a phone: it is ${status}.`);
  }
  if (input.passkey !== undefined) await setPasskey(ctx, phone, input.passkey);
  const who = { phone, label: id, ...(input.name === undefined ? {} : { name: input.name }) };
  const body = pairingCode === null ? { qr, ...who } : { code: pairingCode, ...who };
  const Linking = z.object({ passkey: z.literal('asked').optional() });
  const answer = await askEmulator(ctx, Linking, { path: pairingCode === null ? '/scan' : '/pair', body });
  return { phone, asked: answer.passkey !== undefined };
}

async function setPasskey(ctx: Ctx, number: string, way: PasskeyWay): Promise<void> {
  const fault = way === 'none' || way === 'asks' ? {} : { fault: way };
  await askEmulator(ctx, Anything, { path: '/rules', body: { number, passkey: way !== 'none', ...fault } });
}

/**
 * Plays the owner who signs with the passkey of the account, and hands the signature in. Throws SESSION_NOT_FOUND,
 * CONFLICT when no signature is awaited or the emulator refuses, and what `answerPasskey` throws.
 */
export async function signWithPasskey(ctx: Ctx, input: { sessionId: string }): Promise<void> {
  requireScope(ctx, 'sessions:write');
  requireSandbox(ctx);
  const { sessionId, status, passkey } = await findSession(ctx, input);
  if (passkey?.stage !== 'asked' || passkey.options === null) {
    throw new AppError('CONFLICT', `The session ${sessionId} awaits no signature: it is ${status}.`);
  }
  const body = { options: passkey.options };
  const assertion = await askEmulator(ctx, PasskeyAssertionInput, { path: '/passkey/sign', body });
  await answerPasskey(ctx, { sessionId }, assertion);
}

const Received = z.object({
  id: z.string(),
  from: z.string(),
  to: z.string(),
  type: z.string(),
  text: z.string().optional(),
  at: z.iso.datetime(),
  readAt: z.iso.datetime().optional(),
  decryptError: z.string().optional(),
  mediaError: z.string().optional(),
});

/** A message as the recipient's phone has it. */
export interface ReceivedMessage extends z.output<typeof Received> {
  sessionId: string;
  /** what the history says of it, with a link to its file */
  sent: MessageOutput;
}

/**
 * Messages that people received from the caller's own sessions, oldest first, decrypted by their phones; from one number's side
 * with `number`. Only what is in the caller's history: another tenant may have linked the same phone.
 */
export async function listReceived(
  ctx: Ctx,
  { number }: { number?: string } = {},
): Promise<ReceivedMessage[]> {
  requireScope(ctx, 'read');
  const to = number === undefined ? {} : { to: normalizePhone(number, ctx.config.defaultCountry) };
  const { linked } = await listPhones(ctx);
  const phones = [...new Set(linked.map(({ phone }) => phone))];
  const query = (from: string) => ({ from, ...to, limit: String(MAX_RECEIVED) });
  const lists = await Promise.all(
    phones.map((from) => askEmulator(ctx, z.array(Received), { path: '/messages', query: query(from) })),
  );
  // Groups and channels have no phone.
  const received = lists.flat().filter(({ to }) => /^\d+$/.test(to));
  const own = await readSent(
    ctx,
    received.map(({ id }) => id),
  );
  return received
    .flatMap((message) => {
      const sent = own.get(message.id);
      return sent ? [{ ...message, sessionId: sent.sessionId, sent }] : [];
    })
    .sort((a, b) => (a.at < b.at ? -1 : 1));
}

async function readSent(ctx: Ctx, messageIds: readonly string[]): Promise<Map<string, MessageOutput>> {
  const found = new Map<string, MessageOutput>();
  for await (const batch of inBatches(messageIds, 500)) {
    const rows = await ctx.db
      .select()
      .from(messages)
      .where(
        and(
          inArray(messages.messageId, batch),
          eq(messages.userId, ctx.actor.userId),
          // Another session of the tenant may be linked to the same phone.
          ofBound(ctx.actor.sessionIds, messages.sessionId),
          eq(messages.direction, 'out'),
        ),
      );
    for (const row of rows) found.set(row.messageId, toMessage(ctx, row));
  }
  return found;
}

/**
 * Somebody writes to a session. Throws SESSION_NOT_FOUND, INVALID_NUMBER, CONFLICT when no phone is linked or the
 * emulator refuses.
 */
export async function writeAs(
  ctx: Ctx,
  input: { number: string; sessionId: string; text: string; pushName?: string | undefined },
): Promise<void> {
  requireScope(ctx, 'messages:write');
  requireSandbox(ctx);
  const from = normalizePhone(input.number, ctx.config.defaultCountry);
  const { phoneNumber, paired, sessionId } = await findSession(ctx, { sessionId: input.sessionId });
  if (!paired || phoneNumber === null) {
    throw new AppError('CONFLICT', `No phone is linked to the session ${sessionId}.`);
  }
  const pushName = input.pushName === undefined ? {} : { pushName: input.pushName };
  const body = { to: phoneNumber, from, text: input.text, ...pushName };
  await askEmulator(ctx, Anything, { path: '/deliver', body });
}

/** The recipient reads a message that the caller sent. Throws NOT_FOUND, CONFLICT. */
export async function readAs(ctx: Ctx, { messageId }: { messageId: string }): Promise<void> {
  requireScope(ctx, 'messages:write');
  requireSandbox(ctx);
  if (!(await readSent(ctx, [messageId])).has(messageId)) {
    throw new AppError('NOT_FOUND', 'There is no such message.');
  }
  await askEmulator(ctx, Anything, { path: '/read', body: { id: messageId } });
}

/** The ways in which a phone can treat messages; see packages/wa-emulator/README.md. */
export const BEHAVIOURS = [
  'ok',
  'not_on_whatsapp',
  'no_ack',
  'ack_error:463',
  'undelivered',
  'unread',
  'delay:5000',
] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

const Rules = z.array(z.object({ number: z.string(), behaviour: z.string() }));

/** The way in which this number treats messages: `ok`, or a rule that somebody set. Throws INVALID_NUMBER. */
export async function behaviourOf(ctx: Ctx, { number }: { number: string }): Promise<string> {
  requireScope(ctx, 'read');
  const phone = normalizePhone(number, ctx.config.defaultCountry);
  const rules = await askEmulator(ctx, Rules, { path: '/rules' });
  return rules.find((rule) => rule.number === phone)?.behaviour ?? 'ok';
}

/** Makes a number behave like that from now on, towards everybody. Throws INVALID_NUMBER. */
export async function setBehaviour(
  ctx: Ctx,
  { number, behaviour }: { number: string; behaviour: Behaviour },
): Promise<void> {
  requireScope(ctx, 'messages:write');
  requireSandbox(ctx);
  const phone = normalizePhone(number, ctx.config.defaultCountry);
  await askEmulator(ctx, Anything, { path: '/rules', body: { number: phone, behaviour } });
}

/** Faults of one linked phone; see packages/wa-emulator/README.md. */
export const PHONE_FAULTS = {
  drop: { kind: 'drop' },
  stream_error_503: { kind: 'stream_error', code: 503 },
  stream_error_515: { kind: 'stream_error', code: 515 },
  replaced: { kind: 'replaced' },
  logout: { kind: 'logout' },
  slow_ack: { kind: 'slow_ack', ms: 5_000 },
  slow_ack_off: { kind: 'slow_ack', ms: 0 },
} as const;
export type PhoneFault = keyof typeof PHONE_FAULTS;

/** Brings a fault about for the phone of a session. Throws SESSION_NOT_FOUND, CONFLICT when no phone is linked. */
export async function faultPhone(
  ctx: Ctx,
  { sessionId, fault }: { sessionId: string; fault: PhoneFault },
): Promise<void> {
  requireScope(ctx, 'sessions:write');
  requireSandbox(ctx);
  const session = await findSession(ctx, { sessionId });
  if (!session.paired || session.phoneNumber === null) {
    throw new AppError('CONFLICT', `No phone is linked to the session ${session.sessionId}.`);
  }
  const body = { ...PHONE_FAULTS[fault], phone: session.phoneNumber };
  await askEmulator(ctx, Anything, { path: '/faults', body });
}

/** The emulated WhatsApp is away for everybody in the sandbox. Only for an admin. */
export async function faultServer(ctx: Ctx, { seconds }: { seconds: number }): Promise<void> {
  requireScope(ctx, 'sessions:write');
  requireRole(ctx, 'admin');
  requireSandbox(ctx);
  await askEmulator(ctx, Anything, { path: '/faults', body: { kind: 'refuse', seconds } });
}

/** Numbers that wrote to the caller's sessions or were written to lately, the newest first: among 500 messages. */
export async function recentPeople(ctx: Ctx): Promise<string[]> {
  requireScope(ctx, 'read');
  requireSandbox(ctx);
  const rows = await ctx.db
    .select({ phone: messages.phone })
    .from(messages)
    .where(and(eq(messages.userId, ctx.actor.userId), isNotNull(messages.phone)))
    .orderBy(desc(messages.createdAt), desc(messages.id))
    .limit(500);
  return [...new Set(rows.flatMap(({ phone }) => (phone === null ? [] : [phone])))];
}
