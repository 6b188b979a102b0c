/** How many statements the limit of a recipient costs a message: when it is queued, and when it is its turn. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertMany } from '../../src/db/ops.ts';
import { waAliases, waContacts } from '../../src/db/schema.ts';
import type { Pace } from '../../src/queue/pace.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';
import { recipientHeldUntil } from '../../src/queue/recipient-hold.ts';
import { createPeerBook, readPeers } from '../../src/queue/subscriber-peers.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { countStatements } from '../helpers/statements.ts';
import { FAST, openQueue, type QueueFixture } from './fixture.ts';

const ALIASED = '5547989211984';
const counter = countStatements();
let q: QueueFixture;
let account: AccountRef;
beforeAll(async () => {
  q = await openQueue();
  account = await q.account();
  await insertMany(q.database.db, waAliases, [
    { userId: account.userId, alias: ALIASED, phone: '554789211985', lid: null, updatedAt: 1 },
    { userId: account.userId + 1, alias: '6281234567890', phone: '6281234567891', lid: null, updatedAt: 1 },
  ]);
  await insertMany(q.database.db, waContacts, [
    { accountId: account.id, lid: '100000000000001', phone: '6281234567890', updatedAt: 1 },
    { accountId: account.id, lid: '100000000000002', phone: '554789211985', updatedAt: 1 },
    { accountId: 'other', lid: '100000000000003', phone: '6281234567890', updatedAt: 1 },
  ]);
});
afterAll(async () => {
  await q.close();
  counter.stop();
});

/** Statements that `work` sends. */
async function countOf<T>(work: () => Promise<T>): Promise<{ result: T; statements: number }> {
  counter.take();
  const result = await work();
  return { result, statements: counter.take().statements };
}

const jid = (phone: string) => `${phone}@s.whatsapp.net`;
const addressee = (phone: string | null, lid: string | null = null) => ({
  peer: phone === null ? `${lid}@lid` : jid(phone),
  phone,
  lid,
});

describe('the spellings of a recipient', () => {
  it.each<[string, ReturnType<typeof addressee>, string[], number]>([
    ['an own number', addressee('628111222333'), [jid('628111222333')], 1],
    ['a number with a LID', addressee('6281234567890'), [jid('6281234567890'), '100000000000001@lid'], 1],
    ['a LID', addressee(null, '100000000000001'), ['100000000000001@lid', jid('6281234567890')], 2],
    ['a number with a twin', addressee('525512345678'), [jid('525512345678'), jid('5215512345678')], 1],
    [
      'a number with an alias',
      addressee(ALIASED),
      [ALIASED, '554789211984', '554789211985', '5547989211985'].map(jid).concat('100000000000002@lid'),
      2,
    ],
    ['a group', { peer: '1@g.us', phone: null, lid: null }, ['1@g.us'], 0],
  ])('of %s', async (_what, to, jids, atMost) => {
    const { result: all, statements } = await countOf(() =>
      readPeers(q.database.db, [{ account, addressee: to }]),
    );
    const [result = []] = all;
    expect([result[0], result.toSorted()]).toEqual([to.peer, jids.toSorted()]);
    expect(statements).toBeLessThanOrEqual(atMost);
  });
});

describe('whether the limit of a recipient holds a message', () => {
  const pace: Pace = { ...FAST, perRecipientPerHour: 2, otpReservePercent: 0 };
  const held = (phone: string) => {
    const message = { ...addressee(phone), id: null, userId: account.userId, accountId: account.id };
    const waits = { priority: PRIORITIES.normal, scheduledAt: null };
    return countOf(() =>
      recipientHeldUntil(
        { db: q.database.db, peers: createPeerBook(q.deps) },
        pace,
        { ...message, ...waits },
        q.clock.now(),
      ),
    );
  };

  it.each(['628111222333', '525512345678', ALIASED])('costs little where none waits: %s', async (phone) => {
    const { result, statements } = await held(phone);
    expect(result).toBeNull();
    expect(statements).toBeLessThanOrEqual(phone === ALIASED ? 3 : 2);
  });

  it('counts what waits under each spelling in one statement', async () => {
    for (const phone of ['525587654321', '5215587654321', '525587654321', '5215587654321']) {
      await q.queue(account, { peer: jid(phone), phone });
    }
    const { result, statements } = await held('525587654321');
    // Two go at once, two an hour later, the next after another one.
    expect(result).toBe(q.clock.now() + 2 * 3_600_000);
    expect(statements).toBe(4);
  });
});
