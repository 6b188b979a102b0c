import { describe, expect, it } from 'vitest';
import { NO_END } from '../../src/queue/pause.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';
import { queueHold, type SendingRow, sendingState } from '../../src/queue/session-state.ts';
import { CONNECTED } from '../helpers/sending-row.ts';

/** 12:00 UTC */
const NOON = Date.UTC(2026, 0, 5, 12);
const LATER = NOON + 60_000;
const { high, normal, low } = PRIORITIES;

const QUIET = { quietHours: { from: '11:00', to: '13:00', timeZone: 'UTC' } };

describe('what holds a session', () => {
  it('is nothing while it is connected', () => {
    for (const priority of [high, normal, low]) {
      expect(sendingState(CONNECTED, NOON, priority)).toEqual({
        connected: true,
        usable: true,
        ready: true,
        holds: [],
      });
    }
  });

  it.each([
    ['a person', { pausedUntil: LATER, pauseReason: 'paused' }, 'paused', LATER, [high, normal, low]],
    [
      'a person without an end',
      { pausedUntil: NO_END, pauseReason: 'paused' },
      'paused',
      null,
      [high, normal, low],
    ],
    ['its minute', { pausedUntil: LATER, pauseReason: 'minute_limit' }, 'minute_limit', LATER, [normal, low]],
    [
      'its minute, codes too',
      { pausedUntil: LATER, pauseReason: 'minute_limit', pausedPriority: 0 },
      'minute_limit',
      LATER,
      [high, normal, low],
    ],
    [
      'its hour',
      { pausedUntil: LATER, pauseReason: 'hour_limit', pausedPriority: 1 },
      'hour_limit',
      LATER,
      [normal, low],
    ],
    ['its quiet hours', { limits: QUIET }, 'quiet_hours', NOON + 3_600_000, [normal, low]],
    ['its breaker', { breakerUntil: LATER, breakerCode: '463' }, 'breaker_463', LATER, [high, normal, low]],
    ['the network', { status: 'disconnected' as const }, 'disconnected', null, [high, normal, low]],
  ])('is %s', (_who, columns, reason, until, priorities) => {
    for (const priority of [high, normal, low]) {
      const { ready, holds } = sendingState({ ...CONNECTED, ...columns }, NOON, priority);
      const isHeld = priorities.some((one) => one === priority);
      expect(ready).toBe(!isHeld);
      expect(holds).toEqual(isHeld ? [{ reason, until, everybody: !reason.startsWith('breaker') }] : []);
    }
  });

  it('is over when its time is', () => {
    const row = { ...CONNECTED, pausedUntil: NOON, pauseReason: 'hour_limit', breakerUntil: NOON };
    expect(sendingState(row, NOON, normal).ready).toBe(true);
  });

  it.each(['logged_out', 'replaced', 'failed'] as const)('for good is that it is %s', (status) => {
    const state = sendingState({ ...CONNECTED, status }, NOON, high);
    expect(state).toMatchObject({ usable: false, connected: false, ready: false });
    expect(sendingState({ ...CONNECTED, paired: false }, NOON, high).usable).toBe(false);
  });

  it('is told with what lasts longest first, and what nobody knows the end of before that', () => {
    const row: SendingRow = {
      ...CONNECTED,
      limits: QUIET,
      pausedUntil: LATER,
      pauseReason: 'minute_limit',
      breakerUntil: NOON + 7_200_000,
      breakerCode: '479',
    };
    const reasons = sendingState(row, NOON, low).holds.map((hold) => hold.reason);
    expect(reasons).toEqual(['breaker_479', 'quiet_hours', 'minute_limit']);
    const away = sendingState({ ...row, status: 'disconnected' }, NOON, low).holds;
    expect(away[0]).toMatchObject({ reason: 'disconnected', until: null });
    // An open breaker holds strangers only, so it is not what holds the queue while something holds everybody.
    expect(queueHold(row, NOON, low)).toMatchObject({ reason: 'quiet_hours' });
  });
});
