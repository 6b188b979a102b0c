/** People who are added to groups: those who do not know the session are its first contacts, as those who are written to. */
import { transact } from '../../db/ops.ts';
import { type Resolved, resolvePeople, strangersAmong, waitingAudience } from '../../queue/audience.ts';
import { readKnown } from '../../queue/breaker.ts';
import {
  type ContactLimit,
  contactLimitOf,
  giveBackContacts,
  limitsContacts,
  meetAll,
  roomFor,
} from '../../queue/first-contacts.ts';
import { capOf, type Pace, paceOf } from '../../queue/pace.ts';
import { PRIORITIES, type Priority } from '../../queue/priority.ts';
import { queueHold, sendingState } from '../../queue/session-state.ts';
import type { Addressee } from '../../queue/subscriber-peers.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import type { MemberOutcome } from '../../whatsapp/group-types.ts';
import { jidsOf } from '../../whatsapp/jid.ts';
import type { Ctx } from '../context.ts';
import type { Peer } from '../messages/recipient.ts';
import { requireConnected, type SendingSession } from '../messages/session.ts';
import { didNothing } from '../sessions/ask-whatsapp.ts';

/**
 * Adds people by `add`, within the limit of first contacts: all who are strangers, or nobody. What turns out to have met nobody is
 * given back: those who were not added have heard nothing. Throws NOT_CONNECTED, and RATE_LIMITED while the session is paused, must
 * leave strangers alone, or would meet too many.
 */
export async function addNewcomers<R>(
  ctx: Ctx,
  session: SendingSession,
  people: readonly Peer[],
  add: () => Promise<{ answer: R; outcomes: readonly MemberOutcome[] }>,
): Promise<R> {
  requireConnected(session);
  const now = ctx.clock.now();
  const held = queueHold(session, now, PRIORITIES.normal);
  if (held?.everybody === true && held.reason !== 'minute_limit')
    throw mustWait(held.reason, held.until, now);
  return meetStrangers(ctx, session, people, add);
}

/** Within the limit of first contacts: all who are strangers, or nobody. */
async function meetStrangers<R>(
  ctx: Ctx,
  session: SendingSession,
  people: readonly Peer[],
  meet: () => Promise<{ answer: R; outcomes: readonly MemberOutcome[] }>,
): Promise<R> {
  const now = ctx.clock.now();
  const resolved = await resolvePeople(ctx, session, people);
  const known = await readKnown(ctx.db, session, [...resolved.people.values()]);
  const strangers = [...resolved.people].filter(([, { peer }]) => !known.has(peer)).map(([name]) => name);
  if (strangers.length > 0) requireOpen(session, now);
  const { limit, pace } = limitsOf(ctx, session, now);
  if (strangers.length === 0 || !limitsContacts(limit)) return (await meet()).answer;
  const attemptId = newId();
  const meeting = { people: strangers, limit, pace, attemptId, now };
  const refused = await transact(ctx.db, (tx) => meetAll(tx, session.id, meeting));
  if (refused !== null) throw tooMany(strangers.length, refused, now);
  const giveBack = (names: readonly string[]) =>
    transact(ctx.db, (tx) =>
      giveBackContacts(tx, { accountId: session.id, strangers: names, attemptId }),
    ).catch((error: unknown) => {
      ctx.logger.warn('first contacts could not be given back', { error: String(error) });
    });
  const { answer, outcomes } = await meet().catch(async (error: unknown) => {
    if (didNothing(error)) await giveBack(strangers);
    throw error;
  });
  await giveBack(notMet(outcomes, resolved.nameOf));
  return answer;
}

/** Throws RATE_LIMITED while the session must leave strangers alone. */
function requireOpen(session: SendingSession, now: number): void {
  const alone = sendingState(session, now, PRIORITIES.normal).holds.find(({ everybody }) => !everybody);
  if (alone) throw mustWait(alone.reason, alone.until, now);
}

function limitsOf(ctx: Ctx, session: SendingSession, now: number): { limit: ContactLimit; pace: Pace } {
  const { pacing } = ctx.config;
  return { limit: contactLimitOf(pacing, session, now), pace: paceOf(pacing, session, now) };
}

/**
 * Looks whether a message for these people may be queued, and counts nobody: they are counted when it leaves. Resolves with
 * whether some of them are strangers. Throws RATE_LIMITED while the session must leave strangers alone or may not meet all of
 * them now, together with those whom posts wait for; for a message of later (`later`) only when it may never meet so many in a day.
 */
export async function requireRoomFor(
  ctx: Ctx,
  session: SendingSession,
  people: readonly Addressee[],
  { priority, later }: { priority: Priority; later: boolean },
): Promise<boolean> {
  const now = ctx.clock.now();
  const strangers = await strangersAmong(ctx, session, people);
  if (strangers.length === 0) return false;
  const { limit, pace } = limitsOf(ctx, session, now);
  if (later) {
    const most = limit.perDay === null ? null : capOf(limit.perDay, pace, priority);
    if (most !== null && strangers.length > most)
      throw tooMany(strangers.length, { left: most, until: null }, now);
    return true;
  }
  requireOpen(session, now);
  if (!limitsContacts(limit)) return true;
  const waiting = await strangersAmong(ctx, session, await waitingAudience(ctx.database, session.id, now));
  const all = [...new Set([...waiting, ...strangers])];
  const { fresh, lacks } = await roomFor(ctx.db, session.id, { people: all, limit, pace, priority, now });
  const ours = new Set(strangers);
  const others = fresh.filter((person) => !ours.has(person)).length;
  if (lacks === null || others === fresh.length) return true;
  throw tooMany(strangers.length, { ...lacks, left: Math.max(0, lacks.left - others) }, now);
}

/** Those of whom the answer says that they were not added: WhatsApp gives a number with it. */
function notMet(outcomes: readonly MemberOutcome[], nameOf: Resolved['nameOf']): string[] {
  const namesOf = (one: MemberOutcome) => [one.jid, ...jidsOf(one)].flatMap((jid) => nameOf(jid) ?? []);
  const met = new Set(outcomes.filter(({ code }) => code === null).flatMap(namesOf));
  return [...new Set(outcomes.flatMap(namesOf))].filter((name) => !met.has(name));
}

function mustWait(reason: string, until: number | null, now: number): AppError {
  return new AppError('RATE_LIMITED', 'The session meets nobody new now.', {
    details: { reason, until: until === null ? null : new Date(until).toISOString() },
    ...(until === null ? {} : { retryAfterSeconds: Math.max(1, Math.ceil((until - now) / 1000)) }),
  });
}

function tooMany(
  strangers: number,
  { left, until }: { left: number; until: number | null },
  now: number,
): AppError {
  const text = `${strangers} of these people do not know the session, and it may meet ${left} more ${until === null ? 'in a day' : 'now'}.`;
  return new AppError('RATE_LIMITED', text, {
    details: { reason: 'new_contacts', strangers, left },
    ...(until === null ? {} : { retryAfterSeconds: Math.max(1, Math.ceil((until - now) / 1000)) }),
  });
}
