import { describe, expect, it } from 'vitest';
import type { SendingRow } from '../../src/queue/session-state.ts';
import { campaignHolds } from '../../src/services/campaigns/waiting.ts';
import { campaignHoldWords, toCampaignWaiting } from '../../src/services/campaigns/waiting-words.ts';
import { CONNECTED } from '../helpers/sending-row.ts';

const NOW = Date.UTC(2026, 0, 5, 9);
const HOUR = 3_600_000;
const running = {
  status: 'running' as const,
  reason: null,
  frozenAt: NOW - HOUR,
  dueAt: null,
  waitingReason: null,
  waitingUntil: null,
};
const away: SendingRow = { ...CONNECTED, status: 'disconnected' };
const paused: SendingRow = { ...CONNECTED, pausedUntil: NOW + HOUR, pauseReason: 'paused' };
const holds = (row: Partial<Parameters<typeof campaignHolds>[0]>, senders: SendingRow[] = [CONNECTED]) =>
  campaignHolds({ ...running, ...row }, senders, NOW).map(({ reason, until }) => [reason, until]);

describe('what a campaign waits for', () => {
  it('is nothing while it sends, and once it is over', () => {
    expect(holds({})).toEqual([]);
    expect(holds({ status: 'completed', waitingReason: 'daily_cap' })).toEqual([]);
  });

  it('is its schedule, a pause, or its recipients', () => {
    expect(holds({ status: 'scheduled', dueAt: NOW + HOUR })).toEqual([['scheduled', NOW + HOUR]]);
    expect(holds({ status: 'paused', reason: 'user' })).toEqual([['campaign_paused', null]]);
    expect(holds({ status: 'paused', reason: 'session_logged_out' })).toEqual([['session_logged_out', null]]);
    expect(holds({ frozenAt: null })).toEqual([['recipients', null]]);
  });

  it('is what its feeder met, until that ends', () => {
    const cap = { waitingReason: 'daily_cap', waitingUntil: NOW + HOUR };
    expect(holds(cap)).toEqual([['daily_cap', NOW + HOUR]]);
    expect(holds({ ...cap, waitingUntil: NOW })).toEqual([]);
  });

  it('names every blocker with its own end, what lasts longest first', () => {
    const cap = { waitingReason: 'daily_cap', waitingUntil: NOW + 2 * HOUR };
    expect(holds(cap, [paused])).toEqual([
      ['daily_cap', NOW + 2 * HOUR],
      ['paused', NOW + HOUR],
    ]);
    const away_ = { waitingReason: 'session_disconnected', waitingUntil: null };
    expect(holds(away_, [away])).toEqual([['session_disconnected', null]]);
  });

  it('is what holds the session that is free first, and only while none of them sends', () => {
    expect(holds({}, [away, paused])).toEqual([['paused', NOW + HOUR]]);
    expect(holds({}, [away, CONNECTED])).toEqual([]);
    const suspended: SendingRow = { ...CONNECTED, suspendedAt: NOW - HOUR };
    expect(holds({}, [suspended])).toEqual([['workspace_suspended', null]]);
  });

  it('has words for each, in both languages', () => {
    const reasons = ['daily_cap', 'session_passkey', 'breaker_463', 'workspace_suspended'].concat([
      'quiet_hours',
      'recipient_night',
    ]);
    const all = reasons.map((reason) => ({ reason, until: NOW, everybody: true }));
    for (const { reason, until, text, fix } of toCampaignWaiting(all)) {
      expect(until).toBe(new Date(NOW).toISOString());
      expect(text).not.toContain(reason);
      expect(fix).not.toBeNull();
      expect(campaignHoldWords('id', reason).text).not.toBe(text);
    }
    // The session's own quiet hours are not the recipients' night.
    expect(campaignHoldWords('en', 'quiet_hours').text).not.toMatch(/recipients/);
    expect(campaignHoldWords('en', 'recipient_night').text).toMatch(/recipients/);
  });
});
