/** Codes that are claimed as they are queued: what has to hold as for every other claim. On both databases. */
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { transact } from '../../src/db/ops.ts';
import { activityLogs, messageQueue, sendAttempts, whatsappAccounts } from '../../src/db/schema.ts';
import { record, SessionNotHeld } from '../../src/events/record.ts';
import { candidateOf, enqueueClaimed, type NewMessage, newQueued } from '../../src/queue/enqueue.ts';
import type { HeadStart } from '../../src/queue/head-start.ts';
import { messageFact } from '../../src/queue/message-fact.ts';
import { HAND_PAUSE, NO_END, pauseByHand, resumeByHand } from '../../src/queue/pause.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';
import type { Settler } from '../../src/queue/settle.ts';
import { sleep } from '../../src/utils/clock.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { turns } from '../helpers/clock.ts';
import { createSignal } from '../helpers/signal.ts';
import { countStatements } from '../helpers/statements.ts';
import { until } from '../helpers/until.ts';
import { newMessage, openQueue, type QueueFixture } from './fixture.ts';

const counter = countStatements();
afterAll(() => counter.stop());
let q: QueueFixture;
afterEach(() => q.close());

/** A session with a line that has nothing to do, and that sends codes now and then. */
async function start(
  pacing: Parameters<typeof openQueue>[0] = {},
  columns: Parameters<QueueFixture['account']>[0] = {},
  isAlone = () => true,
): Promise<AccountRef> {
  q = await openQueue(pacing);
  const account = await q.account({ lastHighAt: q.clock.now(), ...columns });
  await q.newDispatcher({ isAlone }).add(account);
  await q.clock.advance(0);
  return account;
}

interface Code {
  message: NewMessage;
  id: string;
  start: HeadStart | null;
  /** queues it in a transaction of its own */
  commit(): Promise<void>;
}

async function ask(account: AccountRef, changes: Partial<NewMessage> = {}): Promise<Code> {
  const content = { type: 'text', text: 'a code' };
  const message = newMessage(account, { content, priority: PRIORITIES.high, ...changes });
  const queued = newQueued(q.clock.now());
  const given = await q.deps.signals.headStart(candidateOf(message, queued));
  return {
    message,
    id: queued.id,
    start: given,
    commit: () =>
      transact(q.database, async (tx) => {
        if (given === null) throw new Error('it has no head start');
        await enqueueClaimed(tx, q.deps, message, queued, given);
        const fact = messageFact({ ...message, id: queued.id }, 'message.queued', queued.queuedAt, {});
        const session = { id: account.id, sessionId: account.sessionId, held: given.held };
        await record(tx, q.deps, [{ ...fact, session }]);
      }),
  };
}

const attemptsOf = (account: AccountRef) =>
  q.database.db.select().from(sendAttempts).where(eq(sendAttempts.accountId, account.id));

it('is a claim with fence and attempt from its commit on, leaves after that, and is settled as any other', async () => {
  const account = await start();
  const code = await ask(account);
  await code.commit();
  await turns(5);
  expect(await q.row(code.id)).toMatchObject({ status: 'sending', claimedFence: account.fence, attempts: 1 });
  expect(await q.message(code.id)).toMatchObject({ status: 'sending', attempts: 1 });
  expect(await attemptsOf(account)).toMatchObject([
    { id: code.start?.attemptId, recipient: code.message.peer },
  ]);
  expect(q.engine.attempts).toEqual([]);
  code.start?.go();
  await q.clock.advance(0);
  expect(q.engine.relayed).toMatchObject([
    { messageId: code.message.messageId, content: { type: 'text', text: 'a code' } },
  ]);
  expect(await q.row(code.id)).toBeUndefined();
  expect(await q.message(code.id)).toMatchObject({ status: 'sent', attempts: 1, sentAt: q.clock.now() });
  // The next one may have one too: nothing of the first is left.
  const next = await ask(account);
  await next.commit();
  next.start?.go();
  await q.clock.advance(0);
  expect(q.engine.relayed).toHaveLength(2);
});

