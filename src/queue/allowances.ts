/**
 * How much a workspace may: its own limits, then those of its plan, then the service's. Looked at for every message and
 * request, so each process remembers them for a second.
 */
import { eq } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { plans, workspaces } from '../db/schema.ts';
import type { Clock } from '../utils/clock.ts';
import type { Config, Quotas } from '../utils/config.ts';
import { createLru } from '../utils/lru.ts';
import type { Maybe } from '../utils/maybe.ts';

/** Everything that a plan, or a workspace by itself, may limit. */
export type LimitName = keyof Quotas | 'otpsPerHour';

/** The limits that somebody has set; what is missing is as the service has it. */
export type Limits = Partial<Record<LimitName, number>>;

export interface Allowances {
  /**
   * The limits that were set for the workspace, at most a second old. Inside of a transaction name it: what is not known is
   * read by it, for another connection might never become free.
   */
  of(userId: number, tx?: Db): Maybe<Limits>;
  /** Call after a commit that changed a plan or a workspace: this process knows at once, others in a second. */
  forget(): void;
}

const MAX_AGE_MS = 1000;
const MAX_ENTRIES = 10_000;

/** Makes the memory of this process. */
export function createAllowances({ db, clock }: { db: Db; clock: Clock }): Allowances {
  const kept = createLru<number, { limits: Limits; until: number }>({ max: MAX_ENTRIES });
  /** readings that others may wait for */
  const running = new Map<number, Promise<Limits>>();
  let generation = 0;

  async function read(userId: number, from: Db): Promise<Limits> {
    // The age counts from before the reading: the row may change while the answer travels.
    const until = clock.monotonic() + MAX_AGE_MS;
    const startedIn = generation;
    const limits = await readLimits(from, userId);
    if (startedIn === generation) kept.set(userId, { limits, until });
    return limits;
  }

  return {
    of(userId, tx) {
      const known = kept.get(userId);
      if (known && known.until > clock.monotonic()) return known.limits;
      if (tx) return read(userId, tx);
      const reading = running.get(userId) ?? read(userId, db).finally(() => running.delete(userId));
      running.set(userId, reading);
      return reading;
    },
    forget() {
      generation += 1;
      running.clear();
      kept.clear();
    },
  };
}

/** The limits that were set for the workspace: each its own, or that of its plan. */
export async function readLimits(db: Db, userId: number): Promise<Limits> {
  const [row] = await db
    .select({ own: workspaces.limits, ofPlan: plans.limits })
    .from(workspaces)
    .leftJoin(plans, eq(plans.id, workspaces.planId))
    .where(eq(workspaces.id, userId));
  return { ...row?.ofPlan, ...row?.own };
}

/** The limit that counts: the one that was set, else the service's own. Null: there is none. */
export function limitOf(
  config: Pick<Config, 'quotas' | 'otp'>,
  limits: Limits,
  name: LimitName,
): number | null {
  return limits[name] ?? (name === 'otpsPerHour' ? config.otp.sendsPerHour : config.quotas[name]);
}
