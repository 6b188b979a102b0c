/** Posting to the status (story) of a session, for a list of people. */
import { z } from 'zod';
import { isUnavailable } from '../../db/ops.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { StatusPost } from '../../whatsapp/content.ts';
import { isGroupJid, STATUS_JID } from '../../whatsapp/jid.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { meetStrangers } from '../groups/newcomers.ts';
import { requireCapability } from './capability.ts';
import type { Draft } from './kinds/kind.ts';
import { type Peer, toPeer } from './recipient.ts';
import { RecipientInput, sendFields } from './schemas.ts';
import { type QueuedMessage, type SendInput, sendMessage } from './send.ts';
import { findOwnSession, requireQueueing, type SendingSession } from './session.ts';

/** Each device of each of them is encrypted for: as large a group as WhatsApp had for long. */
export const MAX_AUDIENCE = 256;

/** Fields of a status post in addition to its content. */
export const statusFields = {
  session: z.string().min(1).max(100),
  recipients: z
    .array(RecipientInput)
    .min(1)
    .max(MAX_AUDIENCE)
    .describe('those who are to see it: phone numbers in any usual spelling, or LIDs'),
  background: z
    .string()
    .regex(/^#[0-9A-Fa-f]{6}$/, 'must be a colour as #075E54')
    .optional()
    .describe('behind a text, as `#RRGGBB`'),
  priority: sendFields.priority,
  scheduledAt: sendFields.scheduledAt,
  expiresAt: sendFields.expiresAt,
};

interface StatusInput extends Pick<SendInput, 'priority' | 'scheduledAt' | 'expiresAt'> {
  session: string;
  recipients: readonly string[];
  background?: string | undefined;
  content: Draft;
}

/**
 * Queues one post; resolves when it is durable. Who does not know the session is a first contact, as if written to: all strangers
 * fit into its limit, or nothing is queued. Throws as `sendMessage` does, VALIDATION_FAILED for groups, and for a later time where
 * strangers are counted, and RATE_LIMITED while the session must leave strangers alone or would meet too many.
 */
export async function postStatus(ctx: Ctx, input: StatusInput): Promise<QueuedMessage> {
  requireScope(ctx, 'messages:write');
  requireCapability(ctx, 'status');
  const session = await findOwnSession(ctx, input.session);
  requireQueueing(session);
  const people = readAudience(ctx, input.recipients);
  const { session: name, priority, scheduledAt, expiresAt, background } = input;
  const recipients = people.map(({ peer }) => peer);
  const status = { recipients, ...(background === undefined ? {} : { background }) };
  const content = asStatus(input.content, status);
  const addressee = { peer: STATUS_JID, phone: null, lid: null };
  const message = { session: name, to: STATUS_JID, addressee, priority, scheduledAt, expiresAt, content };
  return meetAudience(ctx, session, people, (leavesBefore) => {
    if (leavesBefore !== undefined && scheduledAt !== undefined) throw countedToday();
    return sendMessage(ctx, { ...message, leavesBefore });
  });
}

/**
 * Queues a post for these people, who are counted as first contacts; with nothing queued they are given back. Where strangers were
 * counted it must leave within the day that they count for: before `leavesBefore`, epoch milliseconds. Throws RATE_LIMITED as
 * `postStatus` does.
 */
export function meetAudience<R>(
  ctx: Ctx,
  session: SendingSession,
  people: readonly Peer[],
  queue: (leavesBefore: number | undefined) => Promise<R>,
): Promise<R> {
  if (people.length === 0) return queue(undefined);
  const meet = async (counted: number) => ({
    answer: await queue(counted === 0 ? undefined : ctx.clock.now() + DAY_MS),
    outcomes: [],
  });
  // With the database away it is not known whether the message was queued.
  return meetStrangers(ctx, session, people, meet, (error) => !isUnavailable(error));
}

function countedToday(): AppError {
  return new AppError(
    'VALIDATION_FAILED',
    'A status for people who do not know the session cannot be scheduled: they are counted when it is queued.',
    { details: { scheduledAt: 'must be missing: some of these people do not know the session' } },
  );
}

/** Each of them once. Throws INVALID_NUMBER, VALIDATION_FAILED. */
function readAudience(ctx: Ctx, recipients: readonly string[]): Peer[] {
  const people = recipients.map((to) => toPeer(to, undefined, ctx.config.defaultCountry));
  if (people.some(({ peer }) => isGroupJid(peer))) {
    throw new AppError('VALIDATION_FAILED', 'A group cannot see a status: name its members.', {
      details: { recipients: 'must be people' },
    });
  }
  return [...new Map(people.map((person) => [person.peer, person])).values()];
}

function asStatus(draft: Draft, status: StatusPost): Draft {
  return {
    type: draft.type,
    async make(ctx, about) {
      const made = await draft.make(ctx, about);
      if (made.type !== 'text' && made.type !== 'image' && made.type !== 'video') {
        throw new Error(`a status cannot be a ${made.type}`);
      }
      return { ...made, status };
    },
  };
}
