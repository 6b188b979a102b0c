/** A look before a relay that answers late: what was read since counts. */
import { afterEach, expect, it, vi } from 'vitest';
import * as accountState from '../../src/queue/account-state.ts';
import { pauseByHand } from '../../src/queue/pause.ts';
import { createGate } from '../../src/workers/dispatcher/gate.ts';
import { turns } from '../helpers/clock.ts';
import { createSignal } from '../helpers/signal.ts';
import { until } from '../helpers/until.ts';
import { openQueue, type QueueFixture } from './fixture.ts';

const { createRelayLook, readAccountState } = accountState;
const database = {
  /** runs when a look has read, before it answers */
  afterLook: async () => {},
  /** readings of a row that was paused */
  pauses: 0,
};
vi.spyOn(accountState, 'createRelayLook').mockImplementation((...args) => {
  const look = createRelayLook(...args);
  return async (...asked) => {
    const answer = await look(...asked);
    await database.afterLook();
    return answer;
  };
});
vi.spyOn(accountState, 'readAccountState').mockImplementation(async (...args) => {
  const state = await readAccountState(...args);
  if (state?.pausedUntil) database.pauses++;
  return state;
});

const ORIGIN = { actorId: 1, ip: null, userAgent: null, requestId: 'test' };
let q: QueueFixture;
afterEach(() => q.close());

it('hides no pause that was read since, neither for its own message nor for the next one', async () => {
  q = await openQueue();
  const account = await q.account();
  await q.dispatcher.add(account);
  // So long after its last reading the line looks again.
  await q.clock.advance(1_001);
  const [looked, answers] = [createSignal(), createSignal()];
  database.afterLook = () => {
    looked.give();
    return answers.given;
  };
  const first = await q.queue(account);
  await looked.given;
  await pauseByHand(q.deps, account, null, ORIGIN);
  await until(() => database.pauses > 0);
  await turns(2);
  database.afterLook = async () => {};
  answers.give();
  await q.clock.advance(0);
  const next = await q.queue(account, { phone: '6281200000002' });
  await q.clock.advance(0);
  expect(q.engine.relayed).toEqual([]);
  for (const { id } of [first, next]) expect(await q.row(id)).toMatchObject({ status: 'pending' });
});

it('makes nothing that is known younger, and forbids its own message what it has seen', async () => {
  q = await openQueue();
  const account = await q.account();
  const gate = createGate(q.deps, account, () => undefined);
  const free = await readAccountState(q.database.db, account.id);
  const early = gate.beginReading();
  await q.clock.advance(500);
  const late = gate.beginReading();
  const lateAt = q.clock.now();
  await q.clock.advance(500);
  expect(gate.takeIn(free, late)).toBe(true);
  const paused = free && { ...free, pausedUntil: q.clock.now() + 60_000, pauseReason: 'paused' };
  expect(gate.takeIn(paused, early)).toBe(false);
  expect([gate.pausedUntil(), gate.readAt()]).toEqual([0, lateAt]);
  expect(gate.takeIn(paused, gate.beginReading())).toBe(false);
  expect(gate.takeIn(free, late)).toBe(false);
  expect([gate.pausedUntil(), gate.readAt()]).toEqual([paused?.pausedUntil, q.clock.now()]);
});