it('is expected by the settler until WhatsApp has acknowledged it, or it is given up', async () => {
  q = await openQueue();
  const account = await q.account({ lastHighAt: q.clock.now() });
  const ends: ReturnType<typeof vi.fn>[] = [];
  const areOver = () => ends.map((end) => end.mock.calls.length > 0);
  const expectCode = () => {
    const end = vi.fn();
    ends.push(end);
    return end;
  };
  const written = createSignal();
  const settle: Settler['settle'] = async (item) => {
    await written.given;
    return q.settler.settle(item);
  };
  await q.newDispatcher({ settler: { ...q.settler, expectCode, settle } }).add(account);
  await q.clock.advance(0);
  const sent = await ask(account);
  await sent.commit();
  await turns(5);
  expect(areOver()).toEqual([false]);
  sent.start?.go();
  await q.clock.advance(0);
  expect(await q.message(sent.id)).toMatchObject({ status: 'sending' });
  expect(areOver()).toEqual([true]);
  // Another one need not wait until that is written.
  const given = await ask(account);
  expect(given.start).not.toBeNull();
  given.start?.giveUp(null);
  await q.clock.advance(0);
  expect(areOver()).toEqual([true, true]);
  written.give();
  await q.clock.advance(0);
  expect(await q.message(sent.id)).toMatchObject({ status: 'sent' });
});

it('is not given for a session that a process has paused which is gone by now, and has not told of it', async () => {
  let alone = true;
  q = await openQueue();
  const account = await q.account({ lastHighAt: q.clock.now() });
  const dispatcher = q.newDispatcher({ isAlone: () => alone });
  await dispatcher.add(account);
  await q.clock.advance(0);
  alone = false;
  await q.database.db
    .update(whatsappAccounts)
    .set({ pausedUntil: NO_END, pauseReason: HAND_PAUSE })
    .where(eq(whatsappAccounts.id, account.id));
  alone = true;
  dispatcher.rereadSessions();
  expect((await ask(account)).start).toBeNull();
  await q.queue(account, { priority: PRIORITIES.high });
  await q.clock.advance(1_000);
  expect(q.engine.attempts).toEqual([]);
  expect((await ask(account)).start).toBeNull();
});

const OPEN = () => ({ type: 'text' as const, text: 'a code' });

it('is made ready while its transaction runs, and leaves when that is committed', async () => {
  const account = await start();
  const code = await ask(account);
  code.start?.begin(OPEN);
  // Its transaction is tried again.
  code.start?.begin(OPEN);
  await turns(5);
  expect(q.engine.attempts.map(({ messageId }) => messageId)).toEqual([code.message.messageId]);
  await code.commit();
  await turns(5);
  expect(q.engine.relayed).toEqual([]);
  code.start?.go(OPEN);
  await q.clock.advance(0);
  expect(q.engine.attempts).toHaveLength(1);
  expect(q.engine.relayed).toHaveLength(1);
  expect(await q.message(code.id)).toMatchObject({ status: 'sent', attempts: 1 });
});

it.each([
  ['is rolled back', null],
  ['may be committed or not', new Error('the connection is gone')],
])('that was made ready does not leave when its transaction %s', async (_how, error) => {
  const account = await start();
  const code = await ask(account);
  code.start?.begin(OPEN);
  await turns(5);
  code.start?.giveUp(error);
  await q.clock.advance(1_000);
  expect(q.engine.attempts).toHaveLength(1);
  expect(q.engine.relayed).toEqual([]);
  const next = await ask(account);
  await next.commit();
  next.start?.go(OPEN);
  await q.clock.advance(0);
  expect(q.engine.relayed.map(({ messageId }) => messageId)).toEqual([next.message.messageId]);
});

it('does not read its session again before it leaves, but hears of a pause', async () => {
  const account = await start();
  const code = await ask(account);
  code.start?.begin(OPEN);
  await code.commit();
  counter.take();
  code.start?.go(OPEN);
  await q.clock.advance(0);
  expect(q.engine.relayed).toHaveLength(1);
  const reads = [...counter.take().texts.keys()].filter((text) => /^select .*whatsapp_accounts/.test(text));
  expect(reads).toEqual([]);

  const paused = await ask(account, { phone: '6281200000002' });
  paused.start?.begin(OPEN);
  await paused.commit();
  await pauseByHand(q.deps, account, null, { actorId: 1, ip: null, userAgent: null, requestId: 'test' });
  paused.start?.go(OPEN);
  await q.clock.advance(1_000);
  expect(q.engine.relayed).toHaveLength(1);
  expect(await q.row(paused.id)).toMatchObject({ status: 'pending' });
});

