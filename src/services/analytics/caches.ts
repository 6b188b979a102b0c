/** The last counts. A page asks every few seconds, and several people look at it. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../utils/clock.ts';
import type { KeptCounts as CampaignCounts } from '../campaigns/counts.ts';
import type { OtpConversion } from './otp-conversion.ts';
import type { KeptCounts } from './overview.ts';
import type { SessionStats } from './session-stats.ts';
import type { Counted } from './totals.ts';

/** Answers that are kept for half a minute. */
export interface AnswerCache<T> {
  /** The answer of the last half minute, or a new one. Callers at the same time share it; a failed one is not kept. */
  get(key: string, read: () => Promise<T>): Promise<T>;
}

export interface StatisticsCaches {
  conversions: AnswerCache<OtpConversion>;
  sessions: AnswerCache<SessionStats>;
  volumes: LRUCache<string, KeptCounts>;
  totals: LRUCache<string, Counted>;
  campaigns: LRUCache<string, CampaignCounts>;
}

const KEEP_MS = 30_000;

/** Makes the caches of this process. */
export function createStatisticsCaches(clock: Clock): StatisticsCaches {
  return {
    conversions: createAnswerCache(clock, 200),
    sessions: createAnswerCache(clock, 200),
    volumes: new LRUCache({ max: 5_000 }),
    totals: new LRUCache({ max: 2_000 }),
    campaigns: new LRUCache({ max: 10_000 }),
  };
}

function createAnswerCache<T>(clock: Clock, max: number): AnswerCache<T> {
  const kept = new LRUCache<string, { at: number; answer: Promise<T> }>({ max });
  return {
    get(key, read) {
      const now = clock.monotonic();
      const known = kept.get(key);
      if (known && now - known.at < KEEP_MS) return known.answer;
      const answer = read();
      kept.set(key, { at: now, answer });
      answer.catch(() => kept.delete(key));
      return answer;
    },
  };
}
