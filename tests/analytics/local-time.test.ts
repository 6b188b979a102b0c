import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rawRows } from '../../src/db/ops.ts';
import { localTime } from '../../src/services/analytics/local-time.ts';
import { zoneClock } from '../../src/utils/time-zone.ts';
import { openTestDatabase, type TestDatabase } from '../helpers/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const FROM = Date.UTC(2025, 11, 31, 12, 7);
const TO = Date.UTC(2027, 0, 2);
const MINUTE_MS = 60_000;
const ZONES = [
  'UTC',
  'Asia/Jakarta',
  'Asia/Kathmandu',
  'America/New_York',
  'Europe/Berlin',
  'Australia/Lord_Howe',
];

it.each(ZONES)('the database shows what the clocks of %s show, also around each change', async (name) => {
  const zone = zoneClock(name);
  const times = [FROM, TO - 1];
  for (let at = FROM; at < TO; at += 50 * 60 * MINUTE_MS) times.push(at);
  for (let at = FROM - (FROM % (15 * MINUTE_MS)); at < TO; at += 15 * MINUTE_MS) {
    if (zone.toLocal(at) - at !== zone.toLocal(at - 1) - (at - 1)) times.push(at - 1, at);
  }
  const values = sql.join(
    times.map((at) => sql`select ${at} as at`),
    sql` union all `,
  );
  const rows = await rawRows<{ at: number | string; local: number | string }>(
    database.scan,
    sql`select at, ${localTime(sql`at`, zone, FROM, TO)} as local from (${values}) as times`,
  );
  expect(rows).toHaveLength(times.length);
  for (const { at, local } of rows) {
    if (Number(at) >= FROM) expect(Number(local), `${at}`).toBe(zone.toLocal(Number(at)));
  }
});
