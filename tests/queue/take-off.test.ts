/** Messages that come off the queue while their claims are made. On both databases. */
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Tx } from '../../src/db/client.ts';
import { dbType } from '../../src/db/kit.ts';
import { affected, skipLocked, transact } from '../../src/db/ops.ts';
import { messageQueue } from '../../src/db/schema.ts';
import { inCleanContext } from '../../src/db/scope.ts';
import { dequeue } from '../../src/queue/take-off.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { losingAnswers } from '../helpers/unanswered-commits.ts';
import { openQueue, type QueueFixture } from './fixture.ts';

let q: QueueFixture;
let account: AccountRef;
let withdrawn: string[];
beforeEach(async () => {
  q = await openQueue();
  account = await q.account();
  withdrawn = [];
  q.deps.signals.onWithdrawn((ids) => withdrawn.push(...ids));
});
afterEach(() => q.close());

it('the lines are told of them after the commit, claimed or not, and how many were claimed is known', async () => {
  const [waits, claimed] = [await q.queue(account), await q.queue(account)];
  await q.database.db
    .update(messageQueue)
    .set({ status: 'sending', claimedFence: account.fence })
    .where(eq(messageQueue.id, claimed.id));
  const take = (id: string) =>
    transact(q.database, async (tx) => {
      const taken = await dequeue(tx, q.deps, [id]);
      expect(withdrawn).not.toContain(id);
      return taken;
    });
  expect(await take(waits.id)).toEqual({ claimed: 0 });
  expect(await take(claimed.id)).toEqual({ claimed: 1 });
  expect(withdrawn).toEqual([waits.id, claimed.id]);
  for (const { id } of [waits, claimed]) expect(await q.row(id)).toBeUndefined();
});

it('the lines are told of them also where the commit is not answered', async () => {
  const { id } = await q.queue(account);
  const lost = transact(losingAnswers(q.database.db), (tx) => dequeue(tx, q.deps, [id]));
  await expect(lost).rejects.toThrow('ECONNRESET');
  expect(withdrawn).toEqual([id]);
  expect(await q.row(id)).toBeUndefined();
});

/** The same transaction: `act` runs when its first statement has been answered. */
function afterFirst(tx: Tx, act: () => Promise<unknown>): Tx {
  let acted: Promise<unknown> | null = null;
  const follow = <Q extends object>(query: Q): Q =>
    new Proxy(query, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'then') {
          return (...args: unknown[]) => {
            const next: unknown = value.apply(target, args);
            return typeof next === 'object' && next !== null ? follow(next) : next;
          };
        }
        return (...ends: Parameters<Promise<unknown>['then']>) =>
          Promise.resolve(target)
            .then(async (answer) => {
              acted ??= act();
              await acted;
              return answer;
            })
            .then(...ends);
      },
    });
  return Object.assign(Object.create(tx), {
    select: (...args: Parameters<Tx['select']>) => follow(tx.select(...args)),
    delete: (...args: Parameters<Tx['delete']>) => follow(tx.delete(...args)),
  });
}

// On SQLite nobody else writes meanwhile.
if (dbType === 'mysql')
  it('a claim that is committed meanwhile is counted, or does not get its row', async () => {
    const { id } = await q.queue(account);
    const own = eq(messageQueue.id, id);
    const claim = () =>
      transact(q.database, async (other) => {
        const free = await skipLocked(other.select({ id: messageQueue.id }).from(messageQueue).where(own));
        if (free.length === 0) return 0;
        const taken = { status: 'sending', claimedFence: account.fence } as const;
        return affected(await other.update(messageQueue).set(taken).where(own));
      });
    let got: number | null = null;
    const { claimed } = await transact(q.database, (tx) =>
      dequeue(
        afterFirst(tx, async () => {
          got = await inCleanContext(claim);
        }),
        q.deps,
        [id],
      ),
    );
    expect(claimed).toBe(got);
    expect(withdrawn).toEqual([id]);
    expect(await q.row(id)).toBeUndefined();
  });
