/**
 * The event loop's turns. Kept from load time, so that a test's fake timers cannot stop the database.
 */
const { setImmediate: nextTurn, setTimeout: later, clearTimeout: stop } = globalThis;

/** Milliseconds that never go back. */
export const monotonicMs = performance.now.bind(performance);

export const startTimer = later;
export const stopTimer = stop;

/** Runs `fn` after the sockets had their turn. */
export function whenLoopTurns(fn: () => void): void {
  nextTurn(fn);
}

/** Resolves after the sockets had their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    nextTurn(resolve);
  });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    later(resolve, ms);
  });
}
