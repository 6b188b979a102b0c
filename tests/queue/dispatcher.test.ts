import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dbType } from '../../src/db/kit.ts';
import { transact } from '../../src/db/ops.ts';
import { messages, sendAttempts, whatsappAccounts } from '../../src/db/schema.ts';
import { asTenant, currentWork } from '../../src/db/work.ts';
import { createEnqueuer, enqueue } from '../../src/queue/enqueue.ts';
import { pauseByHand } from '../../src/queue/pause.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';
import { createQueueSignals } from '../../src/queue/signals.ts';
import { cancelRows } from '../../src/queue/take-off.ts';
import { sleep } from '../../src/utils/clock.ts';
import { newMessageId } from '../../src/utils/ids.ts';
import type { AccountRef, SendResult } from '../../src/whatsapp/engine.ts';
import { refuseUpdates } from '../helpers/refuse.ts';
import { countStatements } from '../helpers/statements.ts';
import { until } from '../helpers/until.ts';
import { newMessage, openQueue, phones, type QueueFixture } from './fixture.ts';

const counter = countStatements();
afterAll(() => counter.stop());
let q: QueueFixture;
const open = async (...args: Parameters<typeof openQueue>) => {
  q = await openQueue(...args);
  return q;
};
afterEach(() => q.close());

