/** How fast a session sends, and what holds it: its own settings within the service's, and its breaker. */

import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { transact } from '../../db/ops.ts';
import { whatsappAccounts } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { contactLimitOf, readContactRoom } from '../../queue/first-contacts.ts';
import {
  MAX_RESERVE_PERCENT,
  type Pace,
  paceOf,
  readWarmUp,
  reserveOf,
  unreserved,
} from '../../queue/pace.ts';
import { PRIORITIES, type Priority } from '../../queue/priority.ts';
import { quietUntil, readQuietHours } from '../../queue/quiet-hours.ts';
import { breakerOf, queueHold } from '../../queue/session-state.ts';
import { bringBack } from '../../queue/step-aside.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { isTimeZone } from '../../utils/time-zone.ts';
import { requireScope, requireSession } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { findSession, type SessionRecord, type SessionRef } from './find.ts';
import { RestrictionOutput } from './schemas.ts';
import { restrictionOf, toIso } from './view.ts';

export { MAX_RESERVE_PERCENT };

const PACE_NAMES = ['delayMinMs', 'delayMaxMs', 'perMinute', 'perHour', 'perRecipientPerHour'] as const;
/** Waits; all others are numbers of messages. */
const DELAYS: ReadonlySet<string> = new Set(['delayMinMs', 'delayMaxMs']);

/** WhatsApp is not older. */
const FIRST_ACCOUNTS = Date.UTC(2009, 0, 1);

const ownNumber = (min: number, max: number) => z.int().min(min).max(max).nullable().optional();
const Clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 21:00');
const TimeZone = z.string().max(64).refine(isTimeZone, 'must be a time zone such as Asia/Jakarta');

const QuietHoursInput = z
  .object({ from: Clock, to: Clock, timeZone: TimeZone })
  .refine(({ from, to }) => from !== to, 'must have an end');
const WarmUpInput = z.object({
  days: z.int().min(1).max(90).describe('until the full pace is reached'),
  startPerHour: z.int().min(1).max(100_000).describe('messages an hour on the first day'),
});

const AccountSince = z.iso
  .date()
  .refine((day) => Date.parse(day) >= FIRST_ACCOUNTS, 'must be a day since 2009-01-01');

/** A field that is missing stays, `null` goes back to the service's own. */
export const LimitsInput = z.object({
  delayMinMs: ownNumber(0, DAY_MS).describe('shortest gap between two messages'),
  delayMaxMs: ownNumber(0, DAY_MS).describe('longest gap'),
  perMinute: ownNumber(1, 1_000_000),
  perHour: ownNumber(1, 1_000_000),
  perRecipientPerHour: ownNumber(1, 1_000_000),
  otpReservePercent: ownNumber(0, MAX_RESERVE_PERCENT).describe(
    'of each limit, kept back for high priority; null: the service’s own where high priority was sent in the last 30 days, else nothing',
  ),
  newContactsPerDay: ownNumber(1, 1_000_000).describe(
    'people who do not know the session that it may write to in 24 hours; null: the service’s own while link and account are younger than 30 days or of unknown age, else no limit',
  ),
  accountSince: AccountSince.nullable()
    .optional()
    .describe('the day from which the WhatsApp account has been in use; null: the age of the link counts'),
  quietHours: QuietHoursInput.nullable()
    .optional()
    .describe('only high priority leaves; may go over midnight'),
  warmUp: WarmUpInput.nullable()
    .optional()
    .describe('a new number begins slowly; counts from when it is set'),
});
export type LimitsInput = z.output<typeof LimitsInput>;

const time = z.iso.datetime().nullable();
const PaceOutput = z.object({
  delayMinMs: z.int(),
  delayMaxMs: z.int(),
  perMinute: z.int(),
  perHour: z.int(),
  perRecipientPerHour: z.int(),
});

const OwnOutput = PaceOutput.extend({ otpReservePercent: z.int(), newContactsPerDay: z.int() }).partial();

const ReserveOutput = z.object({
  percent: z.int(),
  reason: z
    .enum(['own', 'codes', 'none'])
    .describe('set for this session; high priority was sent in the last 30 days; nothing is kept back'),
  perMinute: z.int().describe('how many of `pace.perMinute` only high priority may spend'),
  perHour: z.int(),
  perRecipientPerHour: z.int(),
});

