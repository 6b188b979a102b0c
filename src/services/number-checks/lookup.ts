/** Looks up which numbers are on WhatsApp: cached per tenant, asked for many at a time. */

import { and, gt, inArray } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { incoming, transact, upsert } from '../../db/ops.ts';
import { numberChecks } from '../../db/schema.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { Deps } from '../context.ts';

/** WhatsApp's directory has so long to answer. Our choice. */
export const CHECK_TIMEOUT_MS = 15_000;
/** A number that is there stays; one that is not may be registered any moment. */
const KEEP_PRESENT_MS = 7 * DAY_MS;
const KEEP_ABSENT_MS = HOUR_MS;
/** A number that the directory leaves out so often in a row keeps the others waiting no longer. Our choice. */
export const MAX_UNANSWERED = 3;
/** It is asked for again after these pauses, for a day together. Our choice. */
const ASK_AGAIN_MS = [10 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, 8 * HOUR_MS, 11 * HOUR_MS];
/** What is known of such a number outlasts the longest of them. */
const KEEP_UNANSWERED_MS = DAY_MS;

export interface Lookup {
  /** null: WhatsApp answers, but says nothing of this number */
  exists: boolean | null;
  /** when it is asked for again (epoch milliseconds), where nothing was said; missing: it is not, after a day of that */
  againAt?: number;
  /** as WhatsApp spells it, which may be another number than was asked */
  jid: string | null;
  lid: string | null;
}

interface SendingSession {
  accountId: string;
  userId: number;
}

/**
 * WhatsApp's answer about each phone. Throws UNAVAILABLE when it does not answer, or leaves some out: then none of them is
 * known to be there, and none may be written to. Who was left out three times is told as such, with when there is another try.
 */
export async function lookUpNumbers(
  deps: Pick<Deps, 'database' | 'db' | 'clock' | 'commands'>,
  { accountId, userId }: SendingSession,
  phones: readonly string[],
): Promise<Map<string, Lookup>> {
  const now = deps.clock.now();
  const keyOf = (phone: string) => `${userId}:${phone}`;
  const found = new Map<string, Lookup>();
  if (phones.length === 0) return found;
  const rows = await deps.db
    .select()
    .from(numberChecks)
    .where(and(inArray(numberChecks.key, phones.map(keyOf)), gt(numberChecks.expiresAt, now)));
  const tries = new Map<string, number>();
  for (const { key, registered, jid, lid, unanswered, checkedAt } of rows) {
    const phone = key.slice(key.indexOf(':') + 1);
    const silent = noAnswer(unanswered, checkedAt);
    if (unanswered === 0) found.set(phone, { exists: registered, jid, lid });
    else if (unanswered >= MAX_UNANSWERED && (silent.againAt ?? now + 1) > now) found.set(phone, silent);
    else tries.set(phone, unanswered);
  }
  const unknown = phones.filter((phone) => !found.has(phone));
  if (unknown.length === 0) return found;
  const checks = await deps.commands.run(accountId, 'check_numbers', { phones: unknown }, CHECK_TIMEOUT_MS);
  for (const { phone, exists, jid, lid } of checks) found.set(phone, { exists, jid, lid });
  const leftOut = unknown.filter((phone) => !found.has(phone));
  const timesOf = (phone: string) => (tries.get(phone) ?? 0) + 1;
  const waiting = leftOut.filter((phone) => timesOf(phone) < MAX_UNANSWERED);
  const fresh = [
    ...checks.map(({ phone, ...answer }) => checkRow(keyOf(phone), answer, now)),
    ...leftOut.map((phone) => silentRow(keyOf(phone), timesOf(phone), now)),
  ];
  await transact(deps.database, (tx) => writeChecks(tx, fresh));
  if (waiting.length > 0) {
    throw new AppError('UNAVAILABLE', 'WhatsApp gave no answer about some of the numbers.');
  }
  for (const phone of leftOut) found.set(phone, noAnswer(timesOf(phone), now));
  return found;
}

/** What is told of a number that was left out so many times, the last time at `askedAt`. */
function noAnswer(unanswered: number, askedAt: number): Lookup {
  const pauseMs = ASK_AGAIN_MS[unanswered - MAX_UNANSWERED];
  const none = { exists: null, jid: null, lid: null };
  return pauseMs === undefined ? none : { ...none, againAt: askedAt + pauseMs };
}

/** After the last try it is forgotten as soon as a number that is not there: whoever comes later asks afresh. */
function silentRow(key: string, unanswered: number, now: number): CheckRow {
  const row = checkRow(key, { exists: false, jid: null, lid: null }, now);
  const isLast = unanswered >= MAX_UNANSWERED && noAnswer(unanswered, now).againAt === undefined;
  return { ...row, unanswered, ...(isLast ? {} : { expiresAt: now + KEEP_UNANSWERED_MS }) };
}

type CheckRow = typeof numberChecks.$inferSelect;

/** What is kept of an answer that was given now (epoch milliseconds). */
export function checkRow(
  key: string,
  { exists: registered, jid, lid }: { exists: boolean; jid: string | null; lid: string | null },
  now: number,
): CheckRow {
  const expiresAt = now + (registered ? KEEP_PRESENT_MS : KEEP_ABSENT_MS);
  return { key, registered, jid, lid, checkedAt: now, expiresAt, unanswered: 0 };
}

/** Keeps answers in place of those before. */
export async function writeChecks(tx: Db | Tx, rows: readonly CheckRow[]): Promise<void> {
  if (rows.length === 0) return;
  const { registered, jid, lid, checkedAt, expiresAt, unanswered } = numberChecks;
  await upsert(tx, numberChecks, [...rows], [numberChecks.key], {
    registered: incoming(registered),
    jid: incoming(jid),
    lid: incoming(lid),
    checkedAt: incoming(checkedAt),
    expiresAt: incoming(expiresAt),
    unanswered: incoming(unanswered),
  });
}
