/** Estimates a campaign before it is made: recipients, pace, and end. */

import { and, asc, count, eq, gt, inArray } from 'drizzle-orm';
import { z } from 'zod';
import { inBatches, mapInTurns, readBatches } from '../../db/batches.ts';
import type { Db } from '../../db/client.ts';
import { broadcastContacts, optOuts } from '../../db/schema.ts';
import { readKnown } from '../../queue/breaker.ts';
import { DAY_MS, MINUTE_MS } from '../../utils/durations.ts';
import { readingsIn } from '../../utils/phone.ts';
import { phoneJid } from '../../whatsapp/jid.ts';
import { timeZoneOf } from '../auth/settings.ts';
import type { Ctx } from '../context.ts';
import { readLedgerKeys } from '../opt-outs/ledger-keys.ts';
import { isOptedOut } from '../opt-outs/opted-out.ts';
import type { SessionRef } from '../sessions/find.ts';
import { enterBroadcast } from '../sessions/tenant.ts';
import { findTemplate } from '../templates/templates.ts';
import { lookThrough } from './audience.ts';
import { paceLimits } from './counts.ts';
import { INVALID_MARK } from './freeze.ts';
import { firstRun } from './schedule.ts';
import { ScheduleCampaignInput } from './schemas.ts';
import { chooseSenders } from './senders.ts';
import { delayOf, optionsFrom, targetOf } from './start.ts';
import { campaignContacts } from './strangers.ts';

/** Numbers that can be read in several ways of which it tells, and wrong ones that are looked through for them. */
const MAX_UNCLEAR = 20;
const MAX_READ = 1_000;
const HOUR_MINUTES = 60;
const DAY_MINUTES = 1_440;
/** A campaign that takes longer is not worked out to its end. */
const MAX_DAYS = 366;
const BATCH_SIZE = 500;
/** Recipients that are looked up to see whether they know the session. */
const SAMPLE_SIZE = 200;
/** More opt-outs than this are not compared with the list. */
const MAX_COMPARED = 20_000;

export const EstimateCampaignInput = ScheduleCampaignInput.pick({
  sessions: true,
  pool: true,
  listId: true,
  numbers: true,
  delayBetweenMessages: true,
  delay: true,
  dailyCap: true,
  warmUp: true,
  quietHours: true,
  checkNumbers: true,
  failurePercent: true,
  message: true,
  templateId: true,
  scheduledAt: true,
  timezone: true,
  cron: true,
});
export type EstimateCampaignInput = z.infer<typeof EstimateCampaignInput>;

export const CampaignEstimate = z
  .object({
    recipients: z.int().describe('who would be written to: without opt-outs, doubles and what is no number'),
    invalid: z.int(),
    unclear: z
      .array(z.object({ number: z.string(), readings: z.array(z.string()) }))
      .describe(
        'of the `invalid` ones those that can be read in several ways, the first 20: write one of the readings',
      ),
    duplicates: z
      .int()
      .describe('who is there more than once, also under another spelling; of a list among its first 10,000'),
    optedOut: z.int().nullable().describe('null when there are too many opt-outs to compare'),
    ratePerMinute: z.number().describe('as pace and limits allow until the share of an hour is spent'),
    perHour: z.int().describe('the most of an hour'),
    perDay: z.int().nullable().describe('the most of the first day; null: as many as the rate allows'),
    strangers: z
      .int()
      .nullable()
      .describe(
        'how many of them do not know the session, as a sample of 200 tells; null: nothing limits those',
      ),
    neverContacted: z
      .int()
      .describe('how many of them have never exchanged a message with the session, as a sample of 200 tells'),
    newContactsDays: z
      .int()
      .nullable()
      .describe('days until all of those have been written to; null: nothing limits them, or over a year'),
    missing: z
      .array(z.object({ placeholder: z.string(), contacts: z.int() }))
      .describe('placeholders of `message` or the template that stay empty, with for how many'),
    lookedThrough: z
      .int()
      .describe('how many recipients `missing` and `duplicates` were counted among, 10,000 at most'),
    newContactsPerDay: z.int().nullable().describe('how many of those are written to on the first day'),
    limitedBy: z
      .enum(['pace', 'daily_cap', 'new_contacts'])
      .describe('what makes it last as long as it does'),
    quietMinutes: z.int().describe("minutes of the recipients' day without sending"),
    startsAt: z.iso.datetime(),
    durationSeconds: z.int().nullable().describe('null: more than a year'),
    finishesAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'CampaignEstimate' });
export type CampaignEstimate = z.infer<typeof CampaignEstimate>;

