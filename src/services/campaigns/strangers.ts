/** How many people a day a campaign writes to who do not know its session. The others wait, and those who know it go first. */
import { and, eq, isNotNull } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { messageQueue, messages } from '../../db/schema.ts';
import { readKnown } from '../../queue/breaker.ts';
import {
  type ContactLimit,
  type ContactRow,
  contactLimitOf,
  limitsContacts,
  lockContacts,
  personOf,
  readContacted,
  readContactRoom,
} from '../../queue/first-contacts.ts';
import { type Pacing, paceOf } from '../../queue/pace.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import type { Addressee } from '../../queue/subscriber-peers.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { phoneJid } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';
import { withParts } from '../context.ts';
import type { SendingSession } from './feed-state.ts';
import { type CampaignDeps, type CampaignOptions, type CampaignRow, optionsOf } from './row.ts';
import { warmUpCap } from './safety.ts';

/** So many messages to strangers in the queue are looked at, at most: those of a few campaigns. */
const MAX_OPEN = 200;
/** While what is on its way takes the whole room it is not known when there is some again. */
export const LOOK_AGAIN_MS = 10 * MINUTE_MS;

/**
 * The limit of first contacts for a campaign: that of its session, and while this is young the smaller one of the warm-up's
 * table, unless the owner has set a limit of his own. `isReal`: the server is WhatsApp's.
 */
export function campaignContacts(
  pacing: Pick<Pacing, 'newContactsPerDay'>,
  options: Pick<CampaignOptions, 'warmUp'>,
  session: ContactRow & { createdAt: number },
  { now, isReal }: { now: number; isReal: boolean },
): ContactLimit {
  const limit = contactLimitOf(pacing, session, now);
  const warmsUp = options.warmUp ?? (isReal && limit.reason !== 'own');
  const warm = warmsUp ? warmUpCap(now - (session.linkedAt ?? session.createdAt)) : null;
  if (limit.perDay === null || warm === null) return limit;
  return { ...limit, perDay: Math.min(limit.perDay, warm) };
}

/** Somebody who is about to be given to a session. */
export interface Chosen extends Addressee {
  phone: string;
}

/**
 * Of those who are about to be given to these sessions the ones who must wait all the same, each with the time from which
 * they are looked at again: another campaign of a session may have queued strangers since they were judged. Call it in
 * the transaction that queues them, before it does: campaigns of one session take turns from here on.
 */
export async function findSurplus(
  tx: Tx,
  deps: CampaignDeps,
  campaign: CampaignRow,
  chosen: readonly { sender: SendingSession; person: Chosen }[],
): Promise<Map<string, number>> {
  const surplus = new Map<string, number>();
  const inTx = withParts(deps, { db: tx });
  const senders = new Map(chosen.map(({ sender }) => [sender.id, sender]));
  // In a fixed order, so that two transactions cannot wait for each other in a circle.
  for (const id of [...senders.keys()].sort()) {
    const sender = senders.get(id);
    if (sender === undefined || !limitsContacts(limitFor(deps, campaign, sender))) continue;
    await lockContacts(tx, id);
    const people = chosen.flatMap((one) => (one.sender.id === id ? [one.person] : []));
    const strangers = await strangersAmong(inTx, sender, people);
    for (const [phone, until] of await beyondRoom(inTx, campaign, sender, strangers))
      surplus.set(phone, until);
  }
  return surplus;
}

function limitFor(
  { config, clock }: Pick<CampaignDeps, 'config' | 'clock'>,
  campaign: CampaignRow,
  sender: SendingSession,
): ContactLimit {
  const facts = { now: clock.now(), isReal: config.waServer === null };
  return campaignContacts(config.pacing, optionsOf(campaign), sender, facts);
}

/** Of these phones those whose people must wait, each with the time from which they are looked at again. */
export async function findWaitingStrangers(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
  phones: readonly string[],
): Promise<Map<string, number>> {
  if (!limitsContacts(limitFor(deps, campaign, sender))) return new Map();
  const pairs = await findLidPairs(deps.db, campaign, 'phone', phones);
  const lids = new Map(pairs.map(({ phone, lid }) => [phone, lid]));
  const people = phones.map((phone) => ({ phone, peer: phoneJid(phone), lid: lids.get(phone) ?? null }));
  return beyondRoom(deps, campaign, sender, await strangersAmong(deps, sender, people));
}

/** Those of these strangers for whom the session has no first contact left, with those who wait in it before them. */
async function beyondRoom(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
  strangers: readonly Chosen[],
): Promise<Map<string, number>> {
  const waiting = new Map<string, number>();
  if (strangers.length === 0) return waiting;
  const { db, config } = deps;
  const now = deps.clock.now();
  const limit = limitFor(deps, campaign, sender);
  const pace = paceOf(config.pacing, { limits: sender.limits, lastHighAt: sender.lastHighAt }, now);
  const room = await readContactRoom(db, sender.id, { limit, pace, priority: PRIORITIES.low, now });
  if (room.left === null) return waiting;
  const left = Math.max(0, room.left - (await countStrangersWaiting(deps, sender)));
  const until = Math.max(room.until ?? 0, now + LOOK_AGAIN_MS);
  for (const { phone } of strangers.slice(left)) waiting.set(phone, until);
  return waiting;
}

/** People who wait in the session for their first message, of whichever campaign: its own, and others beside it. */
export async function countStrangersWaiting(deps: CampaignDeps, sender: SendingSession): Promise<number> {
  const open = await deps.db
    .select({ peer: messages.peer, phone: messages.phone, lid: messages.lid })
    .from(messageQueue)
    .innerJoin(messages, eq(messages.id, messageQueue.id))
    .where(
      and(
        eq(messageQueue.accountId, sender.id),
        eq(messageQueue.status, 'pending'),
        eq(messageQueue.priority, PRIORITIES.low),
        isNotNull(messages.campaignId),
      ),
    )
    .limit(MAX_OPEN);
  return new Set((await strangersAmong(deps, sender, open)).map(personOf)).size;
}

/** Those who do not know the session and are not counted by its limit yet. */
export async function strangersAmong<P extends Addressee>(
  { db, clock }: CampaignDeps,
  { id: accountId, userId }: Pick<SendingSession, 'id' | 'userId'>,
  people: readonly P[],
): Promise<P[]> {
  const known = await readKnown(db, { id: accountId, userId }, people);
  const strangers = people.filter(({ peer }) => !known.has(peer));
  const contacted = await readContacted(db, accountId, strangers, clock.now());
  return strangers.filter((person) => !contacted.has(personOf(person)));
}
