/** Posting to the status (story) of a session, for a list of people. */
import { z } from 'zod';
import { PRIORITIES } from '../../queue/priority.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { StatusPost } from '../../whatsapp/content.ts';
import { isGroupJid, STATUS_JID } from '../../whatsapp/jid.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { requireRoomFor } from '../groups/newcomers.ts';
import { readNumbers } from '../number-lists.ts';
import { requireCapability } from './capability.ts';
import type { Draft } from './kinds/kind.ts';
import { type Peer, toPeer } from './recipient.ts';
import { RecipientInput, sendFields } from './schemas.ts';
import { type QueuedMessage, type SendInput, sendMessage } from './send.ts';
import { findOwnSession, requireQueueing } from './session.ts';

/** Each device of each of them is encrypted for: as large a group as WhatsApp had for long. */
export const MAX_AUDIENCE = 256;

/**
 * A post for strangers that could not leave within that time after it fell due expires: it might never fit into the limit. Longer
 * than the window of first contacts, or a post that must wait for its end would expire just then.
 */
export const STRANGERS_WITHIN_MS = 2 * DAY_MS;

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
 * Queues one post; resolves when it is durable. Who does not know the session is a first contact, as if written to: they are counted
 * when it leaves, all of them or it waits. Throws as `sendMessage` does, VALIDATION_FAILED for groups, and RATE_LIMITED while the
 * session must leave strangers alone or would meet too many.
 */
export async function postStatus(ctx: Ctx, input: StatusInput): Promise<QueuedMessage> {
  requireScope(ctx, 'messages:write');
  requireCapability(ctx, 'status');
  const session = await findOwnSession(ctx, input.session);
  requireQueueing(session);
  const people = await readAudience(ctx, input.recipients);
  const { session: name, priority, scheduledAt, expiresAt, background } = input;
  const recipients = people.map(({ peer }) => peer);
  const status = { recipients, ...(background === undefined ? {} : { background }) };
  const content = asStatus(input.content, status);
  const addressee = { peer: STATUS_JID, phone: null, lid: null };
  const message = { session: name, to: STATUS_JID, addressee, priority, scheduledAt, expiresAt, content };
  const room = { priority: PRIORITIES[priority ?? 'normal'], later: scheduledAt !== undefined };
  const meets = await requireRoomFor(ctx, session, people, room);
  return sendMessage(ctx, { ...message, ...(meets ? { leavesWithinMs: STRANGERS_WITHIN_MS } : {}) });
}

/** Each of them once. Throws INVALID_NUMBER, VALIDATION_FAILED. */
async function readAudience(ctx: Ctx, recipients: readonly string[]): Promise<Peer[]> {
  const people = await readNumbers(recipients, (to) => toPeer(to, undefined, ctx.config.defaultCountry));
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
      const made = await draft.make(ctx, { ...about, only: true });
      if (made.type !== 'text' && made.type !== 'image' && made.type !== 'video') {
        throw new Error(`a status cannot be a ${made.type}`);
      }
      return { ...made, status };
    },
  };
}
