/**
 * Places at something of which there is little, in shares: no tenant, and no work of the background, has them all, and the
 * less so while others are there, who would wait for what it does there, too.
 */
import { DatabaseTimeoutError } from './errors.ts';
import { monotonicMs, startTimer, stopTimer } from './event-loop.ts';
import { createWorkQueue, currentWork, type MayGo, type Work } from './work.ts';

export interface Places {
  /**
   * Resolves when the caller's work has a place, with what gives it back. Who goes first: work.ts. Throws
   * DatabaseTimeoutError after `timeoutMs`, or at once when too many wait; who does not wait any more is not counted.
   */
  enter(timeoutMs: number): Promise<() => void>;
  readonly waiting: number;
}

/** Of all places, and of those who may wait, one tenant has at most so many; of the places the background has as many. */
const SHARE = 0.5;

const shareOf = (limit: number) => Math.max(1, Math.ceil(limit * SHARE));

/**
 * Of all places one tenant has at most so many, but two, while another one was there so lately. Its background never has the
 * last of them.
 */
const SHARE_BESIDE = 0.25;
const LATELY_MS = 2_000;

/**
 * Beside others a tenant's background rests after each use, three times as long as it took: it has a quarter of the time, as
 * of the places. What it writes costs those who wait for a commit more than its place does. A use that stood still for
 * long is followed by no longer a rest than this.
 */
const REST_TIMES = 3;
const MAX_REST_MS = 250;

/** The two tenants that were there last. */
function createSeen() {
  let lately: { tenant: number; atMs: number }[] = [];
  return {
    add(tenant: number) {
      const others = lately.filter((one) => one.tenant !== tenant).slice(0, 1);
      lately = [{ tenant, atMs: monotonicMs() }, ...others];
    },
    hasOthers(tenant: number) {
      const sinceMs = monotonicMs() - LATELY_MS;
      return lately.some((one) => one.tenant !== tenant && one.atMs >= sinceMs);
    },
  };
}

/** What is counted by tenant. */
function createTally() {
  const counts = new Map<number | null, number>();
  return {
    of: (tenant: number | null) => counts.get(tenant) ?? 0,
    add(tenant: number | null, by: 1 | -1) {
      const now = (counts.get(tenant) ?? 0) + by;
      if (now > 0) counts.set(tenant, now);
      else counts.delete(tenant);
    },
  };
}

/**
 * `limit` places, for which at most `maxWaiting` of the tenants wait. What the service itself does for all tenants may take
 * every place, and is never refused for what tenants wait for: of it as many may wait.
 */
export function createPlaces(limit: number, maxWaiting: number): Places {
  const line = createWorkQueue<() => void>();
  const share = shareOf(limit);
  const shareBeside = Math.min(share, Math.max(2, Math.ceil(limit * SHARE_BESIDE)));
  const seen = createSeen();
  const waitingShare = shareOf(maxWaiting);
  const taken = { all: 0, background: 0 };
  const placesOf = createTally();
  const waitingOf = createTally();
  const resting = new Set<number>();

  /** How many places the work may have together with what its tenant has. */
  function ofTenant({ tenant, background }: Work): number {
    if (tenant === null) return limit;
    if (!seen.hasOthers(tenant)) return share;
    return background ? Math.max(1, shareBeside - 1) : shareBeside;
  }

  const mayGo: MayGo = (work) =>
    taken.all < limit &&
    (!work.background || (taken.background < share && !isResting(work))) &&
    placesOf.of(work.tenant) < ofTenant(work);

  function mayWait({ tenant }: Work): boolean {
    const ours = waitingOf.of(null);
    if (tenant === null) return ours < maxWaiting;
    return line.size - ours < maxWaiting && waitingOf.of(tenant) < waitingShare;
  }

  function count({ tenant, background }: Work, by: 1 | -1): void {
    taken.all += by;
    if (background) taken.background += by;
    placesOf.add(tenant, by);
  }

  const isResting = ({ tenant }: Work) => tenant !== null && resting.has(tenant);

  function rest({ tenant, background }: Work, tookMs: number): void {
    if (tenant === null || !background || resting.has(tenant) || !seen.hasOthers(tenant)) return;
    resting.add(tenant);
    const end = () => {
      resting.delete(tenant);
      goOn();
    };
    startTimer(end, Math.min(MAX_REST_MS, tookMs * REST_TIMES));
  }

  function leave(work: Work, sinceMs: number): void {
    count(work, -1);
    rest(work, monotonicMs() - sinceMs);
    goOn();
  }

  function goOn(): void {
    for (let go = line.take(mayGo); go; go = line.take(mayGo)) go();
  }

  function wait(work: Work, timeoutMs: number): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const go = () => {
        stopTimer(timer);
        waitingOf.add(work.tenant, -1);
        count(work, 1);
        const sinceMs = monotonicMs();
        resolve(() => leave(work, sinceMs));
      };
      const timer = startTimer(() => {
        line.remove(go);
        waitingOf.add(work.tenant, -1);
        reject(new DatabaseTimeoutError(`no database connection was free for ${timeoutMs} ms`));
      }, timeoutMs);
      waitingOf.add(work.tenant, 1);
      line.add(go, work);
    });
  }

  return {
    async enter(timeoutMs) {
      const work = currentWork();
      if (work.tenant !== null && !work.background) seen.add(work.tenant);
      if (mayGo(work)) {
        count(work, 1);
        const sinceMs = monotonicMs();
        return () => leave(work, sinceMs);
      }
      if (!mayWait(work)) throw new DatabaseTimeoutError('too many wait for the database');
      return wait(work, timeoutMs);
    },
    get waiting() {
      return line.size;
    },
  };
}
