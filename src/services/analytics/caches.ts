/** The last counts. A page asks every few seconds, and several people look at it. */
import type { LRUCache } from 'lru-cache';
import type { Clock } from '../../utils/clock.ts';
import { createLru } from '../../utils/lru.ts';
import type { CountedAlarms, LateQueues, RefusedCodes } from '../alarms/state.ts';
import type { KeptCounts as CampaignCounts } from '../campaigns/counts.ts';
import type { KeptRecall } from '../campaigns/recall-view.ts';
import type { Tally } from '../otp/conversion.ts';
import type { OtpConversion } from './otp-conversion.ts';
import type { KeptCounts } from './overview.ts';
import type { SessionStats } from './session-stats.ts';
import type { Counted } from './totals.ts';

/** Answers that are kept for half a minute, or as long as is said. */
export interface AnswerCache<T> {
  /** The answer that is kept, or a new one. Callers at the same time share it; a failed one is not kept. */
  get(key: string, read: () => Promise<T>): Promise<T>;
}

export interface StatisticsCaches {
  conversions: AnswerCache<OtpConversion>;
  sessions: AnswerCache<SessionStats>;
  volumes: LRUCache<string, KeptCounts>;
  totals: LRUCache<string, Counted>;
  campaigns: LRUCache<string, CampaignCounts>;
  recalls: LRUCache<string, KeptRecall>;
  /** of alarms: five seconds */
  alarms: AnswerCache<CountedAlarms>;
  /** codes of the last hour, of all workspaces: a quarter of a minute */
  tallies: AnswerCache<ReadonlyMap<number, Tally>>;
  late: AnswerCache<LateQueues>;
  refused: AnswerCache<RefusedCodes>;
  service: AnswerCache<string[]>;
}

const KEEP_MS = 30_000;
/** Alarms are on every page, and a person waits for the one that should go. */
const ALARM_MS = 5_000;

/** As often as the alarms of all workspaces are looked at: one count a look. */
const TALLY_MS = 15_000;

/** Makes the caches of this process. */
export function createStatisticsCaches(clock: Clock): StatisticsCaches {
  return {
    conversions: createAnswerCache(clock, 200),
    sessions: createAnswerCache(clock, 200),
    volumes: createLru({ max: 5_000 }),
    totals: createLru({ max: 2_000 }),
    campaigns: createLru({ max: 10_000 }),
    recalls: createLru({ max: 1_000 }),
    alarms: createAnswerCache(clock, 2_000, ALARM_MS),
    tallies: createAnswerCache(clock, 1, TALLY_MS),
    late: createAnswerCache(clock, 2_000, ALARM_MS),
    refused: createAnswerCache(clock, 2_000, ALARM_MS),
    service: createAnswerCache(clock, 1, ALARM_MS),
  };
}

function createAnswerCache<T>(clock: Clock, max: number, keepMs = KEEP_MS): AnswerCache<T> {
  const kept = createLru<string, { at: number; answer: Promise<T> }>({ max });
  return {
    get(key, read) {
      const now = clock.monotonic();
      const known = kept.get(key);
      if (known && now - known.at < keepMs) return known.answer;
      const answer = read();
      kept.set(key, { at: now, answer });
      answer.catch(() => kept.delete(key));
      return answer;
    },
  };
}
