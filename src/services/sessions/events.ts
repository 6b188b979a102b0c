/** The events of one session, in the order of their `seq`, for somebody who follows them live. */
import { and, asc, eq, gt, inArray } from 'drizzle-orm';
import { activityLogs, messages, whatsappAccounts } from '../../db/schema.ts';
import { eventRow } from '../../events/table.ts';
import { formatE164 } from '../../utils/phone.ts';
import { lidJid } from '../../whatsapp/jid.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { withMediaUrl } from '../inbound/media-view.ts';
import { findSession, type SessionRecord, type SessionRef } from './find.ts';
import { drawQrUrl } from './qr-image.ts';
import { phoneOf, toIso } from './view.ts';

export interface SessionEvent {
  /** the session's `seq`: what a client gives back as Last-Event-ID */
  seq: number;
  event: 'qr' | 'status' | 'message' | 'media' | 'receipt';
  data: Record<string, unknown>;
}

export interface FollowedSession {
  id: string;
  userId: number;
  sessionId: string;
  /** events after this one are still to be told */
  after: number;
  /** what to begin with: the state as it is */
  snapshot: SessionEvent[];
  /** for a link that is for linking a phone: QR and status only, and nothing after the phone is linked */
  untilLinked: boolean;
  /** no further events */
  ended: boolean;
}

/** Events read in one go. */
const BATCH_SIZE = 100;
/** A client that comes back after more than this many events gets the latest of them. */
const MAX_REPLAY = 10_000;

/**
 * Where to begin: after `lastSeq` when the client says what it has, else with the state as it is.
 * Throws SESSION_NOT_FOUND.
 */
export async function followSession(
  ctx: Ctx,
  ref: SessionRef,
  lastSeq: number | null,
): Promise<FollowedSession> {
  requireScope(ctx, 'read');
  const row = await findSession(ctx, ref);
  const { id, userId, sessionId, seq } = row;
  const resumes = lastSeq !== null && lastSeq <= seq;
  const untilLinked = ctx.actor.link?.purpose === 'qr';
  return {
    id,
    userId,
    sessionId,
    after: resumes ? Math.max(lastSeq, seq - MAX_REPLAY) : seq,
    snapshot: resumes ? [] : await takeSnapshot(ctx, row),
    untilLinked,
    ended: untilLinked && row.status === 'connected',
  };
}

/**
 * The next events, at most 100; null when the session was deleted or nothing more may be told. `session.after` moves past
 * what was read.
 */
export async function readEvents(
  ctx: Ctx,
  session: FollowedSession,
): Promise<readonly SessionEvent[] | null> {
  if (session.ended) return null;
  const { id, userId, after, untilLinked } = session;
  // Many who follow a session read and are told the same.
  const key = `session ${id} ${after}${untilLinked ? ' until linked' : ''}`;
  const { last, events } = await ctx.stream.share(userId, key, () => readAfter(ctx, session));
  session.after = last;
  if (events === null) return null;
  return untilLinked ? beforeLinked(session, events) : events;
}

interface ReadEvents {
  /** the `seq` up to which was read */
  last: number;
  /** null: the session was deleted */
  events: readonly SessionEvent[] | null;
}

async function readAfter(
  ctx: Ctx,
  { id, after, untilLinked }: Readonly<FollowedSession>,
): Promise<ReadEvents> {
  const rows = await ctx.db
    .select()
    .from(activityLogs)
    .where(and(eq(activityLogs.accountId, id), gt(activityLogs.seq, after)))
    .orderBy(asc(activityLogs.seq))
    .limit(BATCH_SIZE);
  const last = rows.at(-1)?.seq ?? after;
  if (rows.some((row) => row.event === 'session.deleted')) return { last, events: null };
  const contents = untilLinked ? new Map() : await readInbound(ctx, id, rows);
  const events: SessionEvent[] = [];
  // A QR is a secret of the row and only the current one is there.
  const latestQr = rows.findLast((row) => row.event === 'session.qr');
  for (const row of rows) {
    const event = row === latestQr ? await currentQr(ctx, id, row.seq ?? 0) : toEvent(row, contents);
    if (event) events.push(event);
  }
  return { last, events };
}

/** QR and status, up to the status that a phone is linked; the stream ends with it. */
function beforeLinked(session: FollowedSession, events: readonly SessionEvent[]): SessionEvent[] {
  const told = events.filter(({ event }) => event === 'qr' || event === 'status');
  const linked = told.findIndex(({ event, data }) => event === 'status' && data.status === 'connected');
  if (linked < 0) return told;
  session.ended = true;
  return told.slice(0, linked + 1);
}

type LogRow = typeof activityLogs.$inferSelect;

const isInbound = (row: LogRow) => eventRow(row.event).inbound === true;

function toEvent(row: LogRow, contents: Map<string, Record<string, unknown>>): SessionEvent | null {
  const { sessionId, subject } = row;
  const { stream: event } = eventRow(row.event);
  if (event === undefined) return null;
  const seq = row.seq ?? 0;
  const data = { ...row.data, sessionId, session: sessionId, at: toIso(row.at) };
  if (isInbound(row)) return { seq, event, data: { ...data, ...contents.get(rowIdOf(row)) } };
  return { seq, event, data: event === 'receipt' ? { ...data, messageId: subject } : data };
}

/** The sender chooses an inbound message's id, so that several may hold the same one: its fact names the row. */
const rowIdOf = (row: LogRow) => (typeof row.data.id === 'string' ? row.data.id : '');

/** Logs hold no message bodies: they come from the history. */
async function readInbound(ctx: Ctx, accountId: string, rows: readonly LogRow[]) {
  const found = new Map<string, Record<string, unknown>>();
  const ids = rows.filter(isInbound).map(rowIdOf);
  if (ids.length === 0) return found;
  const received = await ctx.db
    .select()
    .from(messages)
    .where(and(eq(messages.accountId, accountId), inArray(messages.id, ids)));
  for (const row of received) {
    found.set(row.id, {
      messageId: row.messageId,
      from: row.phone === null ? row.peer : formatE164(row.phone),
      chat: row.peer,
      lid: row.lid === null ? null : lidJid(row.lid),
      participant: row.participant,
      type: row.type,
      content: withMediaUrl(ctx, row.userId, row.content),
      timestamp: toIso(row.createdAt),
    });
  }
  return found;
}

async function currentQr(ctx: Ctx, id: string, seq: number): Promise<SessionEvent | null> {
  const [row] = await ctx.db.select().from(whatsappAccounts).where(eq(whatsappAccounts.id, id));
  return row ? qrEvent(ctx, row, seq) : null;
}

async function takeSnapshot(ctx: Ctx, row: SessionRecord): Promise<SessionEvent[]> {
  const { sessionId, status, reason, seq } = row;
  const data = { sessionId, session: sessionId, status, reason, phoneNumber: phoneOf(row) };
  const qr = await qrEvent(ctx, row, seq);
  return [{ seq, event: 'status', data }, ...(qr ? [qr] : [])];
}

async function qrEvent(ctx: Ctx, row: SessionRecord, seq: number): Promise<SessionEvent | null> {
  if (row.status !== 'qr' || (row.qr === null && row.pairingCode === null)) return null;
  const data = {
    sessionId: row.sessionId,
    session: row.sessionId,
    qr: row.qr,
    qrCode: row.qr === null ? null : await drawQrUrl(ctx, row.qr),
    pairingCode: row.pairingCode,
    expiresAt: toIso(row.qrExpiresAt),
  };
  return { seq, event: 'qr', data };
}
