/** The answers to an event: what each person has answered last, and how many come. */
import { and, desc, eq } from 'drizzle-orm';
import { z } from 'zod';
import type { Db } from '../../db/client.ts';
import { eventResponses, messages } from '../../db/schema.ts';
import { isSentAs } from '../../queue/wire-id.ts';
import { AppError } from '../../utils/errors.ts';
import { EVENT_ANSWERS } from '../../whatsapp/inbound-content.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import type { TenantInput } from '../fields.ts';
import { answeredBy, MAX_ANSWERS, type NewestAnswer, newestOfEach, showPeople } from './answers.ts';
import { findMessage } from './read.ts';
import type { MessageRecord } from './view.ts';

const Totals = z
  .object({
    going: z.int().describe('people who come'),
    maybe: z.int(),
    notGoing: z.int(),
    guests: z.int().describe('whom those who come bring along'),
  })
  .meta({ id: 'EventTotals' });

export const EventOutput = z
  .object({
    messageId: z.string(),
    sessionId: z.string(),
    chat: z.string().describe('the JID of the conversation'),
    name: z.string(),
    startsAt: z.string().nullable().describe('ISO 8601'),
    totals: Totals,
    responses: z
      .array(
        z.object({
          ...answeredBy,
          response: z.enum(EVENT_ANSWERS),
          guests: z.int(),
          at: z.iso.datetime(),
        }),
      )
      .describe('the newest answer of each person, the newest first'),
  })
  .meta({ id: 'EventResponses' });
export type EventOutput = z.output<typeof EventOutput>;

/**
 * The answers to an event that a session has sent, as they are now. Those that could not be opened are not among them. Throws
 * NOT_FOUND, CONFLICT for a message that is no event of the session.
 */
export async function getEvent(
  ctx: Ctx,
  input: TenantInput & { messageId: string; session?: string | undefined },
): Promise<EventOutput> {
  requireScope(ctx, 'read');
  const row = await findMessage(ctx, input.messageId, { ...input, direction: 'out' });
  if (row.type !== 'event') {
    throw new AppError('CONFLICT', 'This message is no event.', { details: { type: row.type } });
  }
  const answers = await readAnswers(ctx.db, row);
  const people = await showPeople(ctx, row.accountId, answers);
  const { name, startsAt } = Object(row.content);
  return {
    messageId: row.messageId,
    sessionId: row.sessionId,
    chat: row.peer,
    name: typeof name === 'string' ? name : '',
    startsAt: typeof startsAt === 'string' ? startsAt : null,
    totals: totalsOf(answers),
    responses: answers.map(({ response, guests, at }, i) => ({
      ...(people[i] ?? { jid: null, phone: null, name: null }),
      response,
      guests,
      at: new Date(at).toISOString(),
    })),
  };
}

type Answer = NewestAnswer<
  Pick<typeof eventResponses.$inferSelect, 'response' | 'guests'> & { who: string; at: number }
>;

/** Each person once; the newest answer first. */
async function readAnswers(
  db: Db,
  { accountId, messageId }: Pick<MessageRecord, 'accountId' | 'messageId'>,
): Promise<Answer[]> {
  const { person, response, guests, answeredAt } = eventResponses;
  const rows = await db
    .select({ who: person, response, guests, at: answeredAt })
    .from(eventResponses)
    .where(and(eq(eventResponses.accountId, accountId), eq(eventResponses.eventId, messageId)))
    .orderBy(desc(answeredAt), desc(person))
    .limit(MAX_ANSWERS);
  return newestOfEach(db, accountId, rows);
}

function totalsOf(answers: readonly Answer[]): EventOutput['totals'] {
  const of = (wanted: Answer['response']) => answers.filter(({ response }) => response === wanted);
  return {
    going: of('going').length,
    maybe: of('maybe').length,
    notGoing: of('not_going').length,
    guests: of('going').reduce((sum, { guests }) => sum + guests, 0),
  };
}

/** An event as it is now, for the facts that tell of it. */
export interface EventNow {
  totals: EventOutput['totals'];
  /** What that person has answered, by either name; null: the owner. */
  answerOf(person: string | null): Pick<Answer, 'response' | 'guests'> | null;
}

/** Reads the answers once for all facts of an event. Null when the history does not keep it any more. */
export async function eventNow(
  db: Db,
  event: { accountId: string; messageId: string },
): Promise<EventNow | null> {
  const { accountId, messageId } = event;
  const [row] = await db
    .select({ id: messages.id })
    .from(messages)
    .where(and(isSentAs(accountId, messageId), eq(messages.type, 'event')));
  if (!row) return null;
  const answers = await readAnswers(db, event);
  return {
    totals: totalsOf(answers),
    answerOf(person) {
      const found = answers.find(({ names }) => names.includes(person));
      return found ? { response: found.response, guests: found.guests } : null;
    },
  };
}
