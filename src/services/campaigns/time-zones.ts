/** The time of day where a recipient lives, as far as the country of the number tells. */
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { formatE164 } from '../../utils/phone.ts';
import { type DailySpan, spanEnd, zonesOfCountry } from '../../utils/time-zone.ts';

/** Zones of one country may end their quiet hours one after the other. */
const MAX_ROUNDS = 4;

/** Every IANA zone of the country of these E.164 digits, as ICU knows them; UTC for numbers of no country. */
export function zonesOf(phone: string): readonly string[] {
  const country = parsePhoneNumberFromString(formatE164(phone))?.country ?? '';
  const zones = country === '' ? [] : zonesOfCountry(country);
  return zones.length > 0 ? zones : ['UTC'];
}

/**
 * Until when it is quiet for this number, epoch milliseconds; null when it is not. In a country of several zones it
 * is quiet while it is in any of them; a country whose zones leave no common time goes by its first zone.
 */
export function quietUntil(phone: string, quiet: DailySpan, at: number): number | null {
  const zones = zonesOf(phone);
  let until = at;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const ends = zones.flatMap((zone) => spanEnd(zone, quiet, until) ?? []);
    if (ends.length === 0) return until === at ? null : until;
    until = Math.max(...ends);
  }
  return spanEnd(zones[0] ?? 'UTC', quiet, at);
}
