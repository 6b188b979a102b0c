import { expect, test } from 'vitest';
import type { Candidate } from '../../src/queue/look-ahead.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';
import {
  FOREVER,
  isFullFor,
  type LineView,
  MAX_IN_FLIGHT,
  planRefill,
  planRow,
  planStep,
  REREAD_MS,
  type Step,
} from '../../src/workers/dispatcher/line-plan.ts';

const NOW = Date.UTC(2026, 2, 1);

const view = (change: Partial<LineView> = {}): LineView => ({
  inFlight: 0,
  unsettled: 0,
  tripping: 0,
  isStale: false,
  isLost: false,
  canSend: true,
  pausedUntil: 0,
  rereadAt: 0,
  seenAt: NOW,
  nextSendAt: 0,
  ...change,
});

test.each<[string, Partial<LineView>, Step]>([
  ['nothing is in the way', {}, { do: 'choose' }],
  ['every place is taken, those for codes too', { inFlight: 20 }, { do: 'wait', ms: FOREVER }],
  ['a place for a code is left', { inFlight: 19 }, { do: 'choose' }],
  ['too many outcomes are not written', { unsettled: 48 }, { do: 'wait', ms: FOREVER }],
  ['a refusal that opens the breaker is not written', { tripping: 1 }, { do: 'wait', ms: FOREVER }],
  ['the row may have changed', { isStale: true }, { do: 'read session' }],
  ['the row may have changed, and says whose it is', { isStale: true, isLost: true }, { do: 'read session' }],
  ['the session is lost', { isLost: true }, { do: 'wait', ms: FOREVER }],
  ['the clock was set back an hour', { seenAt: NOW + 3_600_000 }, { do: 'begin again' }],
  ['the socket is closed', { canSend: false }, { do: 'wait', ms: 500 }],
  ['the gap is not over', { nextSendAt: NOW + 700 }, { do: 'wait', ms: 700 }],
  ['a pause whose row was not read lately', { pausedUntil: FOREVER }, { do: 'read paused session' }],
  [
    'a pause without end whose row was read',
    { pausedUntil: FOREVER, rereadAt: NOW + REREAD_MS },
    { do: 'wait for a pause', ms: REREAD_MS },
  ],
  [
    'a pause that ends before the row is read again',
    { pausedUntil: NOW + 900, rereadAt: NOW + REREAD_MS },
    { do: 'wait for a pause', ms: 900 },
  ],
])('%s', (_name, change, step) => {
  expect(planStep(view(change), NOW)).toEqual(step);
});

test('a row that is over or was begun too often is not asked about its limits', () => {
  const row: Candidate = {
    id: '1',
    messageId: 'm1',
    accountId: 'a1',
    userId: 1,
    sessionId: 's1',
    recipient: '6281@s.whatsapp.net',
    peer: '6281@s.whatsapp.net',
    phone: '6281',
    type: 'text',
    lid: null,
    contentJson: null,
    priority: PRIORITIES.normal,
    availableAt: NOW,
    scheduledAt: null,
    queuedAt: NOW,
    expiresAt: null,
    attempts: 0,
    tries: 0,
  };
  const never = () => {
    throw new Error('asked');
  };
  expect(planRow({ ...row, expiresAt: NOW }, NOW, 3, never)).toEqual({ do: 'expire' });
  expect(planRow({ ...row, tries: 103 }, NOW, 3, never)).toEqual({ do: 'give up' });
  expect(planRow({ ...row, tries: 102 }, NOW, 3, () => ({ at: 0, reason: null }))).toEqual({ do: 'take' });
  const held = { at: NOW + 5, reason: 'minute_limit' } as const;
  expect(planRow(row, NOW, 3, () => held)).toEqual({ do: 'hold', ...held });
});

test('messages leave the last places to codes', () => {
  expect(isFullFor(PRIORITIES.normal, MAX_IN_FLIGHT - 1)).toBe(false);
  expect(isFullFor(PRIORITIES.normal, MAX_IN_FLIGHT)).toBe(true);
  expect(isFullFor(PRIORITIES.high, MAX_IN_FLIGHT)).toBe(false);
  expect(isFullFor(PRIORITIES.low, 7)).toBe(false);
  expect(isFullFor(PRIORITIES.low, 8)).toBe(true);
});

test('a full window waits a moment until half of it is free', () => {
  const { normal, low } = PRIORITIES;
  const at = (inFlight: number, nowMs: number, hasGap = false) => ({
    priority: normal,
    inFlight,
    hasGap,
    nowMs,
  });
  const lowAt = (inFlight: number, nowMs: number) => ({ ...at(inFlight, nowMs), priority: low });
  expect(planRefill('when one is free', lowAt(5, 100))).toEqual({ ms: 10, refill: 110 });
  expect(planRefill(110, lowAt(4, 101))).toEqual({ ms: 0, refill: 'at once' });
  expect(planRefill('at once', at(15, 100))).toEqual({ ms: 0, refill: 'at once' });
  expect(planRefill('when one is free', at(15, 100))).toEqual({ ms: 10, refill: 110 });
  expect(planRefill(110, at(9, 104))).toEqual({ ms: 6, refill: 110 });
  expect(planRefill(110, at(8, 105))).toEqual({ ms: 0, refill: 'at once' });
  expect(planRefill(110, at(15, 110))).toEqual({ ms: 0, refill: 'at once' });
  expect(planRefill('when one is free', at(15, 100, true))).toEqual({ ms: 0, refill: 'at once' });
});
