/** Votes in polls and answers to events that a session has sent: of each person the newest one counts. */
import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { upsert } from '../../db/ops.ts';
import { eventResponses, messages, pollVotes } from '../../db/schema.ts';
import type { Fact } from '../../events/record.ts';
import { isSentAs } from '../../queue/wire-id.ts';
import type { AccountRef, InboundMessage } from '../../whatsapp/engine.ts';
import type { EventAnswer } from '../../whatsapp/inbound-content.ts';
import { personBehind } from '../groups/news.ts';
import { isSameChat, withBothNames } from './amend.ts';

interface Came {
  account: AccountRef;
  message: InboundMessage;
}

/**
 * Counts the votes and answers among messages that have just been stored, in the caller's transaction, in their order; their
 * facts, which are to be recorded. One that is older than the one that counts changes nothing, and neither does one in a poll
 * or to an event that this session has not sent into that chat.
 */
export async function countVotes(tx: Tx, came: readonly Came[]): Promise<Fact[]> {
  const facts: Fact[] = [];
  for (const one of came) {
    const { content } = one.message;
    if (content.type === 'poll_vote' && content.options !== null) {
      facts.push(...(await countVote(tx, one, content.messageId, content.options)));
    }
    if (content.type === 'event_response' && content.response !== null) {
      const { messageId, response, guests } = content;
      facts.push(...(await countResponse(tx, one, messageId, { response, guests })));
    }
  }
  return facts;
}

async function countVote(tx: Tx, came: Came, pollId: string, chosen: readonly string[]): Promise<Fact[]> {
  const { account, message } = came;
  const poll = await findAsked(tx, came, 'poll', pollId);
  if (!poll) return [];
  const voter = whoOf(message);
  const { accountId, voter: who, votedAt } = pollVotes;
  const [before] = await tx
    .select({ at: votedAt })
    .from(pollVotes)
    .where(and(eq(accountId, account.id), eq(pollVotes.pollId, pollId), eq(who, voter)));
  if (before && before.at > message.at) return [];
  const offered = pollOptions(poll.content);
  const options = chosen.flatMap((name) => {
    const at = offered.indexOf(name);
    return at < 0 ? [] : [at];
  });
  const changes = { options, votedAt: message.at };
  const row = { accountId: account.id, pollId, voter, ...changes };
  await upsert(tx, pollVotes, row, [accountId, pollVotes.pollId, who], changes);
  return [factOf(came, 'poll.updated', pollId, { chat: poll.peer, voter: personOf(voter) })];
}

async function countResponse(
  tx: Tx,
  came: Came,
  eventId: string,
  answer: { response: EventAnswer; guests: number },
): Promise<Fact[]> {
  const { account, message } = came;
  const event = await findAsked(tx, came, 'event', eventId);
  if (!event) return [];
  const person = whoOf(message);
  const { accountId, person: who, answeredAt } = eventResponses;
  const [before] = await tx
    .select({ at: answeredAt })
    .from(eventResponses)
    .where(and(eq(accountId, account.id), eq(eventResponses.eventId, eventId), eq(who, person)));
  if (before && before.at > message.at) return [];
  const changes = { ...answer, answeredAt: message.at };
  const row = { accountId: account.id, eventId, person, ...changes };
  await upsert(tx, eventResponses, row, [accountId, eventResponses.eventId, who], changes);
  return [factOf(came, 'event.updated', eventId, { chat: event.peer, person: personOf(person) })];
}

/** Who has answered; empty: the owner. */
const whoOf = ({ own, participant, chat }: InboundMessage): string => (own ? '' : (participant ?? chat));

/** The poll or the event of that id that the session has sent into the chat of the answer. */
async function findAsked(tx: Tx, { account, message }: Came, type: 'poll' | 'event', messageId: string) {
  const { peer, phone, lid, content } = messages;
  const [asked] = await tx
    .select({ peer, phone, lid, content })
    .from(messages)
    .where(and(isSentAs(account.id, messageId), eq(messages.type, type)));
  if (!asked || isSameChat(asked, message)) return asked;
  return isSameChat(asked, await withBothNames(tx, account, message)) ? asked : undefined;
}

function factOf(
  { account, message }: Came,
  event: 'poll.updated' | 'event.updated',
  messageId: string,
  data: Record<string, unknown>,
): Fact {
  return {
    userId: account.userId,
    session: account,
    event,
    subject: messageId,
    data: { messageId, ...data, at: new Date(message.at).toISOString() },
  };
}

const personOf = (who: string) => (who === '' ? null : personBehind(who));

/** What the poll of that content offers, in its order. */
export function pollOptions(content: unknown): string[] {
  const options: unknown = Reflect.get(Object(content), 'options');
  return Array.isArray(options) ? options.filter((option) => typeof option === 'string') : [];
}
