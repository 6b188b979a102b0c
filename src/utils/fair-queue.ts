/** Work of many owners that shares few places: each owner has a bounded part of them, so that none waits for all of another's. */
import PQueue from 'p-queue';

export interface FairQueue {
  /** The result of the work when its turn has come; null when too much of this owner waits already. */
  run<R>(owner: string, work: () => Promise<R>): Promise<R | null>;
}

/**
 * `concurrency` places, of which each owner has at most `perOwner` (one when missing), and at most `maxWaiting` pieces of work
 * that wait for each owner.
 */
export function createFairQueue({
  concurrency,
  perOwner = 1,
  maxWaiting,
}: {
  concurrency: number;
  perOwner?: number;
  maxWaiting: number;
}): FairQueue {
  const places = new PQueue({ concurrency });
  const lines = new Map<string, PQueue>();
  return {
    async run(owner, work) {
      const line = lines.get(owner) ?? new PQueue({ concurrency: perOwner });
      if (line.size >= maxWaiting) return null;
      lines.set(owner, line);
      try {
        return await line.add(() => places.add(work));
      } finally {
        if (line.size + line.pending === 0) lines.delete(owner);
      }
    },
  };
}