it('finds a pause of which the line was not told within half a minute, and looks no more often', async () => {
  const account = await start();
  const send = async (phone: string): Promise<Code> => {
    const code = await ask(account, { phone });
    code.start?.begin(OPEN);
    await code.commit();
    code.start?.go(OPEN);
    await q.clock.advance(0);
    return code;
  };
  const looks = () => [...counter.take().texts.keys()].filter((text) => LOOK.test(text)).length;
  await q.clock.advance(30_001);
  counter.take();
  await send('6281200000001');
  expect(looks()).toBe(1);
  await send('6281200000002');
  expect(looks()).toBe(0);
  expect(q.engine.relayed).toHaveLength(2);
  // As a tool does, or a person whose commit was not answered.
  const pause = { pausedUntil: NO_END, pauseReason: HAND_PAUSE };
  await q.database.db.update(whatsappAccounts).set(pause).where(eq(whatsappAccounts.id, account.id));
  await q.clock.advance(30_001);
  const held = await send('6281200000003');
  expect(held.start).not.toBeNull();
  expect(q.engine.relayed).toHaveLength(2);
  expect(await q.row(held.id)).toMatchObject({ status: 'pending' });
});

/** The look before a relay. */
const LOOK = /^select .* from .whatsapp_accounts. left join .message_queue./;

it('is looked at once more when it is ready, however long that takes: a pause holds it, a late one expires', async () => {
  const account = await start();
  q.engine.prepare = () => sleep(q.clock, 5_000);
  const begin = async (changes: Partial<NewMessage>): Promise<Code> => {
    const code = await ask(account, changes);
    code.start?.begin(OPEN);
    await code.commit();
    code.start?.go(OPEN);
    await q.clock.advance(0);
    return code;
  };
  const held = await begin({});
  const actor = { actorId: 1, ip: null, userAgent: null, requestId: 'test' };
  await pauseByHand(q.deps, account, null, actor);
  await q.clock.advance(10_000);
  expect(q.engine.relayed).toEqual([]);
  expect(await q.row(held.id)).toMatchObject({ status: 'pending' });
  await resumeByHand(q.deps, account, actor);
  await q.clock.advance(10_000);
  expect(q.engine.relayed).toMatchObject([{ messageId: held.message.messageId }]);

  const late = await begin({ phone: '6281200000002', expiresAt: q.clock.now() + 3_000 });
  await q.clock.advance(10_000);
  expect(q.engine.relayed).toHaveLength(1);
  expect(await q.message(late.id)).toMatchObject({ status: 'expired' });

  const slow = await begin({ phone: '6281200000003' });
  await q.clock.advance(10_000);
  expect(q.engine.relayed).toHaveLength(2);
  const left = (await attemptsOf(account)).find(({ id }) => id === slow.start?.attemptId);
  expect(left?.at).toBe((slow.start?.at ?? 0) + 5_000);
});

it('is told of at the acknowledgement, before its outcome is written; other messages are told of after that', async () => {
  const account = await start();
  const heard: string[] = [];
  q.deps.signals.onAcknowledged(({ id, status }) => heard.push(`${id} acknowledged ${status}`));
  q.deps.signals.onSettled(({ id, status }) => heard.push(`${id} settled ${status}`));
  const code = await ask(account, { type: 'otp' });
  code.start?.begin(OPEN);
  await code.commit();
  code.start?.go(OPEN);
  await q.clock.advance(0);
  const queue = async (phone: string, type: NewMessage['type']) => {
    const { id } = await q.queue(account, { phone, type, priority: PRIORITIES.high });
    await q.clock.advance(0);
    return id;
  };
  const queued = await queue('6281200000002', 'otp');
  const text = await queue('6281200000003', 'text');
  expect(heard).toEqual([
    `${code.id} acknowledged sent`,
    `${code.id} settled sent`,
    `${queued} acknowledged sent`,
    `${queued} settled sent`,
    `${text} settled sent`,
  ]);
});

it('takes its place in the limits and before its recipient, and gives it back when nothing is written', async () => {
  const account = await start({ perMinute: 1 });
  const code = await ask(account);
  expect(code.start).not.toBeNull();
  expect((await ask(account, { phone: '6281200000002' })).start).toBeNull();
  code.start?.giveUp(null);
  await q.clock.advance(0);
  const other = await ask(account);
  await other.commit();
  other.start?.go();
  await q.clock.advance(0);
  expect(q.engine.relayed).toHaveLength(1);
  expect((await ask(account)).start).toBeNull();
});

it('that is committed and never begun is taken back and sent, once', async () => {
  let alone = true;
  const account = await start({}, {}, () => alone);
  const code = await ask(account);
  await code.commit();
  // The answer to the commit was lost.
  code.start?.giveUp(new Error('the connection is gone'));
  await q.clock.advance(1_000);
  expect(q.engine.relayed.map(({ messageId }) => messageId)).toEqual([code.message.messageId]);
  expect(await q.message(code.id)).toMatchObject({ status: 'sent' });

  const dead = await ask(account, { phone: '6281200000002' });
  await dead.commit();
  // Its process dies; another owner takes the session over.
  alone = false;
  const after = { ...account, owner: 'other'.padEnd(32, '0'), fence: 2 };
  const { owner, fence } = after;
  await q.database.db
    .update(whatsappAccounts)
    .set({ owner, fence })
    .where(eq(whatsappAccounts.id, account.id));
  await q.newDispatcher().add(after);
  await until(async () => q.engine.relayed.length === 2);
  dead.start?.go();
  await q.clock.advance(0);
  const sent = q.engine.relayed.filter(({ messageId }) => messageId === dead.message.messageId);
  expect(sent).toHaveLength(1);
  expect(await q.message(dead.id)).toMatchObject({ status: 'sent', attempts: 2 });
});

