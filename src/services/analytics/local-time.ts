import { type SQL, sql } from 'drizzle-orm';
import type { DbColumn } from '../../db/types.ts';
import { DAY_MS, MINUTE_MS } from '../../utils/durations.ts';
import type { ZoneClock } from '../../utils/time-zone.ts';

/** Zones change their offset at multiples of this. */
const STEP_MS = 15 * MINUTE_MS;

/**
 * The local time of the zone at the time in `column`, as the milliseconds at which UTC shows the same; for times
 * between `from` and `to`. Rest and quotient give hours and days, in SQL of both databases.
 */
export function localTime(
  column: DbColumn | SQL | SQL.Aliased,
  zone: ZoneClock,
  from: number,
  to: number,
): SQL {
  const spans = offsetsOf(zone, from, to);
  const last = spans.pop();
  const offset = last?.offset ?? 0;
  if (spans.length === 0) return sql`(${column} + ${offset})`;
  const cases = spans.map(({ before, offset }) => sql`when ${column} < ${before} then ${offset}`);
  return sql`(${column} + case ${sql.join(cases, sql` `)} else ${offset} end)`;
}

/** Two or four in a year. */
function offsetsOf(zone: ZoneClock, from: number, to: number): { before: number; offset: number }[] {
  const offsetAt = (at: number) => zone.toLocal(at) - at;
  const spans: { before: number; offset: number }[] = [];
  let at = from - (from % STEP_MS);
  while (at < to) {
    const offset = offsetAt(at);
    let end = at;
    while (end < to && offsetAt(end) === offset) end += DAY_MS;
    // It changed within the last day that was gone over.
    let low = Math.max(at, end - DAY_MS);
    while (end < to && low + STEP_MS < end) {
      const middle = low + Math.floor((end - low) / STEP_MS / 2) * STEP_MS;
      if (offsetAt(middle) === offset) low = middle;
      else end = middle;
    }
    spans.push({ before: end, offset });
    at = end;
  }
  return spans;
}
