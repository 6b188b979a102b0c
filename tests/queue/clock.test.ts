import { eq } from 'drizzle-orm';
import { afterEach, describe, expect, it } from 'vitest';
import { sendAttempts } from '../../src/db/schema.ts';
import { enqueue } from '../../src/queue/enqueue.ts';
import { healSession } from '../../src/queue/heal.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { createFakeClock } from '../helpers/clock.ts';
import { countStatements } from '../helpers/statements.ts';
import { openQueue, phones, type QueueFixture } from './fixture.ts';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const [one = '', two = '', three = ''] = phones(3);

let queue: QueueFixture;
afterEach(() => queue.close());

describe('a clock that is set', () => {
  it('back an hour holds up neither what was queued before nor what is queued after', async () => {
    queue = await openQueue({ delayMinMs: 5_000, delayMaxMs: 5_000 });
    const account = await queue.account();
    await queue.queue(account, { phone: one });
    await queue.queue(account, { phone: two });
    await queue.dispatcher.add(account);
    await queue.clock.advance(0);
    expect(queue.engine.relayed).toHaveLength(1);
    queue.clock.setNow(queue.clock.now() - HOUR);
    await queue.queue(account, { phone: three });
    await queue.clock.advance(20_000);
    expect(queue.engine.relayed).toHaveLength(3);
  });

  it('back an hour is no matter for a process that starts after it', async () => {
    queue = await openQueue();
    const account = await queue.account();
    await queue.queue(account, { phone: one });
    const later = await queue.queue(account, { phone: two, scheduledAt: queue.clock.now() + HOUR });
    queue.clock.setNow(queue.clock.now() - HOUR);
    await queue.dispatcher.add(account);
    await queue.clock.advance(1_000);
    expect(queue.engine.relayed).toHaveLength(1);
    // What a person has scheduled keeps its time.
    expect(await queue.row(later.id)).toMatchObject({ status: 'pending' });
  });

  it('back a day reads nothing of the sessions of others', async () => {
    const count = countStatements({ hasTexts: false });
    queue = await openQueue();
    const [other, own] = [await queue.account(), await queue.account()];
    const now = queue.clock.now();
    const counted: number[] = [];
    for (const rows of [1, 1_200]) {
      queue.clock.setNow(now + DAY);
      await Promise.all(Array.from({ length: rows }, () => queue.queue(other, { phone: one })));
      queue.clock.setNow(now);
      count.take();
      expect(await healSession(queue.deps, own, now)).toBe(0);
      counted.push(count.take().statements);
    }
    count.stop();
    expect(counted[1]).toBe(counted[0]);
  });

  it('a day ahead for half a minute leaves no limit that lasts until tomorrow', async () => {
    queue = await openQueue({ perMinute: 2, otpReservePercent: 0 });
    const account = await queue.account();
    await queue.dispatcher.add(account);
    queue.clock.setNow(queue.clock.now() + DAY);
    for (const phone of [one, two, three]) await queue.queue(account, { phone });
    await queue.clock.advance(35_000);
    expect(queue.engine.relayed).toHaveLength(2);
    queue.clock.setNow(queue.clock.now() - DAY);
    await queue.queue(account, { phone: one });
    await queue.clock.advance(2 * MINUTE);
    expect(queue.engine.relayed).toHaveLength(4);
    const { at } = sendAttempts;
    const rows = await queue.database.db
      .select({ at })
      .from(sendAttempts)
      .where(eq(sendAttempts.accountId, account.id));
    expect(Math.max(...rows.map((row) => row.at))).toBeLessThanOrEqual(queue.clock.now());
  });

  it('an attempt that was put off by a clock ahead is made within its ordinary wait', async () => {
    queue = await openQueue();
    const account = await queue.account();
    await queue.dispatcher.add(account);
    const { answer } = queue.engine;
    queue.engine.answer = () => ({ outcome: 'unknown', reason: 'no answer' });
    queue.clock.setNow(queue.clock.now() + DAY);
    await queue.queue(account, { phone: one });
    await queue.clock.advance(1_000);
    queue.engine.answer = answer;
    queue.clock.setNow(queue.clock.now() - DAY);
    await queue.queue(account, { phone: two });
    await queue.clock.advance(2 * MINUTE);
    expect(queue.engine.relayed.map(({ to }) => to.phone)).toEqual([one, two, one]);
  });

  it('of another host that is 30 seconds ahead holds no code up', async () => {
    queue = await openQueue();
    const account = await queue.account();
    await queue.dispatcher.add(account);
    const ahead = createFakeClock(queue.clock.now() + 30_000);
    for (const phone of [one, two]) {
      await enqueue(
        { ...queue.deps, clock: ahead },
        {
          userId: queue.userId,
          accountId: account.id,
          sessionId: account.sessionId,
          messageId: newMessageId(),
          peer: `${phone}@s.whatsapp.net`,
          phone,
          lid: null,
          type: 'text',
          content: { type: 'text', text: newId() },
          priority: 0,
          scheduledAt: null,
          expiresAt: null,
        },
      );
      await queue.clock.advance(2_000);
    }
    expect(queue.engine.relayed).toHaveLength(2);
  });
});
