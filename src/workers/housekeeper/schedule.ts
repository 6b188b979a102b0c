/** When the next night is, and when the last one was: the latter survives restarts. */
import { Cron } from 'croner';
import { eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { upsert } from '../../db/ops.ts';
import { settings } from '../../db/schema.ts';

/** 02:00, as the older API did it. */
const NIGHTLY = '0 2 * * *';
const NAME = 'housekeeper.nightly';

/** The first 02:00 of that IANA zone after `instant` (epoch milliseconds). */
export function nightAfter(instant: number, timeZone: string): number {
  const next = new Cron(NIGHTLY, { timezone: timeZone }).nextRun(new Date(instant));
  if (next === null) throw new Error(`there is no night after ${instant} in ${timeZone}`);
  return next.getTime();
}

/** When the nightly tasks were done last; the first time, now: the coming night is the first. */
export async function readLastNight(db: Db, now: number): Promise<number> {
  const [row] = await db.select().from(settings).where(eq(settings.name, NAME));
  // A night of the future was one of a clock that was ahead.
  if (typeof row?.value === 'number') return Math.min(row.value, now);
  await writeLastNight(db, now);
  return now;
}

export async function writeLastNight(db: Db, now: number): Promise<void> {
  const row = { name: NAME, value: now, updatedAt: now };
  await upsert(db, settings, row, [settings.name], { value: now, updatedAt: now });
}
