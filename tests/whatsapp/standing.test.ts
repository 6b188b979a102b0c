import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { type Clock, systemClock } from '../../src/utils/clock.ts';
import { newMessageId } from '../../src/utils/ids.ts';
import { type BaileysEngineOptions, createBaileysEngine } from '../../src/whatsapp/baileys/adapter.ts';
import { followStanding, readCap, readLock } from '../../src/whatsapp/baileys/standing.ts';
import type { EngineName } from '../../src/whatsapp/capabilities.ts';
import type { AccountRef, Engine, Standing } from '../../src/whatsapp/engine.ts';
import { createMultiSessionEngine } from '../../src/whatsapp/multi-session/adapter.ts';
import { createFakeClock } from '../helpers/clock.ts';
import { sendOptions, startTestEngine, type TestEngine, until } from '../helpers/engine.ts';

const PHONE = '6281100000801';
const SIX_HOURS = 21_600;
const ENGINES: Record<EngineName, (options: BaileysEngineOptions) => Engine> = {
  baileys: createBaileysEngine,
  'wa-multi-session': createMultiSessionEngine,
};

/** After it has asked, an engine rests for so long. */
const REST_MS = 10_000;

/** The real clock, on which `endRests` ends those that last at the moment. */
function createRestlessClock(): { clock: Clock; endRests(): void } {
  const resting = new Set<() => void>();
  return {
    clock: {
      ...systemClock,
      setTimer(work, delayMs) {
        if (delayMs !== REST_MS) return systemClock.setTimer(work, delayMs);
        const end = () => {
          cancel();
          resting.delete(end);
          work();
        };
        const cancel = systemClock.setTimer(end, delayMs);
        resting.add(end);
        return () => {
          cancel();
          resting.delete(end);
        };
      },
    },
    endRests() {
      for (const end of [...resting]) end();
    },
  };
}

describe.each(Object.entries(ENGINES))('what %s tells of the account', (_name, createEngine) => {
  const { clock, endRests } = createRestlessClock();
  let world: TestEngine;
  let account: AccountRef;
  let next = 1;
  const freshNumber = () => `62847${String(next++).padStart(7, '0')}`;

  beforeAll(async () => {
    world = await startTestEngine({ clock }, createEngine);
    account = await world.connect(PHONE);
  });
  afterAll(() => world.stop());
  beforeEach(() => world.emulator.reset());

  const told = (): Standing[] =>
    world.callbacks.events(account.id).flatMap((event) => (event.type === 'standing' ? [event] : []));
  const toldSince = (count: number) => told().slice(count);

  it('is asked for when it is connected', async () => {
    await until(() => told().length >= 2);
    expect(told()[0]).toMatchObject({ timeLock: null });
    expect(told()[1]).toMatchObject({ newChatCap: null });
  });

  it('comes by itself: a time lock, its end, a cap', async () => {
    let before = told().length;
    const lock = world.emulator.setStanding({
      phone: PHONE,
      timeLock: { seconds: SIX_HOURS, kind: 'BIZ_QUALITY' },
    });
    await until(() => toldSince(before).length > 0);
    const until6h = Date.parse(lock.timeLock?.until ?? '');
    expect(toldSince(before)).toMatchObject([{ timeLock: { until: until6h, kind: 'BIZ_QUALITY' } }]);
    before = told().length;
    world.emulator.setStanding({ phone: PHONE, timeLock: null });
    await until(() => toldSince(before).length > 0);
    expect(toldSince(before)).toMatchObject([{ timeLock: null }]);
    before = told().length;
    world.emulator.setStanding({ phone: PHONE, cap: { total: 30, used: 4, status: 'SECOND_WARNING' } });
    await until(() => toldSince(before).length > 0);
    expect(toldSince(before)).toMatchObject([
      { newChatCap: { total: 30, used: 4, status: 'SECOND_WARNING', until: expect.any(Number) } },
    ]);
  });

  it('is asked for after a 463, which fails', async () => {
    const lock = world.emulator.setStanding({
      phone: PHONE,
      timeLock: { seconds: SIX_HOURS },
      silent: true,
    });
    const before = told().length;
    expect(await world.send(account, freshNumber(), 'hello')).toMatchObject({
      outcome: 'refused',
      code: '463',
    });
    endRests();
    await until(() => toldSince(before).some(({ timeLock }) => timeLock));
    expect(toldSince(before)).toContainEqual({
      type: 'standing',
      timeLock: { until: Date.parse(lock.timeLock?.until ?? ''), kind: 'DEFAULT' },
    });
  });

  it('a 479 is answered by asking for devices and address once more, and one more try', async () => {
    const to = freshNumber();
    const messageId = newMessageId();
    expect((await world.send(account, to, 'first')).outcome).toBe('acknowledged');
    world.emulator.setRule({ number: to, behaviour: 'stale_devices' });
    let asked = 0;
    const mayRelay = async () => ++asked > 0;
    const result = await world.send(account, to, 'second', { messageId, mayRelay });
    expect(result.outcome).toBe('acknowledged');
    expect(asked).toBe(2);
    expect(world.emulator.stanzas({ to }).filter(({ id }) => id === messageId)).toHaveLength(2);
    await until(() => world.emulator.messages({ to, id: messageId }).length === 1);
  });

  it('a second 479 fails the message, after two stanzas', async () => {
    const to = freshNumber();
    const messageId = newMessageId();
    world.emulator.setRule({ number: to, behaviour: 'ack_error:479' });
    const result = await world.send(account, to, 'hello', { messageId });
    expect(result).toMatchObject({ outcome: 'refused', code: '479' });
    expect(world.emulator.stanzas({ to }).filter(({ id }) => id === messageId)).toHaveLength(2);
  });

  it('the second try does not leave when it may not', async () => {
    const to = freshNumber();
    world.emulator.setRule({ number: to, behaviour: 'ack_error:479' });
    let asked = 0;
    const result = await world.send(account, to, 'hello', { mayRelay: async () => ++asked === 1 });
    expect(result.outcome).toBe('withheld');
    expect(world.emulator.stanzas({ to })).toHaveLength(1);
  });

  it('a group with stale devices of a member is tried once more as well', async () => {
    const [one = '', two = ''] = [freshNumber(), freshNumber()];
    const { id } = world.emulator.createGroup({ subject: 'G', participants: [PHONE, one, two] });
    const to = { jid: id, phone: null, lid: null };
    const content = { type: 'text' as const, text: 'hello' };
    const send = () => world.engine.send(account.id, to, content, sendOptions());
    expect((await send()).outcome).toBe('acknowledged');
    world.emulator.setRule({ number: two, behaviour: 'stale_devices' });
    expect((await send()).outcome).toBe('acknowledged');
    await until(() => world.emulator.messages({ to: two }).length === 2);
  });
});