/**
 * Works out a campaign without making it. What other work of the sessions takes of their pace is not known. Throws
 * SESSION_NOT_FOUND, NOT_CONNECTED, NOT_FOUND (list, pool), VALIDATION_FAILED, INVALID_NUMBER.
 */
export async function estimateCampaign(
  ctx: Ctx,
  ref: SessionRef,
  input: EstimateCampaignInput,
): Promise<CampaignEstimate> {
  const { userId, session } = await enterBroadcast(ctx, ref, 'read');
  const { rows: sessions } = await chooseSenders(ctx, session, input);
  const now = ctx.clock.now();
  const target = await targetOf(ctx, userId, input);
  const invalid = target.found.invalid ?? 0;
  const optedOut = await countOptedOut(ctx.db, userId, target);
  const audience = await lookThrough(ctx.db, userId, target, await textOf(ctx, userId, input));
  const recipients = Math.max(0, target.total - invalid - (optedOut ?? 0) - audience.duplicates);
  const options = optionsFrom(input);
  const timeZone = input.timezone ?? (await timeZoneOf(ctx, userId));
  const isScheduled = input.scheduledAt !== undefined || input.cron !== undefined;
  const startsAt = isScheduled ? firstRun({ ...input, timeZone }, now) : now;
  const pace = paceLimits(ctx, { delayMs: delayOf(input) ?? 0 }, sessions);
  const { quietHours } = options;
  const quietMinutes = quietHours ? (quietHours.to - quietHours.from + DAY_MINUTES) % DAY_MINUTES : 0;
  const isReal = ctx.config.waServer === null;
  const minutesADay = DAY_MINUTES - quietMinutes;
  const perDay = options.dailyCap === undefined ? null : options.dailyCap * sessions.length;
  const contactsAt = (at: number) =>
    sumOf(
      sessions.map((one) => campaignContacts(ctx.config.pacing, options, one, { now: at, isReal }).perDay),
    );
  const neverContacted = await countStrangers(ctx, sessions, target, recipients);
  const isLimited = contactsAt(startsAt) !== null;
  const strangers = isLimited ? neverContacted : null;
  const all = { recipients, pace, minutesADay, startsAt };
  const paced = durationOf({ ...all, capOf: () => perDay });
  const slowed = durationOf({ ...all, recipients: strangers ?? 0, capOf: contactsAt });
  const isSlower = slowed === null || (paced !== null && slowed > paced);
  const durationMs = isSlower ? slowed : paced;
  return {
    recipients,
    invalid,
    unclear: await readUnclear(ctx, target.numbers ?? []),
    duplicates: (target.found.duplicates ?? 0) + audience.duplicates,
    optedOut,
    ratePerMinute: Math.round(pace.perMinute * 10) / 10,
    perHour: Math.floor(hourlyOf(pace)),
    perDay,
    strangers,
    neverContacted,
    newContactsDays: isLimited ? daysOf(slowed, neverContacted) : null,
    missing: audience.missing,
    lookedThrough: audience.looked,
    newContactsPerDay: contactsAt(startsAt),
    limitedBy: isSlower ? 'new_contacts' : limitOf(perDay, (hourlyOf(pace) * minutesADay) / HOUR_MINUTES),
    quietMinutes,
    startsAt: new Date(startsAt).toISOString(),
    durationSeconds: durationMs === null ? null : Math.ceil(Math.round(durationMs) / 1000),
    finishesAt: durationMs === null ? null : new Date(startsAt + durationMs).toISOString(),
  };
}

type Pace = ReturnType<typeof paceLimits>;
type Target = Pick<Awaited<ReturnType<typeof targetOf>>, 'listId' | 'numbers'>;

/** The most of an hour. */
const hourlyOf = ({ perMinute, perHour }: Pace): number => Math.min(perHour, perMinute * HOUR_MINUTES);

interface Days {
  recipients: number;
  pace: Pace;
  minutesADay: number;
  startsAt: number;
  capOf(at: number): number | null;
}

/** Day by day, because the first contacts of a young session become more. Null past a year. */
function durationOf({ recipients, pace, minutesADay, startsAt, capOf }: Days): number | null {
  const possible = (hourlyOf(pace) * minutesADay) / HOUR_MINUTES;
  let left = recipients;
  for (let day = 0; day < MAX_DAYS; day++) {
    const today = Math.max(1, Math.min(possible, capOf(startsAt + day * DAY_MS) ?? possible));
    if (left <= today) return day * DAY_MS + minutesFor(left, pace) * MINUTE_MS;
    left -= today;
  }
  return null;
}

/** Days that are begun; null past a year. */
function daysOf(durationMs: number | null, people: number): number | null {
  if (durationMs === null) return null;
  return people === 0 ? 0 : Math.floor(durationMs / DAY_MS) + 1;
}

