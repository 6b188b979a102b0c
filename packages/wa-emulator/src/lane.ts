/** Runs async tasks one after another, whatever becomes of each. */
export type Lane = <T>(task: () => Promise<T>) => Promise<T>;

/**
 * A lane for work that keeps the processor busy: once its tasks have taken `budgetMs` in a row, timers
 * and sockets get their turn before the next one.
 */
export function createLane(budgetMs: number): Lane {
  const waiting: Array<() => Promise<void>> = [];
  let busy = false;
  const drain = async () => {
    busy = true;
    let turnStartedAt = performance.now();
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      await next();
      if (performance.now() - turnStartedAt > budgetMs) {
        await new Promise((resolve) => setImmediate(resolve));
        turnStartedAt = performance.now();
      }
    }
    busy = false;
  };
  return (task) =>
    new Promise((resolve, reject) => {
      waiting.push(() => task().then(resolve, reject));
      if (!busy) {
        void drain();
      }
    });
}