const ContactsOutput = z.object({
  perDay: z.int().nullable().describe('the most in any 24 hours; null: no limit'),
  reason: z
    .enum(['own', 'young', 'none'])
    .describe('set for this session; the service’s own for a young link or one of unknown age; no limit'),
  used: z.int().describe('in the last 24 hours'),
  remaining: z.int().nullable().describe('how many more may be written to now, codes included'),
  reserved: z.int().describe('of `remaining`, how many only high priority may spend'),
  nextAt: time.describe('with nothing remaining for normal priority: when there will be something'),
  linkedAt: time.describe('when the phone linked the session; null: not known'),
  accountSince: z.iso.date().nullable().describe('as its owner says'),
  whatsapp: z
    .object({
      total: z.int().nullable().describe('the most of a cycle; null: it named no number'),
      used: z.int().describe('as WhatsApp had counted when it told'),
      status: z.string().describe('NONE, FIRST_WARNING, SECOND_WARNING, CAPPED'),
      until: time.describe('end of the cycle'),
      toldAt: z.iso.datetime(),
    })
    .nullable()
    .describe("WhatsApp's own cap, while it holds"),
});

export const LimitsOutput = z
  .object({
    sessionId: z.string(),
    session: z.string(),
    pace: PaceOutput.describe('what counts now, for all messages together'),
    reserved: ReserveOutput.describe('of `pace`, what is kept back for login codes'),
    maxima: PaceOutput.describe("the service's own: no session sends faster"),
    own: OwnOutput.describe('what was set for this session'),
    quietHours: z
      .object({ from: z.string(), to: z.string(), timeZone: z.string(), quietUntil: time })
      .nullable(),
    warmUp: z
      .object({ days: z.int(), startPerHour: z.int(), since: z.iso.datetime(), until: z.iso.datetime() })
      .nullable(),
    breaker: z.object({
      state: z.enum(['closed', 'open']).describe('open: nothing goes to new recipients'),
      until: time,
      reason: z.string().nullable().describe('`breaker_` and the code that WhatsApp refused a message with'),
      trips: z.int().describe('refusals in a row; each makes the pause longer'),
    }),
    newContacts: ContactsOutput.describe('people who do not know the session'),
    restriction: RestrictionOutput,
    pausedUntil: time,
    pauseReason: z.string().nullable(),
  })
  .meta({ id: 'SessionLimits' });
export type LimitsOutput = z.output<typeof LimitsOutput>;

/** Pace, limits, quiet hours, warm-up and breaker of a session. Throws SESSION_NOT_FOUND. */
export async function getLimits(ctx: Ctx, ref: SessionRef): Promise<LimitsOutput> {
  requireScope(ctx, 'read');
  return toLimits(ctx, await findSession(ctx, ref));
}

/**
 * Changes a session's own limits; the line that sends for it follows within half a minute. Throws SESSION_NOT_FOUND,
 * and VALIDATION_FAILED for what would be faster than the service allows.
 */
export async function putLimits(ctx: Ctx, sessionId: string, input: LimitsInput): Promise<LimitsOutput> {
  requireScope(ctx, 'sessions:write');
  requireSession(ctx, sessionId);
  const session = await findSession(ctx, { sessionId });
  const { pacing } = ctx.config;
  const tooFast = PACE_NAMES.filter((name) => isFaster(name, input[name], pacing[name]));
  if (tooFast.length > 0) {
    throw new AppError('VALIDATION_FAILED', `Faster than this service allows: ${tooFast.join(', ')}.`, {
      details: Object.fromEntries(
        tooFast.map((name) => [name, `must be at ${DELAYS.has(name) ? 'least' : 'most'} ${pacing[name]}`]),
      ),
    });
  }
  const limits = merge(session.limits ?? {}, input, ctx.clock.now());
  if (Number(limits.delayMinMs ?? 0) > Number(limits.delayMaxMs ?? Number.POSITIVE_INFINITY)) {
    throw new AppError('VALIDATION_FAILED', 'Not valid: delayMinMs.', {
      details: { delayMinMs: 'must not be larger than delayMaxMs' },
    });
  }
  await transact(ctx.db, async (tx) => {
    await tx.update(whatsappAccounts).set({ limits }).where(eq(whatsappAccounts.id, session.id));
    await record(tx, ctx, [
      {
        userId: session.userId,
        event: 'session.limits',
        session: { id: session.id, sessionId: session.sessionId },
        data: { changed: Object.keys(input) },
        origin: originOf(ctx),
      },
    ]);
    tx.afterCommitAsked(() => ctx.signals.wake(session.id, { rowChanged: true }));
  });
  const isOther = (name: string) => limits[name] !== session.limits?.[name];
  if (isOther('newContactsPerDay') || isOther('accountSince')) {
    // Whoever stepped aside is looked at again under the new limit.
    try {
      await bringBack(ctx.db, session.id, ctx.clock.now(), Number.POSITIVE_INFINITY);
    } finally {
      // Some may be back though it failed.
      ctx.signals.wake(session.id);
    }
  }
  return toLimits(ctx, { ...session, limits });
}