/** What is to be said, as far as the request tells. */
async function textOf(ctx: Ctx, userId: number, input: EstimateCampaignInput): Promise<string> {
  const { templateId, message = '' } = input;
  return templateId === undefined ? message : (await findTemplate(ctx.db, userId, templateId)).body;
}

/** Whole hours of their share, and what is left at the pace within an hour. */
function minutesFor(messages: number, pace: Pace): number {
  const hourly = Math.max(1, Math.floor(hourlyOf(pace)));
  const hours = Math.max(0, Math.ceil(messages / hourly) - 1);
  return hours * HOUR_MINUTES + (messages - hours * hourly) / pace.perMinute;
}

function limitOf(perDay: number | null, possible: number): CampaignEstimate['limitedBy'] {
  return perDay === null || perDay >= possible ? 'pace' : 'daily_cap';
}

/** Of all sessions together; null when one of them has no limit: it takes those that the others cannot. */
function sumOf(limits: readonly (number | null)[]): number | null {
  return limits.reduce((all, one) => (all === null || one === null ? null : all + one), 0);
}

/** How many of the recipients know none of the sessions: the share of the first ones. */
async function countStrangers(
  { db }: Ctx,
  sessions: readonly { id: string; userId: number }[],
  target: Target,
  recipients: number,
): Promise<number> {
  const phones =
    target.listId === null
      ? (target.numbers ?? []).filter((entry) => !entry.startsWith(INVALID_MARK)).slice(0, SAMPLE_SIZE)
      : await firstOnList(db, target.listId);
  if (phones.length === 0) return 0;
  const people = phones.map((phone) => ({ phone, peer: phoneJid(phone), lid: null }));
  const known = new Set<string>();
  for (const session of sessions) for (const peer of await readKnown(db, session, people)) known.add(peer);
  const strangers = people.filter(({ peer }) => !known.has(peer)).length;
  return Math.round((recipients * strangers) / phones.length);
}

async function firstOnList(db: Db, listId: string): Promise<string[]> {
  const rows = await db
    .select({ phone: broadcastContacts.phone })
    .from(broadcastContacts)
    .where(eq(broadcastContacts.listId, listId))
    .orderBy(asc(broadcastContacts.phone))
    .limit(SAMPLE_SIZE);
  return rows.map(({ phone }) => phone);
}

function countOptedOut(db: Db, userId: number, { listId, numbers }: Target): Promise<number | null> {
  return listId === null ? countNumbers(db, userId, numbers ?? []) : countOnList(db, userId, listId);
}

async function countNumbers(db: Db, userId: number, numbers: readonly string[]): Promise<number> {
  const phones = numbers.filter((entry) => !entry.startsWith(INVALID_MARK));
  let found = 0;
  for await (const batch of inBatches(phones, BATCH_SIZE)) {
    found += (await isOptedOut(db, userId, batch)).size;
  }
  return found;
}

/** From the ledger's side, which is the shorter one. */
async function countOnList(db: Db, userId: number, listId: string): Promise<number | null> {
  let found = 0;
  let seen = 0;
  const batches = readBatches<{ phone: string }>(BATCH_SIZE, (last) =>
    db
      .select({ phone: optOuts.phone })
      .from(optOuts)
      .where(and(eq(optOuts.userId, userId), gt(optOuts.phone, last?.phone ?? '')))
      .orderBy(asc(optOuts.phone))
      .limit(BATCH_SIZE),
  );
  for await (const phones of batches) {
    const keys = await readLedgerKeys(
      db,
      userId,
      phones.map(({ phone }) => phone),
    );
    const [row] = await db
      .select({ n: count() })
      .from(broadcastContacts)
      .where(
        and(
          eq(broadcastContacts.listId, listId),
          inArray(broadcastContacts.phone, [...keys.values()].flat()),
        ),
      );
    found += Number(row?.n ?? 0);
    seen += phones.length;
    if (seen >= MAX_COMPARED) return null;
  }
  return found;
}

async function readUnclear(
  { config }: Pick<Ctx, 'config'>,
  entries: readonly string[],
): Promise<CampaignEstimate['unclear']> {
  const wrong = entries.filter((entry) => entry.startsWith(INVALID_MARK)).slice(0, MAX_READ);
  const read = await mapInTurns(wrong, (entry) => {
    const number = entry.slice(INVALID_MARK.length);
    return { number, readings: readingsIn(number, config.defaultCountry) };
  });
  return read.filter(({ readings }) => readings.length > 1).slice(0, MAX_UNCLEAR);
}