test('a lock without an end that can be used lasts a minute, and only the server says that there is none', () => {
  const minute = { until: 61_000, kind: 'DEFAULT' };
  expect(readLock({ isActive: true }, 1_000)).toEqual(minute);
  for (const end of [0, 999, Number.NaN]) {
    expect(readLock({ isActive: true, timeEnforcementEnds: new Date(end) }, 1_000)).toEqual(minute);
  }
  expect(readLock({ isActive: true, enforcementType: { odd: 1 } as never }, 1_000)).toEqual(minute);
  expect(readLock({ isActive: false, timeEnforcementEnds: new Date(9_000) }, 1_000)).toBeNull();
});

const NOW = Date.UTC(2026, 4, 1);
const IN_A_WEEK = NOW / 1000 + 7 * 86_400;
test.each([
  [null, undefined],
  ['none', undefined],
  [{}, undefined],
  [{ total_quota: null, used_quota: 3 }, undefined],
  [{ total_quota: Number.NaN }, undefined],
  [{ total_quota: 'many', capping_status: 'NONE' }, undefined],
  [{ total_quota: -1, used_quota: 0 }, null],
  [{ total_quota: '-1' }, null],
  [{ total_quota: 0, used_quota: 0 }, null],
  [{ total_quota: 20 }, { total: 20, used: 0, status: 'NONE', until: null }],
  [
    { total_quota: '20', used_quota: '7', cycle_end_timestamp: String(IN_A_WEEK) },
    { total: 20, used: 7, status: 'NONE', until: IN_A_WEEK * 1000 },
  ],
  [
    { total_quota: 20, used_quota: {}, capping_status: 7, cycle_end_timestamp: 9e15 },
    { total: 20, used: 0, status: 'NONE', until: null },
  ],
  [
    { total_quota: 20, used_quota: 1, cycle_end_timestamp: IN_A_WEEK + 60 * 86_400 },
    { total: 20, used: 1, status: 'NONE', until: null },
  ],
  [
    { used_quota: -4, capping_status: 'CAPPED', cycle_end_timestamp: '1' },
    { total: null, used: 0, status: 'CAPPED', until: null },
  ],
])('the cap %j is read as %j', (answer, cap) => {
  expect(readCap(answer, NOW)).toEqual(cap);
});

test('an odd answer ends nothing: nothing is told, and the next refusal asks again', async () => {
  const clock = createFakeClock();
  const closing = new AbortController();
  const listeners = { added: 0, removed: 0 };
  const closed = {
    aborted: false,
    addEventListener: (_type: string, listener: () => void) => {
      listeners.added += 1;
      closing.signal.addEventListener('abort', listener);
    },
    removeEventListener: (_type: string, listener: () => void) => {
      listeners.removed += 1;
      closing.signal.removeEventListener('abort', listener);
    },
  };
  const told: unknown[] = [];
  let asked = 0;
  const ws = new EventEmitter();
  const sock = {
    ev: new EventEmitter(),
    ws,
    fetchAccountReachoutTimelock: async () => undefined,
    fetchNewChatMessageCap: async () => {
      asked += 1;
      // Whatever it is that cannot be read.
      return {
        get total_quota() {
          throw new Error('odd');
        },
      };
    },
  };
  const link = { sock, clock, closed, answerTimeoutMs: 1_000 };
  followStanding(link as never, { tell: (event: unknown) => told.push(event) } as never);
  const refuse = () => ws.emit('CB:ack,class:message', { tag: 'ack', attrs: { error: '463' } });
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  for (let n = 1; n <= 3; n++) {
    refuse();
    await until(() => asked === n);
    await clock.advance(11_000);
  }
  process.off('unhandledRejection', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
  expect(told).toEqual([]);
  expect(listeners.removed).toBe(listeners.added);
});
