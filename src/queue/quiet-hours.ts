/** Hours of the day in which only what is urgent leaves. Pure. */
import { spanEnd } from '../utils/time-zone.ts';

export interface QuietHours {
  /** `21:00`, local time; a span over midnight is one */
  from: string;
  to: string;
  /** IANA */
  timeZone: string;
}

/** When the quiet hours that it is in now end, epoch milliseconds; null outside of them. */
export function quietUntil(quiet: QuietHours | null, now: number): number | null {
  if (quiet === null) return null;
  return spanEnd(quiet.timeZone, { from: minutesOf(quiet.from), to: minutesOf(quiet.to) }, now);
}

/** The quiet hours in a session's settings; null for nothing or nonsense. */
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
