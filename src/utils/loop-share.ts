/**
 * Turns of tenants that share one event loop. A tenant that does little is never held up, and what it asks for in the same
 * moment is done one after the other. One that does much goes on piece by piece while others are there: when the loop
 * has nothing else to do, each tenant in turn, and now and then even when it is never idle. The more its pieces cost the
 * longer are the pauses between them, so that half of the loop is left to whoever comes next, and what its work costs the
 * database and the processor is bounded as well.
 */

import { AppError } from './errors.ts';
import { createLru } from './lru.ts';

export interface LoopShare {
  /** The tenant asks for something that is waited for: others leave it room for a second. */
  noteActive(tenant: number): void;
  /** True when this tenant may do its next piece at once; false: ask `turn`. */
  tryTurn(tenant: number): boolean;
  /**
   * Resolves when this tenant may do its next piece, some milliseconds of work. What somebody waits for (`request`)
   * comes before the tenant's other pieces. Waits at most `MAX_WAIT_MS` for each piece that is before it, and at most
   * `FREE_GAP_MS` for each that was asked for in the same moment by a tenant that does little.
   */
  turn(tenant: number, kind?: 'request' | 'work'): Promise<void>;
  /**
   * The same for whoever comes from `address` without a valid credential. However many addresses they have, all of them
   * together have the place of one tenant, each address in turn, and no tenant waits for them. Throws UNAVAILABLE when too
   * many of them wait.
   */
  strangerTurn(address: string): Promise<void>;
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
/** Pieces that a tenant may do before it waits for the others, and how many of them come back in a second. */
const FREE_PIECES = 10;
/** Between two of them, unless the loop was idle meanwhile: ten at once are a hundred milliseconds of work, and more. */
const FREE_GAP_MS = 20;
/** The loop was idle: it has waited this long since the last piece, at least. */
const IDLE_MS = 1;
/** A loop that is never idle lets a piece through so often. */
const MAX_WAIT_MS = 100;
const MAX_TENANTS = 10_000;
/** All who have no valid credential, where a tenant's number stands. */
export const STRANGERS = -1;
/** Of them so many wait, at most: about a second of work. */
const MAX_STRANGERS = 200;
/** From one address so many, at most: it may be a whole office. */
const MAX_FROM_ADDRESS = 20;
/** Whoever is refused may ask again after this long. */
const RETRY_SECONDS = 2;

interface Known {
  free: number;
  countedAt: number;
  /** when it did the last free piece, and how long the loop had been idle then */
  last: Moment;
}

interface Moment {
  at: number;
  idle: number;
}

type Go = () => void;

/** What waits for one tenant, or for all strangers; `key` says which part of it goes first. */
interface Line {
  readonly size: number;
  add(key: string, go: Go): void;
  /** how many wait with this key */
  count(key: string): number;
  take(): Go | undefined;
}

/** What somebody waits for before the rest. */
function createTenantLine(): Line {
  const [request, work]: [Go[], Go[]] = [[], []];
  const partOf = (key: string) => (key === 'request' ? request : work);
  return {
    get size() {
      return request.length + work.length;
    },
    add: (key, go) => partOf(key).push(go),
    count: (key) => partOf(key).length,
    take: () => request.shift() ?? work.shift(),
  };
}

/** Each address in turn. */
function createStrangersLine(): Line {
  /** in the order of their turns */
  const addresses = new Map<string, Go[]>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    add(key, go) {
      const own = addresses.get(key) ?? [];
      addresses.set(key, own);
      own.push(go);
      size++;
    },
    count: (key) => addresses.get(key)?.length ?? 0,
    take() {
      const [next] = addresses;
      if (next === undefined) return undefined;
      const [key, own] = next;
      addresses.delete(key);
      const go = own.shift();
      size--;
      if (own.length > 0) addresses.set(key, own);
      return go;
    },
  };
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

/** Those who wait for a turn, each tenant in its turn. */
interface Waiting {
  readonly size: number;
  has(tenant: number): boolean;
  /** how many of this tenant wait with this key, or with any */
  count(tenant: number, key?: string): number;
  add(tenant: number, key: string, go: Go, now: Moment): void;
  /** Lets one piece of the tenant whose turn it is go, when it is due; that tenant goes to the end. */
  look(now: Moment): void;
}

/** `isDue`: the loop was idle for `rested` of the `passed` milliseconds since the last piece. */
function createWaiting(isDue: (rested: number, passed: number) => boolean): Waiting {
  /** in the order of their turns */
  const lines = new Map<number, Line>();
  let released: Moment = { at: 0, idle: 0 };

  function release(): void {
    const [next] = lines;
    if (next === undefined) return;
    const [tenant, line] = next;
    lines.delete(tenant);
    const go = line.take();
    if (line.size > 0) lines.set(tenant, line);
    go?.();
  }

  return {
    get size() {
      return lines.size;
    },
    has: (tenant) => lines.has(tenant),
    count(tenant, key) {
      const line = lines.get(tenant);
      return (key === undefined ? line?.size : line?.count(key)) ?? 0;
    },
    add(tenant, key, go, now) {
      if (lines.size === 0) released = now;
      const line = lines.get(tenant) ?? (tenant === STRANGERS ? createStrangersLine() : createTenantLine());
      lines.set(tenant, line);
      line.add(key, go);
    },
    look(now) {
      if (lines.size === 0 || !isDue(now.idle - released.idle, now.at - released.at)) return;
      released = now;
      release();
    },
  };
}

/** Shares of the event loop that `probe` looks at: this process's own, of which there is one. */
export function createLoopShare(probe: LoopProbe = PROCESS_LOOP): LoopShare {
  const tenants = createLru<number, Known>({ max: MAX_TENANTS });
  // What was computed since the last piece is half of what has passed, at most.
  const much = createWaiting(
    (rested, passed) => rested >= Math.max(IDLE_MS, passed - rested) || passed >= MAX_WAIT_MS,
  );
  const atOnce = createWaiting((rested, passed) => rested >= IDLE_MS || passed >= FREE_GAP_MS);
  /** the two that were active last */
  let lately: { tenant: number; at: number }[] = [];
  let looking = false;

  const moment = (): Moment => ({ at: probe.now(), idle: probe.idleMs() });

  function knownOf(tenant: number, now: Moment): Known {
    const last = { at: now.at - FREE_GAP_MS, idle: now.idle };
    const known = tenants.get(tenant) ?? { free: FREE_PIECES, countedAt: now.at, last };
    tenants.set(tenant, known);
    known.free = Math.min(FREE_PIECES, known.free + ((now.at - known.countedAt) / 1_000) * FREE_PIECES);
    known.countedAt = now.at;
    return known;
  }

  function noteActive(tenant: number): void {
    const [last] = lately;
    if (last?.tenant === tenant) {
      last.at = probe.now();
      return;
    }
    lately = [{ tenant, at: probe.now() }, ...lately.filter((one) => one.tenant !== tenant)].slice(0, 2);
  }

  function hasOthers(tenant: number): boolean {
    for (const waiting of [much, atOnce]) {
      // Nobody leaves room for strangers.
      const without =
        (waiting.has(tenant) ? 1 : 0) + (tenant !== STRANGERS && waiting.has(STRANGERS) ? 1 : 0);
      if (waiting.size > without) return true;
    }
    const since = probe.now() - ACTIVE_MS;
    return lately.some((one) => one.tenant !== tenant && one.at >= since);
  }

  function lookAgain(): void {
    if (looking || much.size + atOnce.size === 0) return;
    looking = true;
    probe.later(() => {
      looking = false;
      const now = moment();
      atOnce.look(now);
      much.look(now);
      lookAgain();
    }, 1);
  }

  /** The next piece is none of much, and nothing is left of the last one that was done. */
  function tryTurn(tenant: number): boolean {
    if (much.has(tenant) || atOnce.has(tenant)) return false;
    const now = moment();
    const known = knownOf(tenant, now);
    if (!hasOthers(tenant)) known.free = Math.max(0, known.free - 1);
    else {
      const { last } = known;
      const isNext = now.at - last.at >= FREE_GAP_MS || now.idle - last.idle >= IDLE_MS;
      if (known.free < 1 || !isNext) return false;
      known.free -= 1;
    }
    known.last = now;
    return true;
  }

  function wait(tenant: number, key: string): Promise<void> {
    return new Promise((resolve) => {
      const now = moment();
      const known = knownOf(tenant, now);
      const isFree = !much.has(tenant) && known.free >= 1;
      if (isFree) known.free -= 1;
      const go = () => {
        known.last = moment();
        resolve();
      };
      (isFree ? atOnce : much).add(tenant, key, go, now);
      lookAgain();
    });
  }

  /** Throws UNAVAILABLE. */
  function requireRoom(address: string): void {
    const all = much.count(STRANGERS) + atOnce.count(STRANGERS);
    const own = much.count(STRANGERS, address) + atOnce.count(STRANGERS, address);
    if (all < MAX_STRANGERS && own < MAX_FROM_ADDRESS) return;
    const message = 'Too many ask without a valid credential at the moment: try again soon.';
    throw new AppError('UNAVAILABLE', message, { retryAfterSeconds: RETRY_SECONDS });
  }

  return {
    noteActive,
    tryTurn,
    turn: (tenant, kind = 'work') => (tryTurn(tenant) ? Promise.resolve() : wait(tenant, kind)),
    async strangerTurn(address) {
      if (tryTurn(STRANGERS)) return;
      requireRoom(address);
      await wait(STRANGERS, address);
    },
  };
}
