/**
 * Turns of tenants that share one event loop. A tenant that does little is never held up. One that does
 * much goes on piece by piece while others are there: when the loop has nothing else to do, each tenant in turn, and
 * now and then even when it is never idle. The more its pieces cost the longer are the pauses between them, so that half of
 * the loop is left to whoever comes next, and what its work costs the database and the processor is bounded as well.
 */
import { LRUCache } from 'lru-cache';

export interface LoopShare {
  /** The tenant asks for something that is waited for: others leave it room for a second. */
  noteActive(tenant: number): void;
  /** True when this tenant may do its next piece at once; false: ask `turn`. */
  tryTurn(tenant: number): boolean;
  /**
   * Resolves when this tenant may do its next piece, some milliseconds of work. What somebody waits for (`request`)
   * comes before the tenant's other pieces. Waits at most `MAX_WAIT_MS` for each piece that is before it.
   */
  turn(tenant: number, kind?: 'request' | 'work'): Promise<void>;
}

/** Access to the event loop; times in milliseconds that never go back. */
export interface LoopProbe {
  now(): number;
  /** how long the loop has waited for something to do, since its start */
  idleMs(): number;
  later(work: () => void, ms: number): void;
}

/** A tenant that was active so lately is there. */
const ACTIVE_MS = 1_000;
/** Pieces that a tenant may do at once before it waits, and how many of them come back in a second. */
const FREE_PIECES = 10;
/** The loop was idle: it has waited this long since the last piece, at least. */
const IDLE_MS = 1;
/** A loop that is never idle lets a piece through so often. */
const MAX_WAIT_MS = 100;
const MAX_TENANTS = 10_000;

interface Known {
  free: number;
  countedAt: number;
}

interface Line {
  request: (() => void)[];
  work: (() => void)[];
}

/** Kept from load time: a test's fake timers do not stop the loop. */
const later = globalThis.setTimeout;
const now = performance.now.bind(performance);
const utilization = performance.eventLoopUtilization.bind(performance);

/** This process's event loop. */
const PROCESS_LOOP: LoopProbe = {
  now,
  idleMs: () => utilization().idle,
  later: (work, ms) => {
    later(work, ms);
  },
};

/** Shares of the event loop that `probe` looks at: this process's own, of which there is one. */
export function createLoopShare(probe: LoopProbe = PROCESS_LOOP): LoopShare {
  const tenants = new LRUCache<number, Known>({ max: MAX_TENANTS });
  /** in the order of their turns */
  const lines = new Map<number, Line>();
  /** the two that were active last */
  let lately: { tenant: number; at: number }[] = [];
  let idleAt = 0;
  let releasedAt = 0;
  let looking = false;

  function knownOf(tenant: number): Known {
    const now = probe.now();
    const known = tenants.get(tenant) ?? { free: FREE_PIECES, countedAt: now };
    tenants.set(tenant, known);
    known.free = Math.min(FREE_PIECES, known.free + ((now - known.countedAt) / 1_000) * FREE_PIECES);
    known.countedAt = now;
    return known;
  }

  function noteActive(tenant: number): void {
    lately = [{ tenant, at: probe.now() }, ...lately.filter((one) => one.tenant !== tenant)].slice(0, 2);
  }

  function hasOthers(tenant: number): boolean {
    if (lines.size > (lines.has(tenant) ? 1 : 0)) return true;
    const since = probe.now() - ACTIVE_MS;
    return lately.some((one) => one.tenant !== tenant && one.at >= since);
  }

  function look(): void {
    looking = false;
    const idle = probe.idleMs();
    const now = probe.now();
    const rested = idle - idleAt;
    const passed = now - releasedAt;
    // As long as it has computed since then: half of it is used.
    if (rested >= Math.max(IDLE_MS, passed - rested) || passed >= MAX_WAIT_MS) {
      idleAt = idle;
      releasedAt = now;
      release();
    }
    lookAgain();
  }

  function lookAgain(): void {
    if (looking || lines.size === 0) return;
    looking = true;
    probe.later(look, 1);
  }

  /** One piece of the tenant whose turn it is; then it goes to the end. */
  function release(): void {
    const [next] = lines;
    if (next === undefined) return;
    const [tenant, line] = next;
    lines.delete(tenant);
    const go = line.request.shift() ?? line.work.shift();
    if (line.request.length + line.work.length > 0) lines.set(tenant, line);
    go?.();
  }

  function tryTurn(tenant: number): boolean {
    if (lines.has(tenant)) return false;
    const known = knownOf(tenant);
    if (known.free < 1) return !hasOthers(tenant);
    known.free -= 1;
    return true;
  }

  return {
    noteActive,
    tryTurn,
    turn(tenant, kind = 'work') {
      if (tryTurn(tenant)) return Promise.resolve();
      return new Promise((resolve) => {
        if (lines.size === 0) {
          idleAt = probe.idleMs();
          releasedAt = probe.now();
        }
        const line = lines.get(tenant) ?? { request: [], work: [] };
        lines.set(tenant, line);
        line[kind].push(resolve);
        lookAgain();
      });
    },
  };
}
