/** Looks up which numbers are on WhatsApp: cached per tenant, asked for many at a time. */

import { and, gt, inArray } from 'drizzle-orm';
import { incoming, transact, upsert } from '../../db/ops.ts';
import { numberChecks } from '../../db/schema.ts';
import { DAY_MS, HOUR_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { Deps } from '../context.ts';

const CHECK_TIMEOUT_MS = 15_000;
/** A number that is there stays; one that is not may be registered any moment. */
const KEEP_PRESENT_MS = 7 * DAY_MS;
const KEEP_ABSENT_MS = HOUR_MS;

export interface Lookup {
  exists: boolean;
  /** as WhatsApp spells it, which may be another number than was asked */
  jid: string | null;
  lid: string | null;
}

interface SendingSession {
  accountId: string;
  userId: number;
}

/**
 * WhatsApp's answer about each phone. Throws UNAVAILABLE when it does not answer: then none of them is known to be
 * there, and none may be written to.
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
  for (const { key, registered, jid, lid } of rows) {
    found.set(key.slice(key.indexOf(':') + 1), { exists: registered, jid, lid });
  }
  const unknown = phones.filter((phone) => !found.has(phone));
  if (unknown.length === 0) return found;
  const checks = await deps.commands.run(accountId, 'check_numbers', { phones: unknown }, CHECK_TIMEOUT_MS);
  const fresh = checks.map(({ phone, exists: registered, jid, lid }) => ({
    key: keyOf(phone),
    registered,
    jid,
    lid,
    checkedAt: now,
    expiresAt: now + (registered ? KEEP_PRESENT_MS : KEEP_ABSENT_MS),
  }));
  if (fresh.length > 0) {
    const { registered, jid, lid, checkedAt, expiresAt } = numberChecks;
    await transact(deps.database, (tx) =>
      upsert(tx, numberChecks, fresh, [numberChecks.key], {
        registered: incoming(registered),
        jid: incoming(jid),
        lid: incoming(lid),
        checkedAt: incoming(checkedAt),
        expiresAt: incoming(expiresAt),
      }),
    );
  }
  for (const { phone, exists, jid, lid } of checks) found.set(phone, { exists, jid, lid });
  if (unknown.some((phone) => !found.has(phone))) {
    throw new AppError('UNAVAILABLE', 'WhatsApp gave no answer about some of the numbers.');
  }
  return found;
}
