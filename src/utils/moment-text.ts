/** Moments in words, with the name of their zone: `04:00 WIB`. */
import { LRUCache } from 'lru-cache';
import { zoneClock } from './time-zone.ts';

type Lang = 'en' | 'id';

const formats = new LRUCache<string, Intl.DateTimeFormat>({ max: 200 });

function formatOf(lang: Lang, timeZone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify([lang, timeZone, options]);
  const known = formats.get(key);
  if (known) return known;
  const locale = lang === 'en' ? 'en-GB' : 'id-ID';
  const made = new Intl.DateTimeFormat(locale, { ...options, timeZone });
  formats.set(key, made);
  return made;
}

/** The zone's short name at that moment: `WIB`, `CET`, `UTC`, or its distance from UTC where the language has no name. */
export function zoneName(lang: Lang, timeZone: string, at: number): string {
  const nameIn = (one: Lang) =>
    formatOf(one, timeZone, { timeZoneName: 'short' })
      .formatToParts(at)
      .find(({ type }) => type === 'timeZoneName')?.value;
  const name = nameIn(lang) ?? timeZone;
  // Only Indonesian has names for the zones of Indonesia.
  const local = /^(?:GMT|UTC)[+-]/.test(name) ? nameIn('id') : undefined;
  return local !== undefined && /^WI(?:B|T|TA)$/.test(local) ? local : name;
}

/** The moment (epoch milliseconds) as a clock in the zone shows it; with its day unless that is the day of `now`. */
export function momentText(lang: Lang, timeZone: string, at: number, now: number): string {
  const clock = formatOf(lang, timeZone, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const time = clock.format(at).replace('.', ':');
  const zone = zoneClock(timeZone);
  const isToday = zone.at(at).date === zone.at(now).date;
  const day = isToday ? '' : `${formatOf(lang, timeZone, { day: 'numeric', month: 'short' }).format(at)}, `;
  return `${day}${time} ${zoneName(lang, timeZone, at)}`;
}