function isFaster(
  name: (typeof PACE_NAMES)[number],
  own: number | null | undefined,
  service: number,
): boolean {
  if (own === null || own === undefined) return false;
  return DELAYS.has(name) ? own < service : own > service;
}

function merge(before: Record<string, unknown>, input: LimitsInput, now: number): Record<string, unknown> {
  const warmUp = input.warmUp ? { ...input.warmUp, since: now } : input.warmUp;
  const accountSince = input.accountSince ? Date.parse(input.accountSince) : input.accountSince;
  const changes = Object.entries({ ...input, warmUp, accountSince }).filter(
    ([, value]) => value !== undefined,
  );
  const merged = Object.entries({ ...before, ...Object.fromEntries(changes) });
  return Object.fromEntries(merged.filter(([, value]) => value !== null));
}

async function toLimits(ctx: Ctx, session: SessionRecord): Promise<LimitsOutput> {
  const now = ctx.clock.now();
  const { limits: own, breakerTrips } = session;
  const pace = paceOf(ctx.config.pacing, session, now);
  const quiet = readQuietHours(own?.quietHours);
  const warmUp = readWarmUp(own?.warmUp);
  const breaker = breakerOf(session, now);
  const hold = queueHold(session, now, PRIORITIES.normal);
  const pause = hold?.everybody ? hold : null;
  const namesOf = (values: object) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => isPaceName(name)));
  return {
    sessionId: session.sessionId,
    session: session.sessionId,
    pace: PaceOutput.parse(namesOf(pace)),
    reserved: { reason: reserveOf(ctx.config.pacing, session, now).reason, ...reservedOf(pace) },
    maxima: PaceOutput.parse(namesOf(ctx.config.pacing)),
    own: OwnOutput.parse(own ?? {}),
    quietHours: quiet && { ...quiet, quietUntil: toIso(quietUntil(quiet, now)) },
    warmUp: warmUp && {
      days: warmUp.days,
      startPerHour: warmUp.startPerHour,
      since: new Date(warmUp.since).toISOString(),
      until: new Date(warmUp.since + warmUp.days * DAY_MS).toISOString(),
    },
    breaker: {
      state: breaker === null ? 'closed' : 'open',
      until: toIso(breaker?.until ?? null),
      reason: breaker?.reason ?? null,
      trips: breakerTrips,
    },
    newContacts: await contactsOf(ctx, session, pace, now),
    restriction: restrictionOf(session, now),
    pausedUntil: toIso(pause?.until ?? null),
    pauseReason: pause?.reason ?? null,
  };
}

/** The limits of first contacts, and what is left of them. */
async function contactsOf(
  ctx: Ctx,
  session: SessionRecord,
  pace: Pace,
  now: number,
): Promise<LimitsOutput['newContacts']> {
  const limit = contactLimitOf(ctx.config.pacing, session, now);
  const roomFor = (priority: Priority) => readContactRoom(ctx.db, session.id, { limit, pace, priority, now });
  const all = await roomFor(PRIORITIES.high);
  const normal = await roomFor(PRIORITIES.normal);
  const { cap } = limit;
  const since = session.limits?.accountSince;
  return {
    perDay: limit.perDay,
    reason: limit.reason,
    used: all.used,
    remaining: all.left,
    reserved: (all.left ?? 0) - (normal.left ?? 0),
    nextAt: toIso(normal.until),
    linkedAt: toIso(session.linkedAt),
    accountSince: typeof since === 'number' ? new Date(since).toISOString().slice(0, 10) : null,
    whatsapp: cap && { ...cap, until: toIso(cap.until), toldAt: new Date(cap.toldAt).toISOString() },
  };
}

/** The part of each limit that normal and low priority must leave. */
function reservedOf(pace: Pace) {
  const kept = (name: 'perMinute' | 'perHour' | 'perRecipientPerHour') =>
    pace[name] - unreserved(pace[name], pace);
  return {
    percent: pace.otpReservePercent,
    perMinute: kept('perMinute'),
    perHour: kept('perHour'),
    perRecipientPerHour: kept('perRecipientPerHour'),
  };
}

function isPaceName(name: string): boolean {
  return PACE_NAMES.some((known) => known === name);
}
