import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { rawRows } from '../../src/db/ops.ts';
import { openTestDatabase } from '../helpers/database.ts';

test('the connection that writes keeps 32 MiB of pages', async () => {
  const { db, close } = await openTestDatabase();
  // What is no select goes to that connection.
  expect(await rawRows(db, sql`pragma cache_size`)).toEqual([{ cache_size: -32_768 }]);
  await close();
});
