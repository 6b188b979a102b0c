import { AppError } from '../../utils/errors.ts';
import { normalizePhone } from '../../utils/phone.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { findOwnSession, requireConnected } from './session.ts';

const CHECK_TIMEOUT_MS = 15_000;

/**
 * Asks WhatsApp whether a number is on it. Throws SESSION_NOT_FOUND, NOT_CONNECTED, INVALID_NUMBER, or UNAVAILABLE
 * when WhatsApp did not answer in time.
 */
export async function checkNumber(
  ctx: Ctx,
  input: { session: string; phoneNumber: string },
): Promise<{ exists: boolean; jid: string | null }> {
  requireScope(ctx, 'read');
  const session = await findOwnSession(ctx, input.session);
  requireConnected(session);
  const phone = normalizePhone(input.phoneNumber, ctx.config.defaultCountry);
  const [check] = await ctx.commands.run(session.id, 'check_numbers', { phones: [phone] }, CHECK_TIMEOUT_MS);
  if (!check) throw new AppError('UNAVAILABLE', 'WhatsApp gave no answer about this number.');
  return { exists: check.exists, jid: check.jid };
}
