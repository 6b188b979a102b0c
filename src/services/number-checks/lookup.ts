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
/** It is asked for again after these pauses, which are longer than `PATIENCE_MS` together. Our choice. */
const ASK_AGAIN_MS = [MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, 40 * MINUTE_MS];
/** When it is silent still so long after the first question, nobody waits for it any more. Our choice. */
const PATIENCE_MS = HOUR_MS;
/** So long after the first question its silence is forgotten: nights of quiet hours and daily campaigns do not begin again. */
const KEEP_UNANSWERED_MS = 7 * DAY_MS;

export interface Lookup {
  /** null: WhatsApp answers, but says nothing of this number */
  exists: boolean | null;
  /** when it is asked for again (epoch milliseconds), where nothing was said; missing: it was silent for over an hour */
  againAt?: number;
  /** as WhatsApp spells it, which may be another number than was asked */
  jid: string | null;
  lid: string | null;
}

/** What WhatsApp was asked. */
export interface CheckedLookup extends Lookup {
  /** when (epoch milliseconds), which may be long ago */
  checkedAt: number;
}

interface SendingSession {
  accountId: string;
  userId: number;
}

/**
 * WhatsApp's answer about each phone. Throws UNAVAILABLE when it does not answer, or leaves some out: then none of them is
 * known to be there, and none may be written to. Who was left out three times is told as such, with when there is another try.
 * Who is silent for over an hour is asked for once an hour at most, and nobody waits.
 */
export async function lookUpNumbers(
  deps: Pick<Deps, 'database' | 'db' | 'clock' | 'commands'>,
  { accountId, userId }: SendingSession,
  phones: readonly string[],
): Promise<Map<string, CheckedLookup>> {
  const now = deps.clock.now();
  const keyOf = (phone: string) => `${userId}:${phone}`;
  const found = new Map<string, CheckedLookup>();
  if (phones.length === 0) return found;
  const rows = await deps.db
    .select()
    .from(numberChecks)
    .where(and(inArray(numberChecks.key, phones.map(keyOf)), gt(numberChecks.expiresAt, now)));
  const silences = new Map<string, Silence>();
  for (const { key, registered, jid, lid, unanswered, checkedAt, expiresAt } of rows) {
    const phone = key.slice(key.indexOf(':') + 1);
    const silence = { unanswered, checkedAt, since: expiresAt - KEEP_UNANSWERED_MS };
    if (unanswered === 0) found.set(phone, { exists: registered, jid, lid, checkedAt });
    else if (dueAgainAt(silence) > now) found.set(phone, noAnswer(silence));
    else silences.set(phone, silence);
  }
  const unknown = phones.filter((phone) => !found.has(phone));
  if (unknown.length === 0) return found;
  const checks = await deps.commands.run(accountId, 'check_numbers', { phones: unknown }, CHECK_TIMEOUT_MS);
  for (const { phone, exists, jid, lid } of checks) found.set(phone, { exists, jid, lid, checkedAt: now });
  const leftOut = unknown
    .filter((phone) => !found.has(phone))
    .map((phone) => ({ phone, silence: silentStill(silences.get(phone), now) }));
  const fresh = [
    ...checks.map(({ phone, ...answer }) => checkRow(keyOf(phone), answer, now)),
    ...leftOut.map(({ phone, silence }) => silentRow(keyOf(phone), silence)),
  ];
  await transact(deps.database, (tx) => writeChecks(tx, fresh));
  if (leftOut.some(({ silence }) => silence.unanswered < MAX_UNANSWERED)) {
    throw new AppError('UNAVAILABLE', 'WhatsApp gave no answer about some of the numbers.');
  }
  for (const { phone, silence } of leftOut) found.set(phone, noAnswer(silence));
  return found;
}

/** A number that was left out of answers, so many times in a row. */
interface Silence {
  unanswered: number;
  /** the first and the last question (epoch milliseconds) */
  since: number;
  checkedAt: number;
}

const silentStill = (before: Silence | undefined, now: number): Silence => ({
  unanswered: (before?.unanswered ?? 0) + 1,
  since: before?.since ?? now,
  checkedAt: now,
});

/** The pause until the next question; null: it was silent for too long to be waited for. */
function pauseMs({ unanswered, since, checkedAt }: Silence): number | null {
  const isOver = checkedAt - since >= PATIENCE_MS;
  return isOver ? null : (ASK_AGAIN_MS[unanswered - MAX_UNANSWERED] ?? null);
}

/** When somebody may ask for it again: at once until it was left out three times, and later an hour after the last question. */
function dueAgainAt(silence: Silence): number {
  if (silence.unanswered < MAX_UNANSWERED) return silence.checkedAt;
  return silence.checkedAt + (pauseMs(silence) ?? KEEP_ABSENT_MS);
}

function noAnswer(silence: Silence): CheckedLookup {
  const told = { exists: null, jid: null, lid: null, checkedAt: silence.checkedAt };
  const pause = pauseMs(silence);
  return pause === null ? told : { ...told, againAt: silence.checkedAt + pause };
}

function silentRow(key: string, { unanswered, since, checkedAt }: Silence): CheckRow {
  const row = checkRow(key, { exists: false, jid: null, lid: null }, checkedAt);
  return { ...row, unanswered, expiresAt: since + KEEP_UNANSWERED_MS };
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
