/** Whose work a use of the database is, and who goes on next where uses wait. */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface Work {
  /** null: of the service itself, such as the shared transaction of many callers */
  tenant: number | null;
  /** Nobody waits for it: it lets those go first for whom somebody does. */
  background: boolean;
}

const OF_SERVICE: Work = { tenant: null, background: false };

const current = new AsyncLocalStorage<Work>();

/** Whose work runs now; the service's own, for which somebody waits, when nothing else was said. */
export function currentWork(): Work {
  return current.getStore() ?? OF_SERVICE;
}

/** Runs `fn` as what this tenant waits for. */
export function asTenant<R>(tenant: number, fn: () => R): R {
  return current.run({ tenant, background: false }, fn);
}

/** Runs `fn` as work for which nobody waits; `tenant` null: it is for all. */
export function inBackground<R>(tenant: number | null, fn: () => R): R {
  return current.run({ tenant, background: true }, fn);
}

export interface WorkQueue<T> {
  readonly size: number;
  add(item: T, work: Work): void;
  /** What `take` would give. */
  peek(mayGo?: MayGo): T | undefined;
  /** Takes what goes next of what `mayGo` lets through; undefined: nothing. */
  take(mayGo?: MayGo): T | undefined;
  /** Takes out what does not wait any more; its tenant owes nothing for it. */
  remove(item: T): void;
}

export type MayGo = (work: Work) => boolean;

/** While others wait, background work is taken after so many of them: it goes on slowly, and never stops. */
const FOREGROUND_IN_A_ROW = 8;

/**
 * Those for whom somebody waits before background work, and in each the tenants in turn, however much one of them asks
 * for. The service's own has more turns than a tenant's: it is what many tenants wait for.
 */
export function createWorkQueue<T>(): WorkQueue<T> {
  const foreground = createLine<T>();
  const background = createLine<T>();
  let inARow = 0;

  function choose(mayGo: MayGo): { line: Line<T>; at: number } | undefined {
    const first = { line: foreground, at: foreground.find(mayGo) };
    const second = { line: background, at: background.find(mayGo) };
    const order = inARow >= FOREGROUND_IN_A_ROW ? [second, first] : [first, second];
    return order.find(({ at }) => at >= 0);
  }

  return {
    get size() {
      return foreground.entries.length + background.entries.length;
    },
    add: (item, work) => (work.background ? background : foreground).add(item, work),
    peek(mayGo = anybody) {
      const chosen = choose(mayGo);
      return chosen?.line.entries[chosen.at]?.item;
    },
    take(mayGo = anybody) {
      const chosen = choose(mayGo);
      if (chosen === undefined) return undefined;
      inARow = chosen.line === foreground && background.entries.length > 0 ? inARow + 1 : 0;
      return chosen.line.remove(chosen.at);
    },
    remove(item) {
      foreground.drop(item);
      background.drop(item);
    },
  };
}

const anybody: MayGo = () => true;

interface Entry<T> {
  item: T;
  work: Work;
  /** its place: more by a step for each that its tenant has in line before it */
  tag: number;
}

interface Line<T> {
  entries: Entry<T>[];
  add(item: T, work: Work): void;
  /** index of the first that may go; -1: none */
  find(mayGo: MayGo): number;
  remove(at: number): T | undefined;
  drop(item: T): void;
}

/** The service's own work is that of many tenants: it has so many turns for one of a tenant. */
const WEIGHT_OF_SERVICE = 8;

/**
 * Start-time fair queueing (Goyal, Vin and Cheng 1996): the n-th of one tenant stands beside the n-th of every other, and
 * who asks for little begins where the line is now.
 */
function createLine<T>(): Line<T> {
  const entries: Entry<T>[] = [];
  const lastTags = new Map<number | null, number>();
  let reached = 0;

  function tagOf({ tenant }: Work): number {
    const last = lastTags.get(tenant);
    const step = tenant === null ? 1 / WEIGHT_OF_SERVICE : 1;
    const tag = last === undefined ? reached : Math.max(reached, last + step);
    lastTags.set(tenant, tag);
    return tag;
  }

  function endWhenEmpty(): void {
    if (entries.length > 0) return;
    lastTags.clear();
    reached = 0;
  }

  return {
    entries,
    add(item, work) {
      const entry = { item, work, tag: tagOf(work) };
      let at = entries.length;
      while (at > 0 && (entries[at - 1]?.tag ?? 0) > entry.tag) at--;
      entries.splice(at, 0, entry);
    },
    find: (mayGo) => entries.findIndex(({ work }) => mayGo(work)),
    remove(at) {
      const [entry] = entries.splice(at, 1);
      if (entry === undefined) return undefined;
      reached = Math.max(reached, entry.tag);
      endWhenEmpty();
      return entry.item;
    },
    drop(item) {
      const at = entries.findIndex((entry) => entry.item === item);
      const [dropped] = at < 0 ? [] : entries.splice(at, 1);
      if (dropped === undefined) return;
      const { tenant } = dropped.work;
      const last = entries.findLast(({ work }) => work.tenant === tenant);
      if (last === undefined) lastTags.delete(tenant);
      else lastTags.set(tenant, last.tag);
      endWhenEmpty();
    },
  };
}
