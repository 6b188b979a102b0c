import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import { createSettler } from '../../src/queue/settle.ts';
import { whileHere } from '../helpers/while-here.ts';
import { openQueue, phones, type QueueFixture } from './fixture.ts';

let q: QueueFixture;
let away = false;
beforeEach(async () => {
  away = false;
  q = await openQueue();
});
afterEach(() => q.close());

/** The same database, refusing everything while `away`; `loseAnswers`: transactions commit, and fail all the same. */
function flaky(loseAnswers = { left: 0 }): { db: Db; database: QueueFixture['database'] } {
  const refused = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const { db } = q.database;
  const wrapped: Db = {
    ...db,
    select: ((...args: Parameters<Db['select']>) =>
      whileHere(db.select(...args), { isAway: () => away, refused })) as Db['select'],
    selectDistinct: db.selectDistinct.bind(db),
    insert: db.insert.bind(db),
    update: (table) => {
      if (away) throw refused();
      return db.update(table);
    },
    delete: db.delete.bind(db),
    async transaction(fn) {
      if (away) throw refused();
      const result = await db.transaction(fn);
      if (loseAnswers.left > 0) {
        loseAnswers.left--;
        throw refused();
      }
      return result;
    },
  };
  return { db: wrapped, database: { ...q.database, db: wrapped } };
}

it('while the database is away nothing leaves that another process may have taken over, and nothing is lost; it resumes by itself', async () => {
  const account = await q.account();
  const both = flaky();
  const dispatcher = q.newDispatcher({ ...both, isAlone: () => false });
  const queued = await Promise.all(phones(10).map((phone) => q.queue(account, { phone })));
  q.engine.prepare = (send) => {
    if (send.messageId === queued[4]?.messageId) away = true;
  };
  await dispatcher.add(account);
  await q.clock.advance(60_000);
  const before = q.engine.relayed.length;
  expect(before).toBeLessThan(10);
  expect(q.engine.relayed.map((send) => send.messageId)).not.toContain(queued[4]?.messageId);
  q.engine.prepare = () => undefined;
  away = false;
  await q.clock.advance(60_000);
  for (const { id } of queued) expect((await q.message(id)).status).toBe('sent');
});

it('a claim whose commit was not answered is found again, and counts once in the limits', async () => {
  const account = await q.account();
  const lose = { left: 0 };
  const dispatcher = q.newDispatcher({ ...flaky(lose) });
  await dispatcher.add(account);
  await q.clock.advance(0);
  lose.left = 1;
  const { id } = await q.queue(account);
  await q.clock.advance(60_000);
  expect(lose.left).toBe(0);
  expect(await q.message(id)).toMatchObject({ status: 'sent', attempts: 2 });
  expect(q.engine.attempts).toHaveLength(1);
});

it('of many claims some may go unanswered: each message leaves once', async () => {
  const account = await q.account();
  const lose = { left: 0 };
  const dispatcher = q.newDispatcher({ ...flaky(lose) });
  q.engine.setConnected(false);
  await dispatcher.add(account);
  const queued = await Promise.all(phones(10).map((phone) => q.queue(account, { phone })));
  await q.clock.advance(1_000);
  lose.left = 3;
  q.engine.setConnected(true);
  await q.clock.advance(60_000);
  expect(lose.left).toBe(0);
  const attempts = await Promise.all(queued.map(async ({ id }) => (await q.message(id)).attempts));
  // Claims of one moment share a commit: each of its rows counts an attempt more, never one less.
  expect(attempts.reduce((sum, n) => sum + n, 0)).toBeGreaterThanOrEqual(13);
  expect(Math.max(...attempts)).toBe(4);
  const relayed = q.engine.relayed.map((send) => send.messageId).sort();
  expect(relayed).toEqual(queued.map((one) => one.messageId).sort());
});

it('outcomes wait for the database and are written once it is back', async () => {
  const account = await q.account();
  const { id } = await q.queue(account);
  const settler = createSettler({ ...q.deps, ...flaky() }, { windowMs: 0, receiptMs: 0 });
  away = true;
  let written = false;
  const settled = settler.settle({ kind: 'proof', id, status: 'sent', at: 5 }).then(() => {
    written = true;
  });
  await expect.poll(() => settler.isBusy()).toBe(false);
  expect(written).toBe(false);
  away = false;
  await q.clock.advance(10_000);
  await settled;
  expect((await q.message(id)).status).toBe('sent');
  await settler.stop(1_000);
});
