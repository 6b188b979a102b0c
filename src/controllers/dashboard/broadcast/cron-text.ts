/** When a repeated campaign runs, as a person says it. */
import cronstrue from 'cronstrue';
import 'cronstrue/locales/id.js';
import { DAY_MS } from '../../../utils/durations.ts';
import type { Lang } from '../i18n.ts';

/** A Sunday, to name the days of the week by. */
const A_SUNDAY = Date.UTC(2024, 0, 7);
/** Minute, hour, day of the month, weekday: what the form offers. */
const SIMPLE = /^(\d{1,2}) (\d{1,2}) (\*|\d{1,2}) \* (\*|[0-7])$/;
const two = (text: string) => text.padStart(2, '0');

/** The name of a day of the week in the language; 0 and 7 are Sunday. */
export function weekdayName(lang: Lang, day: number): string {
  const format = new Intl.DateTimeFormat(lang, { weekday: 'long', timeZone: 'UTC' });
  return format.format(A_SUNDAY + day * DAY_MS);
}

/**
 * `0 9 * * 1` -> `Mondays 09:00`. `cron`: an expression of five fields that was accepted before, at most 120 characters.
 * Never throws: what cannot be said in words is shown as it was written.
 */
export function cronText(lang: Lang, cron: string): string {
  const found = SIMPLE.exec(cron.trim().replace(/\s+/g, ' '));
  if (found) {
    const [, minute = '', hour = '', monthDay = '*', weekday = '*'] = found;
    const at = `${two(hour)}:${two(minute)}`;
    if (monthDay === '*' && weekday === '*') return lang === 'id' ? `Setiap hari ${at}` : `Every day ${at}`;
    if (monthDay === '*') {
      const day = weekdayName(lang, Number(weekday));
      return lang === 'id' ? `Setiap ${day} ${at}` : `${day}s ${at}`;
    }
    if (weekday === '*') {
      return lang === 'id' ? `Tanggal ${monthDay} setiap bulan ${at}` : `Day ${monthDay} of each month ${at}`;
    }
  }
  try {
    return cronstrue.toString(cron, { locale: lang, use24HourTimeFormat: true });
  } catch {
    return cron;
  }
}