describe('the way of a message', () => {
  beforeEach(() => open());

  it('sends what was queued before and after the session came, and settles it as sent', async () => {
    const account = await q.account();
    const before = await q.queue(account);
    await q.dispatcher.add(account);
    await q.clock.advance(0);
    const after = await q.queue(account, { phone: '6281200000002' });
    await q.clock.advance(0);
    for (const { id } of [before, after]) {
      const message = await q.message(id);
      expect(message).toMatchObject({ status: 'sent', attempts: 1, errorCode: null, sentAt: q.clock.now() });
      expect(await q.row(id)).toBeUndefined();
    }
    expect(q.engine.relayed.map((send) => send.messageId)).toEqual([before.messageId, after.messageId]);
    expect(q.events.map((event) => event.event)).toEqual(['message.sent', 'message.sent']);
    expect(q.events.map((event) => event.seq)).toEqual([1, 2]);
  });

  it('keeps the order of a burst', async () => {
    const account = await q.account();
    const all = await Promise.all(phones(60).map((phone) => q.queue(account, { phone })));
    await q.dispatcher.add(account);
    await q.clock.advance(0);
    expect(q.engine.attempts.map((send) => send.messageId)).toEqual(all.map((one) => one.messageId));
  });

  it('keeps the order of a chat of which another process has queued the first message', async () => {
    const account = await q.account();
    const dispatcher = q.newDispatcher({ isAlone: () => false });
    await dispatcher.add(account);
    await q.clock.advance(0);
    const elsewhere = { ...q.deps, signals: createQueueSignals() };
    const first = newMessageId();
    await enqueue(
      { clock: q.clock, enqueuer: createEnqueuer(elsewhere) },
      {
        ...{ userId: q.userId, accountId: account.id, sessionId: account.sessionId, messageId: first },
        ...{ peer: '6281200000001@s.whatsapp.net', phone: '6281200000001', lid: null, type: 'text' },
        ...{ content: { type: 'text', text: 'first' }, priority: 1, scheduledAt: null, expiresAt: null },
      },
    );
    const second = await q.queue(account);
    await q.clock.advance(0);
    expect(q.engine.relayed.map((send) => send.messageId)).toEqual([first, second.messageId]);
  });

  it("is its tenant's work at the database, whoever has woken its session", async () => {
    const account = await q.account();
    const tenants: (number | null)[] = [];
    q.engine.prepare = () => {
      tenants.push(currentWork().tenant);
    };
    await asTenant(q.userId + 1, () => q.dispatcher.add(account));
    await asTenant(q.userId + 1, () => q.queue(account));
    await q.clock.advance(0);
    expect(tenants).toEqual([q.userId]);
  });

  it('has at most sixteen in flight, and never two to the same recipient', async () => {
    const account = await q.account();
    const busy = new Set<string>();
    q.engine.answer = async (send) => {
      expect(busy.has(send.to.jid)).toBe(false);
      busy.add(send.to.jid);
      const result = await q.engine.later(1_000);
      busy.delete(send.to.jid);
      return result;
    };
    const three = ['6281200000001', '6281200000002', '6281200000003'];
    for (let i = 0; i < 15; i++) await q.queue(account, { phone: three[i % 3] ?? null });
    await q.dispatcher.add(account);
    await q.clock.advance(500);
    expect(q.engine.attempts).toHaveLength(3);
    for (const phone of phones(30)) await q.queue(account, { phone });
    await q.clock.advance(0);
    expect(q.engine.attempts).toHaveLength(16);
    await q.clock.advance(20_000);
    expect(q.engine.attempts).toHaveLength(45);
    expect(q.engine.maxInFlight).toBe(16);
  });

  it('fills a full window when half of it is free or a moment has passed, and lets a code through meanwhile', async () => {
    const account = await q.account();
    const answers = [20, 21, 22, 23, 24, 25, 26, 26, 500, ...Array.from({ length: 7 }, () => 700)];
    q.engine.answer = () => q.engine.later(answers.shift() ?? 10_000);
    for (const phone of phones(32)) await q.queue(account, { phone });
    await q.dispatcher.add(account);
    const counts: number[] = [];
    for (const ms of [0, 25, 1, 483, 0]) {
      await q.clock.advance(ms);
      counts.push(q.engine.attempts.length);
    }
    expect(counts).toEqual([16, 16, 24, 24, 24]);
    const code = await q.queue(account, { phone: '6281300000001', priority: 0 });
    await q.clock.advance(0);
    expect(q.engine.attempts.at(-1)?.messageId).toBe(code.messageId);
    await q.clock.advance(91);
    expect(q.engine.attempts).toHaveLength(25);
    await q.clock.advance(0);
  });

  it('sends a code while all others wait for their uploads or answers', async () => {
    const account = await q.account();
    q.engine.prepare = async ({ to }) => {
      if (to.phone?.startsWith('62812')) await q.engine.later(50_000);
    };
    for (const phone of phones(20)) await q.queue(account, { phone, priority: 2 });
    await q.dispatcher.add(account);
    await q.clock.advance(1_000);
    expect(q.engine.attempts).toHaveLength(8);
    const codes = [];
    for (let i = 0; i < 6; i++) {
      codes.push(await q.queue(account, { phone: `628130000000${i}`, priority: 0 }));
    }
    await q.clock.advance(0);
    for (const { id } of codes) expect((await q.message(id)).status).toBe('sent');
    expect(q.engine.maxInFlight).toBeLessThanOrEqual(14);
    await q.clock.advance(120_000);
    expect(q.engine.attempts).toHaveLength(26);
  });

  it('serves high priority before everything that waits, and low after it', async () => {
    const account = await q.account();
    const low = await q.queue(account, { phone: '6281200000001', priority: 2 });
    const normal = await q.queue(account, { phone: '6281200000002', priority: 1 });
    const high = await q.queue(account, { phone: '6281200000003', priority: 0 });
    await q.dispatcher.add(account);
    await q.clock.advance(0);
    expect(q.engine.attempts.map((send) => send.messageId)).toEqual([
      high.messageId,
      normal.messageId,
      low.messageId,
    ]);
  });

  it('sends a scheduled message at its time, and others meanwhile', async () => {
    const account = await q.account();
    await q.dispatcher.add(account);
    const later = await q.queue(account, { scheduledAt: q.clock.now() + 60_000, priority: 0 });
    await q.queue(account, { phone: '6281200000002' });
    await q.clock.advance(59_999);
    expect(q.engine.attempts).toHaveLength(1);
    await q.clock.advance(1);
    expect((await q.message(later.id)).status).toBe('sent');
    expect(q.engine.attempts[1]?.at).toBe(q.clock.now());
  });

  it('claims nothing while there is no socket, and goes on when it is back', async () => {
    const account = await q.account();
    q.engine.setConnected(false);
    await q.dispatcher.add(account);
    const { id } = await q.queue(account);
    await q.clock.advance(10_000);
    expect(await q.message(id)).toMatchObject({ status: 'queued', attempts: 0 });
    q.engine.setConnected(true);
    await q.clock.advance(1_000);
    expect((await q.message(id)).status).toBe('sent');
  });

  it('does not count an attempt that met a closed socket', async () => {
    const account = await q.account();
    q.engine.prepare = () => q.engine.setConnected(false);
    await q.dispatcher.add(account);
    const { id } = await q.queue(account);
    await q.clock.advance(1_000);
    expect(await q.row(id)).toMatchObject({ status: 'pending', attempts: 0, claimedFence: null });
    expect(await q.deps.db.select().from(sendAttempts)).toHaveLength(0);
  });

  it('stops twice, and sends nothing afterwards', async () => {
    const account = await q.account();
    await q.dispatcher.add(account);
    await q.dispatcher.stop();
    await q.dispatcher.stop();
    await q.queue(account);
    await q.clock.advance(10_000);
    expect(q.engine.attempts).toHaveLength(0);
  });

  it('hears of its sessions until they are removed, while it stops', async () => {
    const happened: string[] = [];
    const { signals } = q.deps;
    const onWithdrawn: typeof signals.onWithdrawn = (listener) => {
      const end = signals.onWithdrawn(listener);
      return () => {
        happened.push('listens no more');
        end();
      };
    };
    const account = await q.account();
    const dispatcher = q.newDispatcher({ signals: { ...signals, onWithdrawn } });
    await dispatcher.add(account);
    q.engine.answer = async () => {
      const answer = await q.engine.later(5_000);
      happened.push('answered');
      return answer;
    };
    await q.queue(account);
    await q.clock.advance(0);
    const stopped = dispatcher.stop();
    await q.clock.advance(60_000);
    await stopped;
    expect(happened).toEqual(['answered', 'listens no more']);
  });

  it('tells of a message when it is claimed and before it leaves, and not of one that may not', async () => {
    const account = await q.account();
    const told: unknown[] = [];
    q.deps.signals.onLeaves(({ accountId, peer, type }) => {
      told.push({ accountId, peer, type, relayed: q.engine.relayed.length });
    });
    await q.dispatcher.add(account);
    await q.queue(account);
    await q.clock.advance(0);
    const [sent] = q.engine.relayed;
    expect(told).toEqual([{ accountId: account.id, peer: sent?.to.jid, type: 'text', relayed: 0 }]);
    await q.dispatcher.stop();
    await q.queue(account);
    await q.clock.advance(10_000);
    expect(told).toHaveLength(1);
  });

  it('lets what is in flight end before a session counts as removed', async () => {
    const account = await q.account();
    q.engine.answer = () => q.engine.later(5_000);
    await q.dispatcher.add(account);
    const { id } = await q.queue(account);
    await q.clock.advance(0);
    let removed = false;
    const removal = q.dispatcher.remove(account.id).then(() => {
      removed = true;
    });
    await q.clock.advance(4_999);
    expect(removed).toBe(false);
    await q.clock.advance(1);
    await removal;
    expect((await q.message(id)).status).toBe('sent');
  });
});

