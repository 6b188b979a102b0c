/** The body of an event for webhooks and live streams: the same for both. */
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { padded, placeholders, preparedFor, valuesAt } from '../../db/ops.ts';
import { activityLogs, messages } from '../../db/schema.ts';
import { eventRow } from '../../events/table.ts';
import { isSentAs } from '../../queue/wire-id.ts';
import { formatE164 } from '../../utils/phone.ts';
import { lidJid } from '../../whatsapp/jid.ts';
import type { MediaLinkDeps } from '../inbound/media-view.ts';
import { type EventNow, eventNow } from '../messages/event-responses.ts';
import { type PollNow, pollNow } from '../messages/poll.ts';
import { shownContent } from '../messages/view.ts';

export interface EventPayload {
  /** name of the event */
  type: string;
  /** when it happened, ISO 8601 */
  timestamp: string;
  data: Record<string, unknown>;
}

/** Needed to read the history and to sign links. */
export type PayloadDeps = MediaLinkDeps & { db: Db };

export type ActivityRow = typeof activityLogs.$inferSelect;
type MessageRow = typeof messages.$inferSelect;

/** The payload of each row, in their order. Reads the history once for all that are about messages. */
export async function buildPayloads(
  deps: PayloadDeps,
  rows: readonly ActivityRow[],
): Promise<EventPayload[]> {
  const history = await readHistory(deps.db, rows);
  const answered = await readAnswered(deps.db, rows);
  return rows.map((row) => ({
    type: row.event,
    timestamp: new Date(row.at).toISOString(),
    data: {
      ...row.data,
      ...identityOf(row),
      ...(isAboutMessage(row) ? messageData(deps, row, history) : {}),
      ...answered.get(row.id),
    },
  }));
}

/** What these tell of polls and events as they are now, by the id of the row. Each is read once. */
async function readAnswered(db: Db, rows: readonly ActivityRow[]): Promise<Map<string, object>> {
  const found = new Map<string, object>();
  const polls = new Map<string, PollNow | null>();
  const events = new Map<string, EventNow | null>();
  for (const { id, event, accountId, subject: messageId, data } of rows) {
    if (accountId === null || messageId === null) continue;
    const about = { accountId, messageId };
    if (event === 'poll.updated') {
      const poll = await readOnce(polls, about, () => pollNow(db, about));
      found.set(id, pollData(poll, jidIn(data.voter)));
    } else if (event === 'event.updated') {
      const now = await readOnce(events, about, () => eventNow(db, about));
      const answer = now?.answerOf(jidIn(data.person)) ?? { response: null, guests: null };
      found.set(id, { ...answer, totals: now?.totals ?? null });
    }
  }
  return found;
}

function pollData(poll: PollNow | null, voter: string | null): object {
  if (poll === null) return { chosen: null, voters: null, options: null };
  return { ...poll.results, chosen: poll.chosenBy(voter) };
}

/** Null: the owner of the session. */
function jidIn(person: unknown): string | null {
  const jid: unknown = Reflect.get(Object(person), 'jid');
  return typeof jid === 'string' ? jid : null;
}

