/** Several people who hear of a session at once: those who are added to a group, those whom a status post is for. */
import { and, asc, eq, isNull, lte, or } from 'drizzle-orm';
import type { Database, Db } from '../db/client.ts';
import { messageQueue, messages } from '../db/schema.ts';
import type { StatusPost } from '../whatsapp/content.ts';
import type { AccountRef } from '../whatsapp/engine.ts';
import { lidOf, phoneOf, STATUS_JID } from '../whatsapp/jid.ts';
import { readKnown } from './breaker.ts';
import { personOf } from './first-contacts.ts';
import type { Addressee, PeerBook } from './subscriber-peers.ts';

type Account = Pick<AccountRef, 'id' | 'userId'>;

export interface Resolved {
  /** each person once, by the name that limits count it under */
  people: Map<string, Addressee>;
  nameOf(jid: string): string | undefined;
}

/** The people behind numbers and LIDs: somebody may be named by both. */
export async function resolvePeople(
  { peers }: { peers: PeerBook },
  account: Account,
  all: readonly Addressee[],
): Promise<Resolved> {
  await peers.warm(account, all);
  const names = new Map<string, string>();
  const people = new Map<string, Addressee>();
  for (const person of all) {
    const jids = await peers.of(account, person);
    const first = (digitsOf: (jid: string) => string | null) => jids.flatMap((jid) => digitsOf(jid) ?? [])[0];
    const whole = {
      peer: person.peer,
      phone: person.phone ?? first(phoneOf) ?? null,
      lid: person.lid ?? first(lidOf) ?? null,
    };
    const name = jids.map((jid) => names.get(jid)).find((one) => one !== undefined) ?? personOf(whole);
    for (const jid of jids) names.set(jid, name);
    if (!people.has(name)) people.set(name, whole);
  }
  return { people, nameOf: (jid) => names.get(jid) };
}

/** Whom a post to the status was for; null for every other message. */
export function statusOf(content: unknown): StatusPost | null {
  // The history keeps what a send route has validated.
  const status: StatusPost | undefined = Reflect.get(Object(content), 'status');
  return status ?? null;
}

/** The people who hear of the session by a post to the status; nobody for any other message, and for its deletion. */
export function audienceOf({ type, content }: { type: string; content: unknown }): Addressee[] {
  const recipients = type === 'delete' ? [] : (statusOf(content)?.recipients ?? []);
  return recipients.map((peer) => ({ peer, phone: phoneOf(peer), lid: lidOf(peer) }));
}

/** Of more posts that wait at once nobody's people fit into a limit any more. */
const MAX_WAITING = 20;

/** The people whom posts to the status are for that are due and have not left: they are counted nowhere yet. */
export async function waitingAudience(
  { scan }: Pick<Database, 'scan'>,
  accountId: string,
  now: number,
): Promise<Addressee[]> {
  const rows = await scan
    .select({ type: messages.type, content: messages.content })
    .from(messageQueue)
    .innerJoin(messages, eq(messages.id, messageQueue.id))
    .where(
      and(
        eq(messageQueue.accountId, accountId),
        eq(messageQueue.status, 'pending'),
        eq(messageQueue.recipient, STATUS_JID),
        or(isNull(messages.scheduledAt), lte(messages.scheduledAt, now)),
      ),
    )
    .orderBy(asc(messageQueue.id))
    .limit(MAX_WAITING);
  return rows.flatMap(audienceOf);
}

/** The people who do not know the session among those whom a post to the status is for, as limits name them; none for any other message. */
export async function audienceStrangers(
  deps: { db: Db; peers: PeerBook },
  account: Account,
  { id, peer }: { id: string; peer: string },
): Promise<string[]> {
  if (peer !== STATUS_JID) return [];
  const { type, content } = messages;
  const [row] = await deps.db.select({ type, content }).from(messages).where(eq(messages.id, id));
  return strangersAmong(deps, account, row === undefined ? [] : audienceOf(row));
}

/** Those of them who do not know the session, each once, by the name that limits count them under. */
export async function strangersAmong(
  deps: { db: Db; peers: PeerBook },
  account: Account,
  all: readonly Addressee[],
): Promise<string[]> {
  if (all.length === 0) return [];
  const { people } = await resolvePeople(deps, account, all);
  const known = await readKnown(deps.db, account, [...people.values()]);
  return [...people].filter(([, { peer }]) => !known.has(peer)).map(([name]) => name);
}
