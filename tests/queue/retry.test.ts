import { describe, expect, it } from 'vitest';
import { createOrderedIds } from '../../src/queue/ordered-ids.ts';
import { applyProof } from '../../src/queue/progress.ts';
import { type Attempt, decide, retryDelayMs } from '../../src/queue/retry.ts';

const attempt = (over: Partial<Attempt>): Attempt => ({
  result: { outcome: 'unknown', reason: 'timeout' },
  attempts: 1,
  maxAttempts: 3,
  connected: true,
  now: 1_000,
  random: 0.5,
  ...over,
});

describe('the retry policy', () => {
  it('doubles from 2 s to a minute, the upper half random', () => {
    expect([1, 2, 3, 9].map((n) => retryDelayMs(n, 0))).toEqual([1_000, 2_000, 4_000, 30_000]);
    expect([1, 2, 3, 9].map((n) => retryDelayMs(n, 1))).toEqual([2_000, 4_000, 8_000, 60_000]);
  });

  it('ends after the last attempt with the reason', () => {
    expect(decide(attempt({ attempts: 2 }))).toEqual({
      action: 'retry',
      availableAt: 4_000,
      reason: 'NO_ACK',
    });
    expect(decide(attempt({ attempts: 3 }))).toMatchObject({ action: 'failed', errorCode: 'NO_ACK' });
    const result = { outcome: 'not_sent', reason: 'query' } as const;
    expect(decide(attempt({ attempts: 3, result }))).toMatchObject({
      action: 'failed',
      errorCode: 'NOT_SENT',
    });
  });

  it('does not blame a message for a socket that is gone', () => {
    const result = { outcome: 'not_sent', reason: 'closed' } as const;
    expect(decide(attempt({ attempts: 3, result, connected: false }))).toEqual({ action: 'release' });
  });

  it('ends what lost its connection in every attempt that had begun, with the code that is known', () => {
    const result = { outcome: 'not_sent', reason: 'connection closed', begun: true } as const;
    const decided = (attempts: number, more: object = {}) =>
      decide(attempt({ attempts, result: { ...result, ...more }, connected: false }));
    expect(decided(2)).toMatchObject({ action: 'retry' });
    expect(decided(3)).toMatchObject({ action: 'failed', errorCode: 'NOT_SENT' });
    expect(decided(3, { code: 'RECIPIENT_KEYS' })).toMatchObject({ errorCode: 'RECIPIENT_KEYS' });
  });

  it('lets a message that waits for its file wait, as often as it takes', () => {
    const result = { outcome: 'postponed', reason: 'storage' } as const;
    const decided = [0, 1].map((random) => decide(attempt({ attempts: 9, result, random })));
    expect(decided).toEqual([
      { action: 'release', availableAt: 6_000 },
      { action: 'release', availableAt: 11_000 },
    ]);
  });

  it.each([
    ['463', 'failed'],
    ['479', 'failed'],
    ['406', 'failed'],
    ['500', 'retry'],
    ['503', 'retry'],
  ])('answers a refusal %s with %s', (code, action) => {
    const result = { outcome: 'refused', code, message: 'no' } as const;
    expect(decide(attempt({ result }))).toMatchObject({ action });
  });
});

describe('progress', () => {
  const none = { status: 'sending', sentAt: null, deliveredAt: null, readAt: null } as const;

  it('goes forward only', () => {
    const sent = applyProof(none, { status: 'sent', at: 5 });
    expect(sent).toEqual({ next: { ...none, status: 'sent', sentAt: 5 }, steps: ['sent'] });
    expect(applyProof(sent.next, { status: 'sent', at: 9 }).steps).toEqual([]);
    const read = applyProof(sent.next, { status: 'read', at: 9 });
    expect(read.next).toEqual({ status: 'read', sentAt: 5, deliveredAt: 9, readAt: 9 });
    expect(read.steps).toEqual(['delivered', 'read']);
    expect(applyProof(read.next, { status: 'delivered', at: 10 })).toEqual({ next: read.next, steps: [] });
  });
});

describe('queue ids', () => {
  it('sort as they were made, also when the clock stands still or goes back', () => {
    const next = createOrderedIds();
    const ids = [...Array.from({ length: 5_000 }, () => next(1_000_000)), next(999_000), next(1_000_100)];
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => /^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/.test(id))).toBe(true);
  });
});