describe('pace', () => {
  it('waits out a gap between sends, also for high priority, and a slow answer does not stop it', async () => {
    await open({ delayMinMs: 3_000, delayMaxMs: 7_000 });
    const account = await q.account();
    q.engine.answer = () => q.engine.later(12_000);
    await Promise.all(phones(5).map((phone) => q.queue(account, { phone })));
    await q.dispatcher.add(account);
    await q.clock.advance(1_000);
    const otp = await q.queue(account, { phone: '6281299999999', priority: 0 });
    await q.clock.advance(60_000);
    const start = q.engine.attempts[0]?.at ?? 0;
    expect(q.engine.attempts.map((send) => send.at - start)).toEqual([
      0, 5_000, 10_000, 15_000, 20_000, 25_000,
    ]);
    expect(q.engine.attempts[1]?.messageId).toBe(otp.messageId);
  });

  it('beside others, reads its queue when all that it knows is sent, not whenever more is queued', async () => {
    await open({ delayMinMs: 2_000, delayMaxMs: 2_000 });
    const account = await q.account();
    const [known, more] = [phones(10), phones(20).slice(10)];
    const queued = await Promise.all(known.map((phone) => q.queue(account, { phone })));
    await q.newDispatcher({ isAlone: () => false }).add(account);
    await q.clock.advance(1_000);
    counter.take();
    for (const phone of more) {
      queued.push(await q.queue(account, { phone }));
      await q.clock.advance(1_000);
    }
    await q.clock.advance(16_000);
    const readings = [...counter.take().texts].filter(([text]) =>
      / from .message_queue. inner join .messages. .* limit \?$/.test(text),
    );
    expect(readings.reduce((sum, [, count]) => sum + count, 0)).toBeLessThan(3);
    await q.clock.advance(20_000);
    expect(q.engine.relayed.map((send) => send.messageId)).toEqual(queued.map((one) => one.messageId));
  });

  it('keeps the gap over a restart', async () => {
    await open({ delayMinMs: 4_000, delayMaxMs: 4_000 });
    const account = await q.account();
    await q.dispatcher.add(account);
    await q.queue(account, { phone: '6281200000001' });
    await q.queue(account, { phone: '6281200000002' });
    await q.clock.advance(1_000);
    await q.dispatcher.remove(account.id);
    await q.newDispatcher().add(account);
    await q.clock.advance(2_999);
    expect(q.engine.attempts).toHaveLength(1);
    await q.clock.advance(1);
    expect(q.engine.attempts).toHaveLength(2);
  });
});

