/** Votes in polls that a session has sent: of each person the newest one counts. */
import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { upsert } from '../../db/ops.ts';
import { messages, pollVotes } from '../../db/schema.ts';
import type { Fact } from '../../events/record.ts';
import { isSentAs } from '../../queue/wire-id.ts';
import { formatE164 } from '../../utils/phone.ts';
import type { AccountRef, InboundMessage } from '../../whatsapp/engine.ts';
import { jidsOf, phoneOf } from '../../whatsapp/jid.ts';
import { type Names, withBothNames } from './amend.ts';

interface Came {
  account: AccountRef;
  message: InboundMessage;
}

/**
 * Counts the votes among messages that have just been stored, in the caller's transaction, in their order; their facts, which
 * are to be recorded. A vote that is older than the one that counts changes nothing, and neither does one in a poll that this
 * session has not sent into that chat.
 */
export async function countVotes(tx: Tx, came: readonly Came[]): Promise<Fact[]> {
  const facts: Fact[] = [];
  for (const { account, message } of came) {
    const { content } = message;
    if (content.type !== 'poll_vote' || content.options === null) continue;
    const fact = await countVote(tx, account, message, content.messageId, content.options);
    if (fact) facts.push(fact);
  }
  return facts;
}

async function countVote(
  tx: Tx,
  account: AccountRef,
  message: InboundMessage,
  pollId: string,
  chosen: readonly string[],
): Promise<Fact | null> {
  const [poll] = await tx
    .select({ peer: messages.peer, phone: messages.phone, lid: messages.lid, content: messages.content })
    .from(messages)
    .where(and(isSentAs(account.id, pollId), eq(messages.type, 'poll')));
  if (!poll || !(isSameChat(poll, message) || isSameChat(poll, await withBothNames(tx, account, message)))) {
    return null;
  }
  const voter = message.own ? '' : (message.participant ?? message.chat);
  const mine = and(
    eq(pollVotes.accountId, account.id),
    eq(pollVotes.pollId, pollId),
    eq(pollVotes.voter, voter),
  );
  const [before] = await tx.select({ votedAt: pollVotes.votedAt }).from(pollVotes).where(mine);
  if (before && before.votedAt > message.at) return null;
  const offered = pollOptions(poll.content);
  const options = chosen.flatMap((name) => {
    const at = offered.indexOf(name);
    return at < 0 ? [] : [at];
  });
  const changes = { options, votedAt: message.at };
  const { accountId, voter: who } = pollVotes;
  const row = { accountId: account.id, pollId, voter, ...changes };
  await upsert(tx, pollVotes, row, [accountId, pollVotes.pollId, who], changes);
  return {
    userId: account.userId,
    session: account,
    event: 'poll.updated',
    subject: pollId,
    data: {
      messageId: pollId,
      chat: poll.peer,
      voter: voterOf(voter),
      at: new Date(message.at).toISOString(),
    },
  };
}

const voterOf = (jid: string) => {
  if (jid === '') return null;
  const phone = phoneOf(jid);
  return { jid, phone: phone === null ? null : formatE164(phone) };
};

/** A person is known by number or by LID, and may have become known by the other one since. */
function isSameChat(
  poll: { peer: string; phone: string | null; lid: string | null },
  { chat, phone, lid }: Names,
): boolean {
  const names = [poll.peer, ...jidsOf(poll)];
  return [chat, ...jidsOf({ phone, lid })].some((name) => names.includes(name));
}

/** What the poll of that content offers, in its order. */
export function pollOptions(content: unknown): string[] {
  const options: unknown = Reflect.get(Object(content), 'options');
  return Array.isArray(options) ? options.filter((option) => typeof option === 'string') : [];
}
