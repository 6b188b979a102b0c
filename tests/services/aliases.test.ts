import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findAccounts, findSpellings, learnAlias } from '../../src/services/messages/aliases.ts';
import { openTestDatabase, type TestDatabase } from '../helpers/database.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase();
});
afterAll(() => test.close());

const DIALLED = '5547989211984';
const ACCOUNT = '554789211984';

describe('a number that WhatsApp knows under another spelling', () => {
  it('is found from every spelling, by its own user only, and the newest answer counts', async () => {
    const { db } = test;
    await learnAlias(db, 1, { alias: DIALLED, phone: '554700000000', lid: null }, 1);
    await learnAlias(db, 1, { alias: DIALLED, phone: ACCOUNT, lid: '77' }, 2);
    const answer = { alias: DIALLED, phone: ACCOUNT, lid: '77' };
    expect(await findAccounts(db, 1, [DIALLED, ACCOUNT])).toEqual(new Map([[DIALLED, answer]]));
    for (const phone of [DIALLED, ACCOUNT]) {
      expect((await findSpellings(db, 1, phone)).sort()).toEqual([ACCOUNT, DIALLED].sort());
    }
    expect((await findAccounts(db, 2, [DIALLED])).size).toBe(0);
    // The two are one by Brazil's numbering plan also for whoever never asked the directory.
    expect((await findSpellings(db, 2, DIALLED)).sort()).toEqual([ACCOUNT, DIALLED].sort());
  });

  it('nothing is asked for no number', async () => {
    expect((await findAccounts(test.db, 1, [])).size).toBe(0);
  });
});
