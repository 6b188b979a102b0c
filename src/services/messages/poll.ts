/** The results of a poll: what each person has voted last, and how often each option was chosen. */
import { and, desc, eq } from 'drizzle-orm';
import { z } from 'zod';
import type { Db } from '../../db/client.ts';
import { messages, pollVotes } from '../../db/schema.ts';
import { isSentAs } from '../../queue/wire-id.ts';
import { AppError } from '../../utils/errors.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import type { TenantInput } from '../fields.ts';
import { pollOptions } from '../inbound/poll-votes.ts';
import { answeredBy, MAX_ANSWERS, type NewestAnswer, newestOfEach, showPeople } from './answers.ts';
import { findMessage } from './read.ts';
import type { MessageRecord } from './view.ts';

export const PollOutput = z
  .object({
    messageId: z.string(),
    sessionId: z.string(),
    chat: z.string().describe('the JID of the conversation'),
    question: z.string(),
    multiple: z.boolean().describe('more than one option may be chosen'),
    voters: z.int().describe('people whose newest vote chooses something'),
    options: z.array(z.object({ text: z.string(), votes: z.int() })),
    votes: z
      .array(
        z.object({
          ...answeredBy,
          options: z.array(z.string()).describe('empty: the vote was taken back'),
          at: z.iso.datetime(),
        }),
      )
      .describe('the newest vote of each person, the newest first'),
  })
  .meta({ id: 'PollResults' });
export type PollOutput = z.output<typeof PollOutput>;

/**
 * The results of a poll that a session has sent, as they are now. Votes that could not be opened are not among them. Throws
 * NOT_FOUND, CONFLICT for a message that is no poll of the session.
 */
export async function getPoll(
  ctx: Ctx,
  input: TenantInput & { messageId: string; session?: string | undefined },
): Promise<PollOutput> {
  requireScope(ctx, 'read');
  const row = await findMessage(ctx, input.messageId, { ...input, direction: 'out' });
  if (row.type !== 'poll') {
    throw new AppError('CONFLICT', 'This message is no poll.', { details: { type: row.type } });
  }
  const votes = await readVotes(ctx.db, row);
  const people = await showPeople(ctx, row.accountId, votes);
  const offered = pollOptions(row.content);
  return {
    messageId: row.messageId,
    sessionId: row.sessionId,
    chat: row.peer,
    ...pollWords(row.content),
    ...resultsOf(offered, votes),
    votes: people.map((person, i) => ({
      ...person,
      options: (votes[i]?.options ?? []).flatMap((n) => offered[n] ?? []),
      at: new Date(votes[i]?.at ?? 0).toISOString(),
    })),
  };
}

function pollWords(content: unknown): Pick<PollOutput, 'question' | 'multiple'> {
  const { question, multiple } = Object(content);
  return { question: typeof question === 'string' ? question : '', multiple: multiple === true };
}

type CastVote = NewestAnswer<{ who: string; at: number; options: readonly number[] }>;

/** Each person once; the newest vote first. */
async function readVotes(
  db: Db,
  { accountId, messageId }: Pick<MessageRecord, 'accountId' | 'messageId'>,
): Promise<CastVote[]> {
  const { voter, options, votedAt } = pollVotes;
  const rows = await db
    .select({ who: voter, options, at: votedAt })
    .from(pollVotes)
    .where(and(eq(pollVotes.accountId, accountId), eq(pollVotes.pollId, messageId)))
    .orderBy(desc(votedAt), desc(voter))
    .limit(MAX_ANSWERS);
  return newestOfEach(db, accountId, rows);
}

/** A poll as it is now, for the events that tell of it. */
export interface PollNow {
  results: Pick<PollOutput, 'options' | 'voters'>;
  /** What that voter has chosen, by either name; null: the owner. */
  chosenBy(voter: string | null): string[];
}

/** Reads the poll once for all events of it. Null when the history does not keep it any more. */
export async function pollNow(
  db: Db,
  poll: { accountId: string; messageId: string },
): Promise<PollNow | null> {
  const { accountId, messageId } = poll;
  const [row] = await db
    .select({ content: messages.content })
    .from(messages)
    .where(and(isSentAs(accountId, messageId), eq(messages.type, 'poll')));
  if (!row) return null;
  const offered = pollOptions(row.content);
  const votes = await readVotes(db, poll);
  return {
    results: resultsOf(offered, votes),
    chosenBy(voter) {
      const vote = votes.find(({ names }) => names.includes(voter));
      return (vote?.options ?? []).flatMap((n) => offered[n] ?? []);
    },
  };
}

/** How often each option was chosen, and by how many people. */
function resultsOf(
  offered: readonly string[],
  votes: readonly CastVote[],
): Pick<PollOutput, 'options' | 'voters'> {
  return {
    voters: votes.filter(({ options }) => options.length > 0).length,
    options: offered.map((text, n) => ({
      text,
      votes: votes.filter(({ options }) => options.includes(n)).length,
    })),
  };
}
