/** Days and hours of an IANA time zone; everything else in the service is UTC. */

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Zones change their offset at multiples of this (the half hour of Lord Howe included). */
const STEP_MS = 900_000;
const MAX_KEPT = 5_000;

export interface LocalTime {
  /** `2026-01-31` */
  date: string;
  /** 0 to 23 */
  hour: number;
}

export interface ZoneClock {
  /** Local date and hour of an instant (epoch milliseconds). */
  at(instant: number): LocalTime;
  /** The instant at which the local day of `instant` began. */
  startOfDay(instant: number): number;
}

/** True for an IANA zone. */
export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** A clock of that zone. Throws RangeError for a name that is no time zone. */
export function createZoneClock(timeZone: string): ZoneClock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const kept = new Map<number, number>();

  function offsetAt(instant: number): number {
    const step = Math.floor(instant / STEP_MS) * STEP_MS;
    const known = kept.get(step);
    if (known !== undefined) return known;
    const parts = new Map(format.formatToParts(step).map((part) => [part.type, Number(part.value)]));
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    const local = Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    );
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(step, local - step);
    return local - step;
  }

  return {
    at(instant) {
      const local = instant + offsetAt(instant);
      return { date: new Date(local).toISOString().slice(0, 10), hour: Math.floor(mod(local) / HOUR_MS) };
    },
    startOfDay(instant) {
      const local = instant + offsetAt(instant);
      const midnight = local - mod(local);
      // The offset at midnight counts; on the day of a change it is another one than now.
      return midnight - offsetAt(midnight - offsetAt(instant));
    },
  };
}

const mod = (local: number) => ((local % DAY_MS) + DAY_MS) % DAY_MS;

/** The IANA zones of a country (two letters), as ICU knows them. */
export function zonesOfCountry(country: string): readonly string[] {
  // An accessor on older versions of V8, a method on newer ones.
  const locale: object & { timeZones?: unknown; getTimeZones?: unknown } = new Intl.Locale(`und-${country}`);
  const zones: unknown =
    typeof locale.getTimeZones === 'function' ? locale.getTimeZones.call(locale) : locale.timeZones;
  return Array.isArray(zones) ? zones.filter((zone) => typeof zone === 'string') : [];
}

/** The zone of a country by which times without a zone are read: Jakarta for Indonesia, UTC where there are several. */
export function mainZoneOf(country: string): string {
  if (country === 'ID') return 'Asia/Jakarta';
  const zones = zonesOfCountry(country);
  return (zones.length === 1 && zones[0]) || 'UTC';
}