it('is lost with the session, and then nothing is queued', async () => {
  const account = await start();
  const code = await ask(account);
  await q.database.db.update(whatsappAccounts).set({ fence: 2 }).where(eq(whatsappAccounts.id, account.id));
  await expect(code.commit()).rejects.toThrow(SessionNotHeld);
  code.start?.giveUp(null);
  await q.clock.advance(0);
  expect(await q.row(code.id)).toBeUndefined();
  expect(await attemptsOf(account)).toEqual([]);
  // By now the line knows.
  expect((await ask(account)).start).toBeNull();
});

it('keeps its fence where facts of other sessions are recorded with its own', async () => {
  const account = await start();
  const other = await q.account();
  const factOf = ({ id, sessionId, userId }: AccountRef, held?: AccountRef) => ({
    userId,
    event: 'session.status' as const,
    session: { id, sessionId, ...(held ? { held } : {}) },
  });
  const recordBoth = (held: AccountRef) =>
    transact(q.database, (tx) => record(tx, q.deps, [factOf(other), factOf(account, held)]));
  await recordBoth(account);
  await expect(recordBoth({ ...account, fence: 99 })).rejects.toThrow(SessionNotHeld);
  await expect(recordBoth({ ...account, owner: 'other'.padEnd(32, '0') })).rejects.toThrow(SessionNotHeld);
  for (const { id } of [account, other]) {
    const rows = await q.database.db.select().from(activityLogs).where(eq(activityLogs.accountId, id));
    expect(rows.map(({ seq }) => seq)).toEqual([1]);
  }
});

it.each<[string, () => Promise<AccountRef>, Partial<NewMessage>?]>([
  ['it is no code', () => start(), { priority: PRIORITIES.normal }],
  ['the session is paused', () => start({}, { pausedUntil: Date.now() + 86_400_000, pauseReason: 'manual' })],
  ['no code was sent for long', () => start({}, { lastHighAt: null })],
  ['it is too late', () => start(), { expiresAt: 1 }],
  [
    'the person is a stranger, and strangers are counted',
    () => start({ newContactsPerDay: 20 }),
    { phone: '6281299999999', peer: '6281299999999@s.whatsapp.net' },
  ],
  [
    'the session is not connected',
    async () => {
      const account = await start();
      q.engine.setConnected(false);
      return account;
    },
  ],
  [
    'there are other processes',
    async () => {
      q = await openQueue();
      const account = await q.account({ lastHighAt: q.clock.now() });
      await q.newDispatcher({ isAlone: () => false }).add(account);
      await q.clock.advance(0);
      return account;
    },
  ],
  [
    'a message is on its way',
    async () => {
      const account = await start();
      q.engine.answer = () => q.engine.later(5_000);
      await q.queue(account, { phone: '6281200000003' });
      await q.clock.advance(0);
      return account;
    },
  ],
  [
    'the gap is not over',
    async () => {
      const account = await start({ delayMinMs: 3_000, delayMaxMs: 3_000 });
      await q.queue(account, { phone: '6281200000003' });
      await q.clock.advance(10);
      return account;
    },
  ],
  [
    'a code waits already, of which the line has not heard',
    async () => {
      const account = await start();
      const { db } = q.database;
      const waiting = await q.queue(account, { phone: '6281200000003', scheduledAt: q.clock.now() + 60_000 });
      const values = { priority: PRIORITIES.high, availableAt: q.clock.now() };
      await db.update(messageQueue).set(values).where(eq(messageQueue.id, waiting.id));
      q.deps.signals.wake(account.id, { priority: PRIORITIES.high });
      return account;
    },
  ],
])('is not given when %s', async (_when, arrange, changes) => {
  const account = await arrange();
  expect((await ask(account, changes)).start).toBeNull();
  const rows = await q.database.db.select().from(messageQueue).where(eq(messageQueue.status, 'sending'));
  expect(rows.filter(({ accountId }) => accountId === account.id).length).toBeLessThanOrEqual(1);
});
