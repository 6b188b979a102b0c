/** Whether a number is on WhatsApp, remembered: asking for many numbers again and again looks like a spammer. */

import { and, eq, gt } from 'drizzle-orm';
import { numberChecks } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { normalizePhone } from '../../utils/phone.ts';
import { phoneOf } from '../../whatsapp/jid.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { CHECK_TIMEOUT_MS, checkRow, writeChecks } from '../number-checks/lookup.ts';
import { askOwner } from '../sessions/ask-owner.ts';
import { learnAlias } from './aliases.ts';
import { findOwnSession, requireConnected } from './session.ts';

export interface CheckedNumber {
  exists: boolean;
  jid: string | null;
  /** when WhatsApp said so */
  checkedAt: string;
}

/**
 * WhatsApp's answer about a number: within a week for one that exists, an hour for one that does not, the answer that
 * the tenant was given before. Throws SESSION_NOT_FOUND, NOT_CONNECTED, INVALID_NUMBER, or UNAVAILABLE when WhatsApp
 * did not answer in time.
 */
export async function checkNumber(
  ctx: Ctx,
  input: { session: string; phoneNumber: string },
): Promise<CheckedNumber> {
  requireScope(ctx, 'read');
  const session = await findOwnSession(ctx, input.session);
  requireConnected(session);
  const phone = normalizePhone(input.phoneNumber, ctx.config.defaultCountry);
  const key = `${session.userId}:${phone}`;
  const now = ctx.clock.now();
  const [known] = await ctx.db
    .select()
    .from(numberChecks)
    .where(and(eq(numberChecks.key, key), gt(numberChecks.expiresAt, now), eq(numberChecks.unanswered, 0)));
  if (known) return toAnswer(known);
  const [check] = await askOwner(ctx, session, 'check_numbers', { phones: [phone] }, CHECK_TIMEOUT_MS);
  if (!check) throw new AppError('UNAVAILABLE', 'WhatsApp gave no answer about this number.');
  const { jid, lid } = check;
  const account = phoneOf(jid);
  if (account !== null && account !== phone) {
    await learnAlias(ctx.db, session.userId, { alias: phone, phone: account, lid }, now);
  }
  const fresh = checkRow(key, check, now);
  await writeChecks(ctx.db, [fresh]);
  return toAnswer(fresh);
}

function toAnswer(row: { registered: boolean; jid: string | null; checkedAt: number }): CheckedNumber {
  return { exists: row.registered, jid: row.jid, checkedAt: new Date(row.checkedAt).toISOString() };
}
