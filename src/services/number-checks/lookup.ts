/** Looks up which numbers are on WhatsApp: cached per tenant, asked for many at a time. */

import { and, gt, inArray } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { incoming, transact, upsert } from '../../db/ops.ts';
import { numberChecks } from '../../db/schema.ts';
import { DAY_MS, HOUR_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { Deps } from '../context.ts';

/** WhatsApp's directory has so long to answer. Our choice. */
export const CHECK_TIMEOUT_MS = 15_000;
/** A number that is there stays; one that is not may be registered any moment. */
const KEEP_PRESENT_MS = 7 * DAY_MS;
const KEEP_ABSENT_MS = HOUR_MS;
/** A number that the directory leaves out so often will not be told. Our choice. */
export const MAX_UNANSWERED = 3;

export interface Lookup {
  /** null: WhatsApp answers, but says nothing of this number */
  exists: boolean | null;
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
 * known to be there, and none may be written to. Who was left out three times within an hour is told as such.
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
  for (const { key, registered, jid, lid, unanswered } of rows) {
    const phone = key.slice(key.indexOf(':') + 1);
    if (unanswered === 0) found.set(phone, { exists: registered, jid, lid });
    else if (unanswered >= MAX_UNANSWERED) found.set(phone, NO_ANSWER);
    else tries.set(phone, unanswered);
  }
  const unknown = phones.filter((phone) => !found.has(phone));
  if (unknown.length === 0) return found;
  const checks = await deps.commands.run(accountId, 'check_numbers', { phones: unknown }, CHECK_TIMEOUT_MS);
  for (const { phone, exists, jid, lid } of checks) found.set(phone, { exists, jid, lid });
  const leftOut = unknown.filter((phone) => !found.has(phone));
  const waiting = leftOut.filter((phone) => (tries.get(phone) ?? 0) + 1 < MAX_UNANSWERED);
  const fresh = [
    ...checks.map(({ phone, ...answer }) => checkRow(keyOf(phone), answer, now)),
    ...leftOut.map((phone) => ({
      ...checkRow(keyOf(phone), { exists: false, jid: null, lid: null }, now),
      unanswered: (tries.get(phone) ?? 0) + 1,
    })),
  ];
  await transact(deps.database, (tx) => writeChecks(tx, fresh));
  if (waiting.length > 0) {
    throw new AppError('UNAVAILABLE', 'WhatsApp gave no answer about some of the numbers.');
  }
  for (const phone of leftOut) found.set(phone, NO_ANSWER);
  return found;
}

const NO_ANSWER: Lookup = { exists: null, jid: null, lid: null };

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
