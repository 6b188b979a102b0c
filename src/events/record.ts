import { inArray, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import {
  caseBy,
  insertMany,
  padded,
  placeholders,
  preparedFor,
  preparedWriteFor,
  raiser,
  raiserOfSeveral,
  statementsAreCheap,
  unanswered,
  valuesAt,
} from '../db/ops.ts';
import { activityLogs, auditEntries, whatsappAccounts } from '../db/schema.ts';
import type { Clock } from '../utils/clock.ts';
import { countEach } from '../utils/count-each.ts';
import { newId } from '../utils/ids.ts';
import { actionOf, statusOf } from './actions.ts';
import type { EventStream, LiveEvent } from './stream.ts';
import { type Action, type EventName, eventRow } from './table.ts';

/** The origin of a fact; missing for what the service or WhatsApp did. */
export interface Origin {
  actorId: number;
  ip: string | null;
  userAgent: string | null;
  requestId: string;
}

/** The owner of a session, and under which fence. */
interface Held {
  owner: string;
  fence: number;
}

/** A fact was to be true only while its session belongs to an owner, and it does not: the transaction must roll back. */
export class SessionNotHeld extends Error {
  override name = 'SessionNotHeld';
  constructor(accountId: string) {
    super(`session ${accountId} belongs to another owner now`);
  }
}

export interface Fact {
  /** the tenant it belongs to */
  userId: number;
  /** whose account it is about: that person reads it in the own audit */
  personId?: number;
  event: EventName;
  /** whatsapp_accounts.id and the name its owner gave it, for facts of a session; `held`: true only while it belongs to these */
  session?: { id: string; sessionId: string; held?: Held };
  subject?: string;
  status?: 'success' | 'failure';
  /** when it is another than table.ts says of the event */
  action?: Action;
  /** never a secret, a code or a message body */
  data?: Record<string, unknown>;
  origin?: Origin;
}

/**
 * Makes facts known, in the transaction of the change that made them true: each takes its session's next `seq`
 * and gets its activity row and the outbox rows of the webhooks that want it, and a row of the audit when a person or a key
 * did it; live streams hear of it after the commit, in the order given. Throws SessionNotHeld.
 */
export async function record(
  tx: Tx,
  deps: { clock: Clock; stream: EventStream },
  all: readonly Fact[],
): Promise<void> {
  const facts = await wantedOf(tx, deps.stream, all);
  if (facts.length === 0) return;
  const at = deps.clock.now();
  const next = await takeSequence(tx, facts);
  const events = facts.map((fact) => toEvent(fact, next, at));
  const rows = facts.map((fact, i) => toRow(fact, events[i], at));
  await insertMany(unanswered(tx), activityLogs, rows);
  const audited = facts.flatMap((fact, i) => auditedOf(fact, rows[i]));
  if (audited.length > 0) await insertMany(unanswered(tx), auditEntries, audited);
  await deps.stream.outbox?.write(tx, events);
  tx.afterCommit(() => {
    for (const event of events) deps.stream.publish(event);
  });
}

/** Without those that are facts only while a webhook names them. */
async function wantedOf(tx: Tx, { outbox }: EventStream, facts: readonly Fact[]): Promise<readonly Fact[]> {
  if (!facts.some(({ event }) => eventRow(event).onDemand)) return facts;
  const wanted: Fact[] = [];
  for (const fact of facts) {
    const { userId, event, session } = fact;
    const asked = { userId, event, sessionId: session?.sessionId ?? null };
    if (!eventRow(event).onDemand || (await outbox?.isWanted(tx, asked)) === true) wanted.push(fact);
  }
  return wanted;
}

/** activity_logs.subject and audit_entries.subject: an id that a stranger has chosen may be longer. */
const MAX_SUBJECT = 100;

const { id, seq, owner, fence } = whatsappAccounts;

const raiseSequence = raiser(seq, id);
const raiseHeld = raiser(seq, id, owner, fence);
const raiseOnSqlite = raiserOfSeveral(seq, id);

/** The acts of people and keys, of the kinds that the audit keeps. */
function auditedOf(
  fact: Fact,
  row: typeof activityLogs.$inferInsert | undefined,
): (typeof auditEntries.$inferInsert)[] {
  // 0: of nobody, such as an address that has no account.
  const personId = fact.personId || null;
  if (eventRow(fact.event).audit !== true || (fact.userId === 0 && personId === null)) return [];
  if (row === undefined || row.actorId === null || row.actorId === undefined) return [];
  const { id, userId, event, actorId, status, data, at, sessionId, subject, ip, userAgent, requestId } = row;
  const origin = { actorId, ip, userAgent, requestId };
  return [{ id, userId, personId, event, ...origin, status, data, at, sessionId, subject }];
}

/** Reserves as many numbers as each session needs; maps a session to the first of them. */
async function takeSequence(tx: Tx, facts: readonly Fact[]): Promise<Map<string, number>> {
  const counts = countEach(facts.flatMap(({ session }) => (session ? [session.id] : [])));
  const held = new Map(facts.flatMap(({ session }) => (session?.held ? [[session.id, session.held]] : [])));
  const raised =
    statementsAreCheap || counts.size === 1
      ? await raiseEach(tx, counts, held)
      : await raiseAll(tx, counts, held);
  return new Map(raised.map(({ id, seq }) => [id, seq - (counts.get(id) ?? 0) + 1]));
}

type Raised = Pick<typeof whatsappAccounts.$inferSelect, 'id' | 'seq'>;

async function raiseEach(
  tx: Tx,
  counts: ReadonlyMap<string, number>,
  held: ReadonlyMap<string, Held>,
): Promise<Raised[]> {
  const raised: Raised[] = [];
  const free = new Map(counts);
  for (const [accountId, { owner, fence }] of held) {
    const value = await raiseHeld(tx, [accountId, owner, fence], counts.get(accountId) ?? 0);
    if (value === null) throw new SessionNotHeld(accountId);
    raised.push({ id: accountId, seq: value });
    free.delete(accountId);
  }
  const [only, ...more] = free;
  if (only === undefined) return raised;
  if (more.length > 0) {
    for (const [accountId, value] of await raiseOnSqlite(tx, free))
      raised.push({ id: accountId, seq: value });
    return raised;
  }
  const [accountId, n] = only;
  const value = await raiseSequence(tx, [accountId], n);
  if (value !== null) raised.push({ id: accountId, seq: value });
  return raised;
}

const raiseSeveral = preparedWriteFor((db, named, count) =>
  db
    .update(whatsappAccounts)
    .set({
      seq: sql`${seq} + ${caseBy(
        id,
        Array.from({ length: count }, (_, at) => [named(at, 'id'), named(at, 'by')] as const),
      )}`,
    })
    .where(inArray(id, placeholders(named, 'id', count))),
);

const raisedRows = preparedFor((db, named, count) =>
  db
    .select({ id, seq, owner, fence })
    .from(whatsappAccounts)
    .where(inArray(id, placeholders(named, 'id', count)))
    .prepare(),
);

/** Sessions up to which few sizes of these statements are made: larger ones are as they come. */
const MAX_RAISED = 64;

/** The rows are locked in the order of their ids, so that two transactions cannot wait for each other in a circle. */
async function raiseAll(
  tx: Tx,
  counts: ReadonlyMap<string, number>,
  held: ReadonlyMap<string, Held>,
): Promise<Raised[]> {
  if (counts.size === 0) return [];
  const some = padded([...counts], MAX_RAISED);
  const values = valuesAt(some.map(([accountId, by]) => ({ id: accountId, by })));
  await raiseSeveral(unanswered(tx), [some.length], values);
  const rows = await raisedRows(tx, some.length).execute(values);
  for (const [accountId, by] of held) {
    const row = rows.find((one) => one.id === accountId);
    if (row?.owner !== by.owner || row.fence !== by.fence) throw new SessionNotHeld(accountId);
  }
  return rows;
}

function toEvent(fact: Fact, next: Map<string, number>, at: number): LiveEvent {
  const seq = fact.session ? (next.get(fact.session.id) ?? null) : null;
  if (fact.session && seq !== null) next.set(fact.session.id, seq + 1);
  return {
    id: newId(at),
    userId: fact.userId,
    accountId: fact.session?.id ?? null,
    sessionId: fact.session?.sessionId ?? null,
    seq,
    event: fact.event,
    subject: fact.subject ?? null,
    data: fact.data ?? {},
    at,
  };
}

function toRow(fact: Fact, event: LiveEvent | undefined, at: number): typeof activityLogs.$inferInsert {
  return {
    id: event?.id ?? newId(at),
    userId: fact.userId,
    accountId: fact.session?.id ?? null,
    sessionId: fact.session?.sessionId ?? null,
    seq: event?.seq ?? null,
    event: fact.event,
    action: fact.action ?? actionOf(fact),
    subject: fact.subject?.slice(0, MAX_SUBJECT) ?? null,
    actorId: fact.origin?.actorId ?? null,
    ip: fact.origin?.ip ?? null,
    userAgent: fact.origin?.userAgent?.slice(0, 255) ?? null,
    requestId: fact.origin?.requestId ?? null,
    status: statusOf(fact),
    data: fact.data ?? {},
    at,
  };
}
