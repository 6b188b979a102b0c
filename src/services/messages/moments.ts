import { parseLocalTime, zoneClock } from '../../utils/time-zone.ts';

/** Epoch milliseconds of a moment as the schemas read it: a local time is one of that zone. Null for none, and for a text that is no time. */
export function instantOf(moment: number | string | undefined, timeZone: string): number | null {
  if (typeof moment !== 'string') return moment ?? null;
  const local = parseLocalTime(moment);
  return local === null ? null : zoneClock(timeZone).fromLocal(local);
}
