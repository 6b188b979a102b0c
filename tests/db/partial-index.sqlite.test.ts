/** What belongs to no campaign costs its index nothing, and campaigns still find theirs by it. */
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { rawRows } from '../../src/db/ops.ts';
import { openTestDatabase } from '../helpers/database.ts';

test('the index of campaigns holds their messages alone, and finds them', async () => {
  const { db, close } = await openTestDatabase();
  const plan = await rawRows<{ detail: string }>(
    db,
    sql`explain query plan select id from messages where campaign_id = ${'c'} and status = ${'failed'} order by id`,
  );
  expect(plan.map(({ detail }) => detail).join()).toContain('messages_campaign_ix');
  const [index] = await rawRows<{ partial: number }>(
    db,
    sql`select "partial" from pragma_index_list('messages') where name = 'messages_campaign_ix'`,
  );
  expect(index).toEqual({ partial: 1 });
  await close();
});
