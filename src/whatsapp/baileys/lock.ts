/** Runs one task at a time, in the order they came; each keeps its caller's async context. */
export type Lock = <R>(task: () => Promise<R>) => Promise<R>;

export function createLock(): Lock {
  let tail: Promise<unknown> = Promise.resolve();
  return (task) => {
    const run = tail.then(task);
    tail = run.catch(() => undefined);
    return run;
  };
}
