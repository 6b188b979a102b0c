/** What workspaces have used, apart from the messages themselves, and the plans that say how much they may. */
import { bigint, id, index, int, json, primaryKey, string, table, timestamp, uniqueIndex } from '../kit.ts';

/** What a message is counted as. `message`: sent one by one; `campaign`: of a broadcast; `otp`: a code. */
export const USAGE_CATEGORIES = ['message', 'campaign', 'otp'] as const;

/**
 * Accepted messages of a day in UTC, written in the transaction that accepts them, and kept when they are deleted. Beside
 * a row for the whole day and one for the whole month, which have no session: limits are held against those.
 */
export const usageCounts = table(
  'usage_counts',
  {
    userId: int().notNull(),
    /** `2026-01-31`; of the whole month `2026-01` */
    period: string(10).notNull(),
    /** as its owner named it; empty: all together, and so are the next three then */
    sessionId: string(100).notNull(),
    /** type of the message */
    kind: string(20).notNull(),
    engine: string(32).notNull(),
    category: string(16).notNull(),
    /** who has counted it (queue/usage.ts): the rows of all slots together are the count */
    slot: int().notNull().default(0),
    count: bigint().notNull(),
    /** of a whole day or month: the highest part of the limit, in percent, that the workspace was warned of; 0: none yet */
    warnedPercent: int().notNull().default(0),
    /** the limit that was; of another one the warnings begin again */
    warnedLimit: bigint(),
  },
  (t) => [
    // The name that drizzle would make is too long for MySQL.
    primaryKey({
      name: 'usage_counts_pk',
      columns: [t.userId, t.period, t.sessionId, t.kind, t.engine, t.category, t.slot],
    }),
    index('usage_counts_period_ix').on(t.period),
    // For those of the past that are not in the shared slot yet.
    index('usage_counts_slot_ix').on(t.slot, t.period),
  ],
);

/** Limits under a name, for workspaces. */
export const plans = table(
  'plans',
  {
    id: id().primaryKey(),
    name: string(120).notNull(),
    /** by name of the limit; what is missing is as the service has it */
    limits: json<Record<string, number>>().notNull(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [uniqueIndex('plans_name_uq').on(t.name)],
);
