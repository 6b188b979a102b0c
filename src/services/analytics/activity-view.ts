/** An entry of the activity log as answers show it: the fields of the older API, and ours. */
import { and, inArray } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { type activityLogs, messages } from '../../db/schema.ts';
import type { Action } from '../../events/table.ts';
import { normalizePhone } from '../../utils/phone.ts';
import { seesPeople } from '../access.ts';
import type { Ctx } from '../context.ts';
import { isAboutPeople } from '../requests/harmless.ts';
import { REQUEST_EVENT } from './request-recorder.ts';
import { type LogStatus, toLogStatus } from './vocabulary.ts';

export type ActivityRow = typeof activityLogs.$inferSelect;

export interface ActivityEntry {
  id: string;
  userId: number;
  sessionId: string | null;
  action: Action;
  /** our own name of what happened */
  event: string;
  messageType: string | null;
  /** E.164 digits */
  phoneNumber: string | null;
  messageId: string | null;
  status: LogStatus;
  details: Record<string, unknown>;
  errorMessage: string | null;
  requestData: Record<string, unknown> | null;
  responseData: Record<string, unknown> | null;
  ipAddress: string | null;
  userAgent: string | null;
  /** milliseconds: of the request, or from the queue to this step of a message */
  duration: number | null;
  requestId: string | null;
  actorId: number | null;
  createdAt: string;
  updatedAt: string;
}

type MessageFacts = Pick<
  typeof messages.$inferSelect,
  'accountId' | 'messageId' | 'type' | 'phone' | 'queuedAt' | 'errorMessage'
>;

/**
 * Entries in the order of the rows; what the history knows of their messages is read once for all. What was done to people
 * and keys, and from where others work, is left blank for whoever does not manage members: it is in the audit.
 */
export async function toEntries(ctx: Ctx, rows: readonly ActivityRow[]): Promise<ActivityEntry[]> {
  const history = await readHistory(ctx.db, rows);
  const visible = seesPeople(ctx) ? (row: ActivityRow) => row : (row: ActivityRow) => withoutPeople(ctx, row);
  // Several inbound messages may have the same wire id, which the sender chooses: their facts name the row.
  const factsOf = (row: ActivityRow) =>
    history.get(textOf(row.data.id) ?? '') ?? history.get(`${row.accountId}:${row.subject}`) ?? null;
  return rows.map((row) => toEntry(visible(row), factsOf(row), ctx.config.defaultCountry));
}

/** Facts about people, and about the keys that they make. */
const ABOUT_PEOPLE = ['auth.', 'member.', 'user.', 'api_key.', 'workspace.', 'domain.'];

function withoutPeople({ actor }: Pick<Ctx, 'actor'>, row: ActivityRow): ActivityRow {
  const isTold = ABOUT_PEOPLE.some((kind) => row.event.startsWith(kind));
  const isOwn = actor.via !== 'api_key' && row.actorId === actor.personId && !isTold;
  if (isOwn) return row;
  return { ...row, ip: null, userAgent: null, data: isTold ? {} : withoutBodies(row) };
}

/** A call about people is told without what it brought and was answered. */
function withoutBodies({ event, data }: ActivityRow): ActivityRow['data'] {
  const isCall = event === REQUEST_EVENT && isAboutPeople(textOf(data.route) ?? '');
  return isCall ? { ...data, request: null, response: null, failure: null } : data;
}

const isMessage = (row: ActivityRow) => row.event.startsWith('message.');

async function readHistory(db: Db, rows: readonly ActivityRow[]): Promise<Map<string, MessageFacts>> {
  const about = rows.filter(isMessage);
  const ids = [...new Set(about.flatMap((row) => row.subject ?? []))];
  const users = [...new Set(about.map((row) => row.userId))];
  if (ids.length === 0) return new Map();
  const found = await db
    .select({
      id: messages.id,
      accountId: messages.accountId,
      messageId: messages.messageId,
      type: messages.type,
      phone: messages.phone,
      queuedAt: messages.queuedAt,
      errorMessage: messages.errorMessage,
    })
    .from(messages)
    .where(and(inArray(messages.messageId, ids), inArray(messages.userId, users)));
  return new Map(
    found.flatMap((row) => [
      [`${row.accountId}:${row.messageId}`, row],
      [row.id, row],
    ]),
  );
}

