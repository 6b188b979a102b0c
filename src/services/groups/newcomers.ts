/** People who are added to groups: those who do not know the session are its first contacts, as those who are written to. */
import { transact } from '../../db/ops.ts';
import { readKnown } from '../../queue/breaker.ts';
import {
  contactLimitOf,
  giveBackMeeting,
  limitsContacts,
  meetAll,
  personOf,
} from '../../queue/first-contacts.ts';
import { paceOf } from '../../queue/pace.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { queueHold, sendingState } from '../../queue/session-state.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import type { MemberOutcome } from '../../whatsapp/group-types.ts';
import type { Ctx } from '../context.ts';
import type { Peer } from '../messages/recipient.ts';
import type { SendingSession } from '../messages/session.ts';

/** Statuses of somebody who has heard nothing of the session. */
const NOT_MET: ReadonlySet<string> = new Set(['not_on_whatsapp', 'already_member']);

/**
 * Adds people by `add`, within the limit of first contacts: all who are strangers, or nobody. What turns out to have met nobody is
 * given back. Throws RATE_LIMITED while the session is paused, must leave strangers alone, or would meet too many.
 */
export async function addNewcomers<R>(
  ctx: Ctx,
  session: SendingSession,
  people: readonly Peer[],
  add: () => Promise<{ answer: R; outcomes: readonly MemberOutcome[] }>,
): Promise<R> {
  const now = ctx.clock.now();
  const held = queueHold(session, now, PRIORITIES.normal);
  if (held?.everybody === true && held.reason !== 'minute_limit')
    throw mustWait(held.reason, held.until, now);
  const known = await readKnown(ctx.db, session, people);
  const strangers = people.filter(({ peer }) => !known.has(peer));
  const alone = sendingState(session, now, PRIORITIES.normal).holds.find(({ everybody }) => !everybody);
  if (strangers.length > 0 && alone) throw mustWait(alone.reason, alone.until, now);
  const limit = contactLimitOf(ctx.config.pacing, session, now);
  if (strangers.length === 0 || !limitsContacts(limit)) return (await add()).answer;
  const attemptId = newId();
  const pace = paceOf(ctx.config.pacing, session, now);
  const meeting = { people: strangers.map(personOf), limit, pace, attemptId, now };
  const refused = await transact(ctx.db, (tx) => meetAll(tx, session.id, meeting));
  if (refused !== null) throw tooMany(strangers.length, refused, now);
  const giveBack = (names: readonly string[]) =>
    giveBackMeeting(ctx.db, session.id, { people: names, attemptId });
  try {
    const { answer, outcomes } = await add();
    await giveBack(outcomes.filter(({ status }) => NOT_MET.has(status)).flatMap(namesOf));
    return answer;
  } catch (error) {
    // After anything else it is not known whether they were added.
    if (error instanceof AppError && !UNCERTAIN.has(error.code)) await giveBack(meeting.people);
    throw error;
  }
}

const UNCERTAIN: ReadonlySet<string> = new Set(['UNAVAILABLE', 'NOT_CONNECTED']);

function namesOf({ phone, lid, jid }: MemberOutcome): string[] {
  return [phone, lid, jid].filter((name) => name !== null);
}

function mustWait(reason: string, until: number | null, now: number): AppError {
  return new AppError('RATE_LIMITED', 'The session adds nobody to groups now.', {
    details: { reason, until: until === null ? null : new Date(until).toISOString() },
    ...(until === null ? {} : { retryAfterSeconds: Math.max(1, Math.ceil((until - now) / 1000)) }),
  });
}

function tooMany(
  strangers: number,
  { left, until }: { left: number; until: number | null },
  now: number,
): AppError {
  const text = `${strangers} of these people do not know the session, and it may meet ${left} more now.`;
  return new AppError('RATE_LIMITED', text, {
    details: { reason: 'new_contacts', strangers, left },
    retryAfterSeconds: Math.max(1, Math.ceil(((until ?? now) - now) / 1000)),
  });
}