describe('pauses and last looks', () => {
  beforeEach(() => open());

  async function pause(accountId: string, until: number | null, reason: string | null) {
    await q.deps.db
      .update(whatsappAccounts)
      .set({ pausedUntil: until, pauseReason: reason })
      .where(eq(whatsappAccounts.id, accountId));
  }

  it('sends nothing while somebody has paused the session, not even what is being prepared', async () => {
    const account = await q.account();
    const until = q.clock.now() + 30_000;
    q.engine.prepare = () => pause(account.id, until, 'breaker');
    await q.newDispatcher({ isAlone: () => false }).add(account);
    const { id } = await q.queue(account);
    await q.clock.advance(29_999);
    expect(q.engine.relayed).toHaveLength(0);
    expect(await q.message(id)).toMatchObject({ attempts: 0 });
    q.engine.prepare = () => undefined;
    await q.clock.advance(1);
    expect((await q.message(id)).status).toBe('sent');
  });

  /** How many statements of that kind went to the database since they were counted last. */
  const counted = (kind: RegExp) =>
    [...counter.take().texts].filter(([text]) => kind.test(text)).reduce((sum, [, count]) => sum + count, 0);
  /** How many looks before a relay. */
  const looks = () => counted(/^select .* from .whatsapp_accounts. left join .message_queue./);

  it('reads its session and its queue now and then, not for each message that waits for its minute', async () => {
    const account = await q.account({ limits: { perMinute: 10 } });
    await q.newDispatcher({ isAlone: () => false }).add(account);
    const send = async (count: number, everyMs: number) => {
      for (const phone of phones(count)) {
        await q.queue(account, { phone });
        await q.clock.advance(everyMs);
      }
    };
    await send(9, 6_000);
    await send(1, 3_000);
    counter.take();
    // Each of them comes three seconds before its place is free.
    await send(10, 6_000);
    expect(counted(/^select .* from .whatsapp_accounts. where .whatsapp_accounts.\..id. = \?$/)).toBeLessThan(
      4,
    );
    expect(q.engine.relayed).toHaveLength(20);
    await send(10, 6_000);
    // Its own lane for each message, because others may have queued some as well, and the two others each thirty seconds.
    expect(counted(/ from .message_queue. inner join .messages. .* limit \?$/)).toBeLessThan(10 + 2 * 3 + 1);
  });

  it('at its limit, sends a code of which a process that is gone told nobody when that is known, or within half a minute', async () => {
    const account = await q.account({ limits: { perHour: 10, otpReservePercent: 50 } });
    const idle = await q.account();
    const dispatcher = q.newDispatcher({ isAlone: () => false });
    await dispatcher.add(account);
    await dispatcher.add(idle);
    const [first = '', second = '', third = '', ...others] = phones(10);
    for (const phone of others) await q.queue(account, { phone });
    await q.clock.advance(0);
    const signals = createQueueSignals();
    const untold = { ...q.deps, signals, enqueuer: createEnqueuer({ ...q.deps, signals }) };
    const queue = (to: AccountRef, phone: string) =>
      enqueue(untold, newMessage(to, { phone, priority: PRIORITIES.high }));
    const sent = () => q.engine.relayed.map(({ to }) => to.phone).slice(5);
    await queue(account, first);
    dispatcher.rereadSessions();
    await q.clock.advance(0);
    expect(sent()).toEqual([first]);
    // One that is told of, after which the line sleeps again: that does not make it late.
    await q.clock.advance(20_000);
    await queue(account, second);
    q.deps.signals.wake(account.id, { priority: PRIORITIES.normal });
    await q.clock.advance(9_999);
    expect(sent()).toEqual([first]);
    await q.clock.advance(1);
    expect(sent()).toEqual([first, second]);
    // Lines that have nothing to do read nothing before somebody looks whether they have.
    if (dbType === 'sqlite') return;
    await queue(idle, third);
    dispatcher.rereadSessions();
    await q.clock.advance(0);
    expect(sent()).toEqual([first, second, third]);
  });

  it.each([
    ['alone', true],
    ['beside others', false],
  ])(
    '%s, looks at its session once a second, or for each claim of which it may not hear',
    async (_how, alone) => {
      const account = await q.account();
      await q.newDispatcher({ isAlone: () => alone }).add(account);
      const send = async (count: number) => {
        counter.take();
        for (const phone of phones(count)) {
          await q.queue(account, { phone });
          await q.clock.advance(0);
        }
        return looks();
      };
      expect(await send(5)).toBe(alone ? 0 : 5);
      await q.clock.advance(1_001);
      expect(await send(5)).toBe(alone ? 1 : 5);
      expect(q.engine.relayed).toHaveLength(10);
    },
  );

  it('looks again at what took long to prepare', async () => {
    const account = await q.account();
    q.engine.prepare = async () => {
      await pause(account.id, q.clock.now() + 30_000, 'breaker');
      await sleep(q.clock, 300);
    };
    await q.dispatcher.add(account);
    await q.queue(account);
    await q.clock.advance(10_000);
    expect(q.engine.attempts).toHaveLength(1);
    expect(q.engine.relayed).toHaveLength(0);
  });

  it('sends nothing that was taken off the queue while it was being prepared, nor after a pause', async () => {
    const account = await q.account();
    await q.dispatcher.add(account);
    await q.queue(account);
    await q.clock.advance(0);
    expect(q.engine.relayed).toHaveLength(1);
    let change: Promise<unknown> | null = null;
    const changed = async (attempts: number) => {
      await until(async () => q.engine.attempts.length === attempts && change !== null);
      await change;
      await q.clock.advance(0);
    };
    const ids: string[] = [];
    q.engine.prepare = async () => {
      change = transact(q.database, (tx) => cancelRows(tx, q.deps, { ids, claimedToo: true }));
      await change;
    };
    const canceled = await q.queue(account, { phone: '6281200000002' });
    ids.push(canceled.id);
    await q.clock.advance(0);
    await changed(2);
    expect(await q.message(canceled.id)).toMatchObject({ status: 'canceled' });
    change = null;
    q.engine.prepare = async () => {
      change = pauseByHand(q.deps, account, null, {
        actorId: 1,
        ip: null,
        userAgent: null,
        requestId: 'test',
      });
      await change;
    };
    const held = await q.queue(account, { phone: '6281200000003' });
    await q.clock.advance(0);
    await changed(3);
    expect(await q.row(held.id)).toMatchObject({ status: 'pending' });
    expect(q.engine.attempts).toHaveLength(3);
    expect(q.engine.relayed).toHaveLength(1);
  });

  it('goes on at once when a pause is lifted and the session is woken', async () => {
    const account = await q.account({ pausedUntil: q.clock.now() + 3_600_000, pauseReason: 'manual' });
    await q.dispatcher.add(account);
    await q.queue(account);
    await q.clock.advance(10_000);
    expect(q.engine.attempts).toHaveLength(0);
    await pause(account.id, null, null);
    q.deps.signals.wake(account.id);
    await q.clock.advance(0);
    expect(q.engine.relayed).toHaveLength(1);
  });

  it('withholds what another owner took while it was being prepared', async () => {
    const account = await q.account();
    q.engine.prepare = async () => {
      await q.deps.db.update(whatsappAccounts).set({ fence: 2 }).where(eq(whatsappAccounts.id, account.id));
    };
    await q.newDispatcher({ isAlone: () => false }).add(account);
    const { id } = await q.queue(account);
    await q.clock.advance(60_000);
    expect(q.engine.attempts).toHaveLength(1);
    expect(q.engine.relayed).toHaveLength(0);
    expect(await q.row(id)).toMatchObject({ status: 'sending', claimedFence: 1 });
  });

  it('claims nothing once the lease may have ended', async () => {
    const account = await q.account();
    let safe = true;
    const dispatcher = q.newDispatcher({ isSafe: () => safe });
    await dispatcher.add(account);
    safe = false;
    const { id } = await q.queue(account);
    await q.clock.advance(10_000);
    expect(await q.message(id)).toMatchObject({ status: 'queued' });
  });

  it('never sends an OTP after its bound, and reports it expired', async () => {
    const account = await q.account();
    q.engine.prepare = async () => {
      await q.engine.later(5_000);
    };
    await q.dispatcher.add(account);
    const { id } = await q.queue(account, { priority: 0, expiresAt: q.clock.now() + 5_000 });
    await q.clock.advance(5_000);
    expect(q.engine.relayed).toHaveLength(0);
    expect(await q.message(id)).toMatchObject({ status: 'expired', errorCode: 'EXPIRED' });
    expect(q.events.map((event) => event.event)).toEqual(['message.expired']);
  });

  it('does not report as expired what has left and is waiting for its answer', async () => {
    const account = await q.account();
    q.engine.answer = () => q.engine.later(60_000);
    await q.dispatcher.add(account);
    const { id } = await q.queue(account, { priority: 0, expiresAt: q.clock.now() + 1_000 });
    await q.clock.advance(59_000);
    expect((await q.message(id)).status).toBe('sending');
    await q.clock.advance(1_000);
    expect((await q.message(id)).status).toBe('sent');
    expect(q.events.map((event) => event.event)).toEqual(['message.sent']);
  });

  it('expires what waits for a session that nobody serves', async () => {
    const account = await q.account();
    const { id } = await q.queue(account, { expiresAt: q.clock.now() + 5_000 });
    const other = await q.queue(account);
    await q.clock.advance(30_000);
    expect((await q.message(id)).status).toBe('expired');
    expect((await q.message(other.id)).status).toBe('queued');
  });

  it('expires all but the one that the database refuses, and that one when it can', async () => {
    const account = await q.account();
    const expiresAt = q.clock.now() + 5_000;
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.push((await q.queue(account, { expiresAt })).id);
    const [refused = '', ...others] = ids;
    const statuses = () => Promise.all([refused, ...others].map(async (id) => (await q.message(id)).status));
    const allow = await refuseUpdates(q.database, 'messages', refused);
    await q.clock.advance(30_000);
    expect(await statuses()).toEqual(['queued', 'expired', 'expired']);
    await allow();
    await q.clock.advance(30_000);
    expect(await statuses()).toEqual(['expired', 'expired', 'expired']);
  });
});