function toEntry(row: ActivityRow, message: MessageFacts | null, country: string): ActivityEntry {
  const { request, response, failure: told, ...known } = row.data;
  const failure = fieldsOf(told);
  // As facts have it.
  const errorCode = textOf(failure.code);
  const details = errorCode === null ? known : { ...known, errorCode };
  const asked = fieldsOf(request);
  const answered = fieldsOf(response);
  const data = { ...asked, ...answered, ...details };
  const at = new Date(row.at).toISOString();
  const isRequest = row.event === REQUEST_EVENT;
  return {
    id: row.id,
    userId: row.userId,
    sessionId: row.sessionId,
    action: row.action,
    event: row.event,
    messageType: toMessageType(message?.type ?? typeOf(row, data)),
    phoneNumber: message?.phone ?? phoneOf(data, country),
    messageId: textOf(data.messageId) ?? (isMessage(row) ? row.subject : null),
    status: toLogStatus(row.status),
    details,
    errorMessage: row.status === 'failure' ? errorOf(failure, message, data) : null,
    requestData: isRequest ? asked : null,
    responseData: isRequest ? answered : null,
    ipAddress: row.ip,
    userAgent: row.userAgent,
    duration: durationOf(row, message),
    requestId: row.requestId,
    actorId: row.actorId,
    createdAt: at,
    updatedAt: at,
  };
}

function typeOf(row: ActivityRow, data: Record<string, unknown>): string | null {
  const route = row.event === REQUEST_EVENT ? (textOf(data.route) ?? '') : '';
  if (row.event.startsWith('otp.') || row.action === 'otp_send' || OTP_ROUTE.test(route)) return 'otp';
  const sends = SEND_ROUTE.exec(route)?.[1];
  if (!isMessage(row) && sends === undefined) return null;
  // A request that was refused has no answer that would name the type.
  return textOf(data.type) ?? sends ?? null;
}

const OTP_ROUTE = /\/otp\/(?:send|resend)$/;
/** `/message/send-image`, `/api/messages/:sessionId/image` */
const SEND_ROUTE = /\/(?:send-|messages\/:sessionId\/)([a-z]+)$/;

/** The word of the older API where ours is another one. */
function toMessageType(type: string | null): string | null {
  return type === 'buttons' ? 'button' : type;
}

function phoneOf(data: Record<string, unknown>, country: string): string | null {
  for (const name of ['to', 'phoneNumber', 'phone', 'number', 'chat']) {
    const given = textOf(data[name]);
    const digits = given === null ? null : digitsOf(given, country);
    if (digits !== null) return digits;
  }
  return null;
}

function digitsOf(given: string, country: string): string | null {
  // As facts spell them; what a client wrote is parsed.
  if (/^\+\d{5,15}$/.test(given)) return given.slice(1);
  try {
    return normalizePhone(given, country);
  } catch {
    return null;
  }
}

function errorOf(
  failure: Record<string, unknown>,
  message: MessageFacts | null,
  data: Record<string, unknown>,
): string | null {
  return (
    textOf(failure.message) ??
    message?.errorMessage ??
    textOf(data.errorMessage) ??
    textOf(data.errorCode) ??
    textOf(data.reason) ??
    textOf(data.status)
  );
}

function durationOf(row: ActivityRow, message: MessageFacts | null): number | null {
  if (typeof row.data.durationMs === 'number') return Math.round(row.data.durationMs);
  if (message === null || message.queuedAt === null) return null;
  return Math.max(0, row.at - message.queuedAt);
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
