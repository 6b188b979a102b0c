import { normalizePhone } from '../../utils/phone.ts';
import { phoneJid } from '../../whatsapp/jid.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';

/** How the service reads a number that a person wrote. Throws INVALID_NUMBER. */
export function formatPhone(
  ctx: Ctx,
  input: { number: string },
): { original: string; formatted: string; whatsappFormat: string } {
  requireScope(ctx, 'read');
  const formatted = normalizePhone(input.number, ctx.config.defaultCountry);
  return { original: input.number, formatted, whatsappFormat: phoneJid(formatted) };
}
