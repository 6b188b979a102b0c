import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { learnAlias } from '../../src/services/messages/aliases.ts';
import { findSubscriber, findSubscribers } from '../../src/whatsapp/subscribers.ts';
import { openTestDatabase, type TestDatabase } from '../helpers/database.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase();
});
afterAll(() => test.close());

describe('one subscriber', () => {
  it.each([
    ['5215512345678', '525512345678'],
    ['541123456789', '5491123456789'],
    ['554789211984', '5547989211984'],
    ['22507123456', '2250707123456'],
    ['22997123456', '2290197123456'],
  ])('has one key under %s and %s', async (before, today) => {
    for (const [phone, other] of [
      [before, today],
      [today, before],
    ] as const) {
      expect(await findSubscriber(test.db, 7, phone)).toEqual({ spellings: [phone, other], key: today });
    }
  });

  it('has one key under all that the directory said, to that tenant only', async () => {
    await learnAlias(test.db, 8, { alias: '628111111111', phone: '628222222222', lid: null }, 1);
    await learnAlias(test.db, 8, { alias: '628333333333', phone: '628222222222', lid: null }, 1);
    const all = ['628111111111', '628222222222', '628333333333'];
    const own = await findSubscribers(test.db, 8, all);
    for (const phone of all) {
      expect(own.get(phone)?.key).toBe('628222222222');
      expect(own.get(phone)?.spellings.toSorted()).toEqual(all);
    }
    for (const phone of all) {
      expect(await findSubscriber(test.db, 9, phone)).toEqual({ spellings: [phone], key: phone });
    }
  });

  it('ends, though aliases run in a circle', async () => {
    await learnAlias(test.db, 10, { alias: '628111111111', phone: '628222222222', lid: null }, 1);
    await learnAlias(test.db, 10, { alias: '628222222222', phone: '628111111111', lid: null }, 1);
    const keys = new Set<string>();
    for (const phone of ['628111111111', '628222222222']) {
      const { spellings, key } = await findSubscriber(test.db, 10, phone);
      expect(spellings).toHaveLength(2);
      keys.add(key);
    }
    expect(keys.size).toBe(1);
  });
});
