import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waAliases } from '../../src/db/schema.ts';
import { learnAlias } from '../../src/services/messages/aliases.ts';
import { findSubscriber } from '../../src/whatsapp/subscribers.ts';
import { openTestDatabase, type TestDatabase } from '../helpers/database.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase();
});
afterAll(() => test.close());

const DIALLED = '628111111111';
const ACCOUNT = '628222222222';

describe('a number that WhatsApp knows under another spelling', () => {
  it('is found from every spelling, by its own user only, and the newest answer counts', async () => {
    const { db } = test;
    await learnAlias(db, 1, { alias: DIALLED, phone: '628200000000', lid: null }, 1);
    await learnAlias(db, 1, { alias: DIALLED, phone: ACCOUNT, lid: '77' }, 2);
    const rows = await db.select().from(waAliases).where(eq(waAliases.userId, 1));
    expect(rows).toEqual([{ userId: 1, alias: DIALLED, phone: ACCOUNT, lid: '77', updatedAt: 2 }]);
    for (const phone of [DIALLED, ACCOUNT]) {
      const { spellings } = await findSubscriber(db, 1, phone);
      expect(spellings.toSorted()).toEqual([ACCOUNT, DIALLED].toSorted());
      expect((await findSubscriber(db, 2, phone)).spellings).toEqual([phone]);
    }
  });
});
