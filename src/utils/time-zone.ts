/** Days and hours of an IANA time zone; everything else in the service is UTC. */
import { LRUCache } from 'lru-cache';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './durations.ts';

/** Zones change their offset at multiples of this (the half hour of Lord Howe included). */
const STEP_MS = 15 * MINUTE_MS;
/** Offsets of one zone that are kept: fifty days of a quarter of an hour each. */
const MAX_OFFSETS = 5_000;
/** Clocks that are kept. A client names the zone, so there must be a bound; the world has about 600. */
const MAX_ZONES = 100;

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
  /** The instant at which the local day `date` (`2026-01-31`) begins. */
  startOfDate(date: string): number;
  /** The local time of the zone, as the epoch milliseconds at which a clock on UTC shows the same. */
  toLocal(instant: number): number;
  /** The instant at which the zone's clocks show `local`, the reverse of `toLocal`. */
  fromLocal(local: number): number;
}

/** A part of every day, in whole minutes after midnight. `from` may be later than `to`: then it goes over midnight. */
export interface DailySpan {
  from: number;
  to: number;
}

const clocks = new LRUCache<string, ZoneClock>({ max: MAX_ZONES });

/** True for an IANA zone. */
export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** The clock of that zone. Throws RangeError for a name that is no time zone. */
export function zoneClock(timeZone: string): ZoneClock {
  const known = clocks.get(timeZone);
  if (known) return known;
  const made = createZoneClock(timeZone);
  clocks.set(timeZone, made);
  return made;
}

function createZoneClock(timeZone: string): ZoneClock {
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
  const offsets = new Map<number, number>();

  function offsetAt(instant: number): number {
    const step = Math.floor(instant / STEP_MS) * STEP_MS;
    const known = offsets.get(step);
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
    if (offsets.size >= MAX_OFFSETS) offsets.clear();
    offsets.set(step, local - step);
    return local - step;
  }

  const clock: ZoneClock = {
    at(instant) {
      const local = instant + offsetAt(instant);
      return {
        date: new Date(local).toISOString().slice(0, 10),
        hour: Math.floor(timeOfDay(local) / HOUR_MS),
      };
    },
    startOfDay(instant) {
      const local = instant + offsetAt(instant);
      const midnight = local - timeOfDay(local);
      // The offset at midnight counts; on the day of a change it is another one than now.
      return midnight - offsetAt(midnight - offsetAt(instant));
    },
    startOfDate(date) {
      const noon = Date.parse(`${date}T12:00:00Z`);
      // Noon in UTC may be on the local day before or after.
      const days = [0, -DAY_MS, DAY_MS].find((days) => clock.at(noon + days).date === date) ?? 0;
      return clock.startOfDay(noon + days);
    },
    toLocal: (instant) => instant + offsetAt(instant),
    fromLocal(local) {
      const first = local - offsetAt(local);
      return local - offsetAt(first);
    },
  };
  return clock;
}

const LOCAL_TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?$/;

/** False for a day that no calendar has, such as 2026-02-30, which `Date` takes for another one. */
export function isCalendarDay(day: string): boolean {
  const at = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day);
}

/**
 * A time without a zone, `2026-01-31T08:00` or with a blank and seconds, as the epoch milliseconds at which a clock on UTC shows
 * it; null for another form, and for what no calendar or clock has. `ZoneClock.fromLocal` makes an instant of it.
 */
export function parseLocalTime(text: string): number | null {
  if (!LOCAL_TIME.test(text) || !isCalendarDay(text.slice(0, 10))) return null;
  const at = Date.parse(`${text.replace(' ', 'T')}Z`);
  // 24:00 is a time of the next day.
  return Number.isNaN(at) || text.slice(11, 13) === '24' ? null : at;
}

/** `2026-01-31 08:00`: an instant (epoch milliseconds) as the clocks of the zone show it. Throws as `zoneClock`. */
export function minuteText(timeZone: string, instant: number): string {
  return new Date(zoneClock(timeZone).toLocal(instant)).toISOString().slice(0, 16).replace('T', ' ');
}

/**
 * The instant at which the daily span that holds `instant` ends there; null outside of it. The hours until then are
 * those of the zone's clocks as they are now.
 */
export function spanEnd(timeZone: string, { from, to }: DailySpan, instant: number): number | null {
  const minute = Math.floor(timeOfDay(zoneClock(timeZone).toLocal(instant)) / MINUTE_MS);
  const isInside = from <= to ? minute >= from && minute < to : minute >= from || minute < to;
  if (!isInside) return null;
  const left = (to - minute + DAY_MINUTES) % DAY_MINUTES;
  return instant - (instant % MINUTE_MS) + left * MINUTE_MS;
}

const DAY_MINUTES = DAY_MS / MINUTE_MS;

/** Milliseconds since local midnight. */
const timeOfDay = (local: number) => ((local % DAY_MS) + DAY_MS) % DAY_MS;

const zonesByCountry = new Map<string, readonly string[]>();

/** The IANA zones of a country (two letters), as ICU knows them. Throws RangeError for what cannot be one. */
export function zonesOfCountry(country: string): readonly string[] {
  const known = zonesByCountry.get(country);
  if (known) return known;
  // An accessor on older versions of V8, a method on newer ones.
  const locale: object & { timeZones?: unknown; getTimeZones?: unknown } = new Intl.Locale(`und-${country}`);
  const zones: unknown =
    typeof locale.getTimeZones === 'function' ? locale.getTimeZones.call(locale) : locale.timeZones;
  const found = Array.isArray(zones) ? zones.filter((zone) => typeof zone === 'string') : [];
  zonesByCountry.set(country, found);
  return found;
}

/** The zone of a country by which times without a zone are read: Jakarta for Indonesia, UTC where there are several. */
export function mainZoneOf(country: string): string {
  if (country === 'ID') return 'Asia/Jakarta';
  const zones = zonesOfCountry(country);
  return (zones.length === 1 && zones[0]) || 'UTC';
}
