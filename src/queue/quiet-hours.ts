/** Hours of the day in which only what is urgent leaves. Pure. */

export interface QuietHours {
  /** `21:00`, local time; a span over midnight is one */
  from: string;
  to: string;
  /** IANA */
  timeZone: string;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const formats = new Map<string, Intl.DateTimeFormat>();

/** When the quiet hours that it is in now end, epoch milliseconds; null outside of them. */
export function quietUntil(quiet: QuietHours | null, now: number): number | null {
  if (quiet === null) return null;
  const from = minutesOf(quiet.from);
  const to = minutesOf(quiet.to);
  const minute = minuteOfDay(now, quiet.timeZone);
  const isQuiet = from <= to ? minute >= from && minute < to : minute >= from || minute < to;
  if (!isQuiet) return null;
  const left = (to - minute + DAY_MINUTES) % DAY_MINUTES;
  return now - (now % MINUTE_MS) + left * MINUTE_MS;
}

/** What the session's settings say; null for nothing or nonsense. */
export function readQuietHours(value: unknown): QuietHours | null {
  if (typeof value !== 'object' || value === null) return null;
  const { from, to, timeZone } = { from: '', to: '', timeZone: '', ...value };
  const isClock = (text: unknown): text is string => typeof text === 'string' && /^\d\d:\d\d$/.test(text);
  return isClock(from) && isClock(to) && typeof timeZone === 'string' ? { from, to, timeZone } : null;
}

function minutesOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * 60 + minutes;
}

function minuteOfDay(now: number, timeZone: string): number {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    formats.set(timeZone, format);
  }
  return minutesOf(format.format(now));
}
