import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requeueSending } from '../../src/queue/claim.ts';
import { openQueue, type QueueFixture } from './fixture.ts';

let q: QueueFixture;
beforeAll(async () => {
  q = await openQueue();
});
afterAll(() => q.close());

describe('a session that has ended', () => {
  it('has nothing that is being sent: it waits as queued, unless somebody else holds the session', async () => {
    const account = await q.account();
    q.engine.answer = () => ({ outcome: 'unknown', reason: 'cut off' });
    await q.dispatcher.add(account);
    const { id } = await q.queue(account);
    await q.clock.advance(500);
    await q.dispatcher.remove(account.id);
    const status = async () => (await q.message(id)).status;
    expect(await status()).toBe('sending');
    expect(await requeueSending(q.deps.db, { ...account, fence: account.fence + 1 }, 5)).toBe(0);
    expect(await status()).toBe('sending');
    expect(await requeueSending(q.deps.db, account, 5)).toBe(1);
    expect(await status()).toBe('queued');
    expect(await q.row(id)).toMatchObject({ status: 'pending', attempts: 1 });
  });
});