async function readOnce<T>(
  known: Map<string, T | null>,
  { accountId, messageId }: { accountId: string; messageId: string },
  read: () => Promise<T | null>,
): Promise<T | null> {
  const key = `${accountId} ${messageId}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const now = await read();
  known.set(key, now);
  return now;
}

/** Rows of one reading, mostly. */
const USUAL = 32;

const rowsOfFacts = preparedFor((db, named, count) =>
  db
    .select()
    .from(activityLogs)
    .where(inArray(activityLogs.id, placeholders(named, 'id', count)))
    .prepare(),
);

/** The payloads of facts by their id; those whose row is not kept any more are missing. */
export async function readPayloads(
  deps: PayloadDeps,
  activityIds: readonly string[],
): Promise<Map<string, EventPayload>> {
  if (activityIds.length === 0) return new Map();
  const ids = padded(activityIds, USUAL);
  const rows = await rowsOfFacts(deps.db, ids.length).execute(valuesAt(ids.map((id) => ({ id }))));
  const payloads = await buildPayloads(deps, rows);
  return new Map(payloads.map((payload, i) => [rows[i]?.id ?? '', payload]));
}

function identityOf(row: ActivityRow): Record<string, unknown> {
  if (row.sessionId === null) return {};
  return { sessionId: row.sessionId, session: row.sessionId, seq: row.seq };
}

const isAboutMessage = (row: ActivityRow) => row.event.startsWith('message.') && row.subject !== null;
/** A file, an edit, a deletion may belong to a message of either side. */
function directionOf({ event, data }: ActivityRow): 'in' | 'out' {
  if (data.direction === 'in' || data.direction === 'out') return data.direction;
  return eventRow(event).inbound ? 'in' : 'out';
}

const rowsOfWires = preparedFor((db, named, count) =>
  db
    .select()
    .from(messages)
    .where(
      and(
        eq(messages.accountId, sql.placeholder('accountId')),
        eq(messages.direction, sql.placeholder('direction')),
        inArray(messages.messageId, placeholders(named, 'wire', count)),
      ),
    )
    .prepare(),
);

/** One query a session and direction: the index of wire ids begins with them. */
async function readHistory(db: Db, rows: readonly ActivityRow[]): Promise<Map<string, MessageRow[]>> {
  const wanted = new Map<string, { accountId: string; direction: 'in' | 'out'; ids: Set<string> }>();
  for (const row of rows) {
    if (!isAboutMessage(row) || row.accountId === null || row.subject === null) continue;
    const direction = directionOf(row);
    const group = wanted.get(`${row.accountId}:${direction}`) ?? {
      accountId: row.accountId,
      direction,
      ids: new Set<string>(),
    };
    wanted.set(`${row.accountId}:${direction}`, group);
    group.ids.add(row.subject);
  }
  const found = new Map<string, MessageRow[]>();
  for (const { accountId, direction, ids } of wanted.values()) {
    const wires = padded([...ids], USUAL);
    const values = valuesAt(wires.map((wire) => ({ wire })));
    const kept = await rowsOfWires(db, wires.length).execute({ ...values, accountId, direction });
    for (const row of kept) {
      const key = keyOf(accountId, direction, row.messageId);
      found.set(key, [...(found.get(key) ?? []), row]);
    }
  }
  return found;
}

const keyOf = (accountId: string | null, direction: string, messageId: string | null) =>
  `${accountId}:${direction}:${messageId}`;

/** The sender chooses an inbound message's id, so that several may hold the same one: its fact names the row. */
function pick(row: ActivityRow, history: Map<string, MessageRow[]>): MessageRow | undefined {
  const found = history.get(keyOf(row.accountId, directionOf(row), row.subject)) ?? [];
  return directionOf(row) === 'in' ? found.find((message) => message.id === row.data.id) : found[0];
}

/** These say how a message is marked, and nothing of its way. */
const MARKS: ReadonlySet<string> = new Set(['message.pinned', 'message.starred']);

/** What has become of it; a message that came in is received, whatever is told of it. */
function statusOf(row: ActivityRow): string {
  const isChange = row.event === 'message.edited' || row.event === 'message.revoked';
  return directionOf(row) === 'in' && !isChange ? 'received' : row.event.slice('message.'.length);
}

function messageData(
  deps: PayloadDeps,
  row: ActivityRow,
  history: Map<string, MessageRow[]>,
): Record<string, unknown> {
  const message = pick(row, history);
  const about = {
    messageId: row.subject,
    status: MARKS.has(row.event) ? (message?.status ?? null) : statusOf(row),
    phone: message?.phone ? formatE164(message.phone) : null,
    lid: message?.lid ? lidJid(message.lid) : null,
    chat: message?.peer ?? null,
    isGroup: message?.peer.endsWith('@g.us') ?? false,
    ...(message ? { type: message.type } : {}),
  };
  if (directionOf(row) === 'out') {
    const source = message?.source ?? 'api';
    // What we have sent is told only to those who asked for it. The owner's own messages are part of a conversation, as what
    // comes in is: everybody is told them, but for a code that another session of the service has sent from that phone.
    const content = message && source === 'phone' ? { content: contentOf(deps, message) } : {};
    return { ...about, source, ...content };
  }
  // It was told as what it was then; what it says is told when it comes.
  const isUnread = row.event === 'message.undecryptable';
  return {
    ...about,
    ...(isUnread ? { type: 'undecryptable' } : {}),
    from: message?.phone ? formatE164(message.phone) : (message?.participant ?? message?.peer ?? null),
    participant: message?.participant ?? null,
    content: message && !isUnread ? contentOf(deps, message) : null,
  };
}

/**
 * The payload with what was sent, for a receiver that asked for it: of `message.sent` alone, and null for a code or what the
 * history does not keep any more. Any other payload comes back as it is.
 */
export async function withSentContent(
  deps: PayloadDeps,
  payload: EventPayload,
  { accountId }: { accountId: string | null },
): Promise<EventPayload> {
  const { messageId } = payload.data;
  if (payload.type !== 'message.sent' || accountId === null || typeof messageId !== 'string') return payload;
  const [row] = await deps.db
    .select({ type: messages.type, userId: messages.userId, content: messages.content })
    .from(messages)
    .where(isSentAs(accountId, messageId));
  const content = row === undefined ? null : shownContent(deps, row);
  return { ...payload, data: { ...payload.data, content } };
}

const contentOf = (deps: PayloadDeps, message: MessageRow) => shownContent(deps, message);