describe('take-over', () => {
  beforeEach(() => open());

  it('brings claims of an earlier owner back with the same id', async () => {
    const account = await q.account();
    let answer: () => void = () => undefined;
    q.engine.answer = () =>
      new Promise((resolve) => {
        answer = () => resolve({ outcome: 'unknown', reason: 'crash' });
      });
    await q.dispatcher.add(account);
    const { id, messageId } = await q.queue(account);
    await q.clock.advance(0);
    expect((await q.row(id))?.status).toBe('sending');
    const next = { ...account, owner: 'other'.padEnd(32, '0'), fence: 2 };
    await q.deps.db
      .update(whatsappAccounts)
      .set({ owner: next.owner, fence: 2 })
      .where(eq(whatsappAccounts.id, account.id));
    const gone = answer;
    q.engine.answer = () => ({ outcome: 'acknowledged', at: q.clock.now() });
    await q.newDispatcher().add(next);
    await q.clock.advance(0);
    expect(q.engine.relayed.map((send) => send.messageId)).toEqual([messageId, messageId]);
    expect(await q.message(id)).toMatchObject({ status: 'sent', attempts: 2 });
    gone();
    await q.clock.advance(60_000);
    expect(await q.message(id)).toMatchObject({ status: 'sent', attempts: 2 });
    expect(q.engine.attempts).toHaveLength(2);
  });

  it('takes no attempt from a message because its process ends in it, however often', async () => {
    const crashes = 12;
    let account = await q.account();
    const { id } = await q.queue(account);
    q.engine.answer = () => new Promise(() => undefined);
    await q.dispatcher.add(account);
    await q.clock.advance(0);
    for (let fence = 2; fence <= crashes + 1; fence++) {
      account = { ...account, owner: String(fence).padEnd(32, '0'), fence };
      await q.deps.db
        .update(whatsappAccounts)
        .set({ owner: account.owner, fence })
        .where(eq(whatsappAccounts.id, account.id));
      if (fence === crashes + 1) {
        const answers: SendResult[] = [{ outcome: 'unknown', reason: 'a passing trouble' }];
        q.engine.answer = async () => answers.pop() ?? { outcome: 'acknowledged', at: q.clock.now() };
      }
      await q.newDispatcher().add(account);
      await q.clock.advance(0);
    }
    await q.clock.advance(60_000);
    expect(await q.message(id)).toMatchObject({ status: 'sent', attempts: crashes + 2 });
  });

  it('gives a message up that has ended its process a hundred times', async () => {
    const account = await q.account();
    const { id } = await q.queue(account);
    await q.deps.db.update(messages).set({ attempts: 103 }).where(eq(messages.id, id));
    await q.dispatcher.add(account);
    await q.clock.advance(0);
    expect(q.engine.attempts).toHaveLength(0);
    expect(await q.message(id)).toMatchObject({ status: 'failed', errorCode: 'NO_ACK' });
  });

  it('takes an acknowledgement of the earlier owner, though the session is another one’s by now', async () => {
    const account = await q.account();
    q.engine.answer = () => q.engine.later(1_000);
    await q.dispatcher.add(account);
    const { id } = await q.queue(account);
    await q.clock.advance(0);
    await q.deps.db.update(whatsappAccounts).set({ fence: 2 }).where(eq(whatsappAccounts.id, account.id));
    await q.clock.advance(1_000);
    expect((await q.message(id)).status).toBe('sent');
    expect(await q.row(id)).toBeUndefined();
  });
});
