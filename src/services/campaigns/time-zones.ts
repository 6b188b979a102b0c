/** The time of day where a recipient lives, as far as the country of the number tells. */
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { formatE164 } from '../../utils/phone.ts';
import { zonesOfCountry } from '../../utils/time-zone.ts';

const DAY_MINUTES = 1440;
const MINUTE_MS = 60_000;
/** Zones of one country may end their quiet hours one after the other. */
const MAX_ROUNDS = 4;

/** A part of the day in minutes after midnight; `from` may be later than `to`: over midnight. */
export interface QuietHours {
  from: number;
  to: number;
}

const zonesByCountry = new Map<string, readonly string[]>();
const formats = new Map<string, Intl.DateTimeFormat>();

/** Every IANA zone of the country of these E.164 digits, as ICU knows them; UTC for numbers of no country. */
export function zonesOf(phone: string): readonly string[] {
  const country = parsePhoneNumberFromString(formatE164(phone))?.country ?? '';
  const known = zonesByCountry.get(country);
  if (known) return known;
  const found = country === '' ? [] : zonesOfCountry(country);
  const zones = found.length > 0 ? found : ['UTC'];
  zonesByCountry.set(country, zones);
  return zones;
}

/**
 * Until when it is quiet for this number, epoch milliseconds; null when it is not. In a country of several zones it
 * is quiet while it is in any of them; a country whose zones leave no common time goes by its first zone.
 */
export function quietUntil(phone: string, quiet: QuietHours, at: number): number | null {
  const zones = zonesOf(phone);
  let until = at;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const ends = zones.flatMap((zone) => quietEnd(zone, quiet, until) ?? []);
    if (ends.length === 0) return until === at ? null : until;
    until = Math.max(...ends);
  }
  return quietEnd(zones[0] ?? 'UTC', quiet, at);
}

function quietEnd(zone: string, { from, to }: QuietHours, at: number): number | null {
  const minute = Math.floor((at + offsetMs(zone, at)) / MINUTE_MS) % DAY_MINUTES;
  const inside = from <= to ? minute >= from && minute < to : minute >= from || minute < to;
  if (!inside) return null;
  const left = (to - minute + DAY_MINUTES) % DAY_MINUTES;
  return at - (at % MINUTE_MS) + left * MINUTE_MS;
}

/** The beginning of the local day that holds `at`. */
export function startOfDay(zone: string, at: number): number {
  const local = at + offsetMs(zone, at);
  return at - (local % (DAY_MINUTES * MINUTE_MS));
}

/** What the zone's clocks are ahead of UTC at that time, whole minutes in milliseconds. Throws for no IANA zone. */
export function offsetMs(zone: string, at: number): number {
  const parts = new Map(
    formatOf(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0;
  const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'));
  return local - (at - (at % MINUTE_MS));
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  formats.set(zone, made);
  return made;
}

/** The instant at which the zone's clocks show `local` (epoch milliseconds as if they stood on UTC). */
export function fromLocal(local: number, zone: string): number {
  const first = local - offsetMs(zone, local);
  return local - offsetMs(zone, first);
}
