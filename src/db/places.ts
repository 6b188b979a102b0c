/** Places at something of which there is little, in shares: no tenant, and no work of the background, has them all. */
import { createWorkQueue, currentWork, type MayGo, type Work } from './work.ts';

export interface Places {
  /** Resolves when the caller's work has a place, with what gives it back. Who goes first: work.ts. */
  enter(): Promise<() => void>;
  readonly waiting: number;
}

/** Of all places one tenant has at most so many at a time, and all work of the background together as many. */
const SHARE = 0.5;

/** `limit` places. What the service itself does for all tenants may take every one. */
export function createPlaces(limit: number): Places {
  const waiting = createWorkQueue<() => void>();
  const share = Math.max(1, Math.ceil(limit * SHARE));
  const taken = { all: 0, background: 0 };
  const byTenant = new Map<number, number>();

  const mayGo: MayGo = ({ tenant, background }) =>
    taken.all < limit &&
    (!background || taken.background < share) &&
    (tenant === null || (byTenant.get(tenant) ?? 0) < share);

  function count({ tenant, background }: Work, by: 1 | -1): void {
    taken.all += by;
    if (background) taken.background += by;
    if (tenant === null) return;
    const now = (byTenant.get(tenant) ?? 0) + by;
    if (now > 0) byTenant.set(tenant, now);
    else byTenant.delete(tenant);
  }

  function leave(work: Work): void {
    count(work, -1);
    for (let go = waiting.take(mayGo); go; go = waiting.take(mayGo)) go();
  }

  return {
    enter() {
      const work = currentWork();
      return new Promise((resolve) => {
        const go = () => {
          count(work, 1);
          resolve(() => leave(work));
        };
        if (mayGo(work)) go();
        else waiting.add(go, work);
      });
    },
    get waiting() {
      return waiting.size;
    },
  };
}
