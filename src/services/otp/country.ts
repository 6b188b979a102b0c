/** Where codes may go: what the service allows, and of that what the tenant wants. */
import { eq } from 'drizzle-orm';
import {
  getCountries,
  getCountryCallingCode,
  isSupportedCountry,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';
import { transact, upsert } from '../../db/ops.ts';
import { otpSettings } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { formatE164 } from '../../utils/phone.ts';
import { requireFullAccess, requireScope } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';

export interface OtpSettings {
  /** ISO 3166 alpha-2; null: every country that the service allows */
  allowedCountries: string[] | null;
}

/** The country of E.164 digits; null for numbers of no country (satellites, freephone) or of none that is known. */
export function countryOf(phone: string): string | null {
  return parsePhoneNumberFromString(formatE164(phone))?.country ?? null;
}

/** Calling codes that one country has alone; null: several share it. */
const LONELY: ReadonlyMap<string, string | null> = readLonely();

function readLonely(): Map<string, string | null> {
  const lonely = new Map<string, string | null>();
  for (const country of getCountries()) {
    const code = String(getCountryCallingCode(country));
    lonely.set(code, lonely.has(code) ? null : country);
  }
  return lonely;
}

/** Calling codes that tell the country by themselves. */
export const COUNTRY_CODES: readonly string[] = [...LONELY].flatMap(([code, country]) =>
  country ? [code] : [],
);

/** The same for very many numbers: most calling codes belong to one country, and need no look at the rest. */
export function quickCountryOf(phone: string): string | null {
  for (const length of [1, 2, 3]) {
    const country = LONELY.get(phone.slice(0, length));
    if (country !== undefined) return country ?? countryOf(phone);
  }
  return countryOf(phone);
}

/** Throws FORBIDDEN when codes may not go to this number's country; `settings` are the tenant's. */
export function requireCountry(ctx: Ctx, phone: string, settings: OtpSettings): void {
  const { allowedCountries: ofService } = ctx.config.otp;
  const { allowedCountries: ofTenant } = settings;
  if (ofService === null && ofTenant === null) return;
  const country = countryOf(phone);
  const allows = (list: string[] | null) => list === null || (country !== null && list.includes(country));
  if (allows(ofService) && allows(ofTenant)) return;
  throw new AppError('FORBIDDEN', 'Codes may not be sent to numbers of this country.', {
    details: { country },
    hint: allows(ofService)
      ? 'Let the country in with PUT /otp/settings, or send to a number of a country in `allowedCountries` there.'
      : 'Whoever runs the service can let the country in (OTP_ALLOWED_COUNTRIES). Send to a number of another country.',
  });
}

/** The tenant's choice. */
export async function getOtpSettings(ctx: Ctx): Promise<OtpSettings> {
  requireScope(ctx, 'otp');
  const { allowedCountries } = otpSettings;
  const [row] = await ctx.db
    .select({ allowedCountries })
    .from(otpSettings)
    .where(eq(otpSettings.userId, ctx.actor.userId));
  return { allowedCountries: row?.allowedCountries ?? null };
}

/**
 * Replaces what the tenant chose, for all its programs: not with a key of one session or of a scope. Throws FORBIDDEN,
 * VALIDATION_FAILED for what is no country code.
 */
export async function putOtpSettings(ctx: Ctx, input: OtpSettings): Promise<OtpSettings> {
  requireScope(ctx, 'otp');
  requireFullAccess(ctx);
  const names = input.allowedCountries?.map((name) => name.trim().toUpperCase()) ?? null;
  const unknown = names?.find((name) => !isSupportedCountry(name));
  if (unknown !== undefined) {
    const details = { allowedCountries: `${unknown} is not a country code such as ID` };
    throw new AppError('VALIDATION_FAILED', 'Not valid: allowedCountries.', { details });
  }
  const allowedCountries = names === null ? null : [...new Set(names)];
  const updatedAt = ctx.clock.now();
  const { userId } = ctx.actor;
  const row = { userId, allowedCountries, updatedAt };
  await transact(ctx.db, async (tx) => {
    await upsert(tx, otpSettings, row, [otpSettings.userId], { allowedCountries, updatedAt });
    const fact = { userId, event: 'settings.updated' as const, subject: 'otp_countries' };
    await record(tx, ctx, [{ ...fact, data: { allowedCountries }, origin: originOf(ctx) }]);
  });
  return { allowedCountries };
}
