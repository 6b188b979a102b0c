import { zoneClock } from '../../utils/time-zone.ts';

/** Epoch milliseconds of a moment as the schemas read it: a local time is one of that zone. Null for none. */
export function instantOf(moment: number | string | undefined, timeZone: string): number | null {
  if (typeof moment !== 'string') return moment ?? null;
  return zoneClock(timeZone).fromLocal(Date.parse(`${moment.replace(' ', 'T')}Z`));
}
