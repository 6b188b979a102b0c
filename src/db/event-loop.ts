/**
 * The event loop's turns. With a synchronous driver `await` alone never lets the loop turn, so whoever uses the
 * database in a row asks here. Timers are kept from load time: a test's fake ones cannot stop the database.
 */
const { setImmediate: nextTurn, setTimeout: later, clearTimeout: stop } = globalThis;

/** Milliseconds that never go back. */
export const monotonicMs = performance.now.bind(performance);

export const startTimer = later;
export const stopTimer = stop;

let turnedAtMs = 0;
let coming: Promise<void> | undefined;

/**
 * Resolves after the sockets had their turn. Everybody who waits shares one: with one each they would go on one
 * after the other, each for as long as it may, within a single turn.
 */
export function yieldToEventLoop(): Promise<void> {
  coming ??= new Promise((resolve) => {
    nextTurn(() => {
      coming = undefined;
      turnedAtMs = monotonicMs();
      resolve();
    });
  });
  return coming;
}

/** Lets the loop turn when its last known turn is `maxHoldMs` ago. */
export async function yieldAfter(maxHoldMs: number): Promise<void> {
  if (monotonicMs() - turnedAtMs >= maxHoldMs) await yieldToEventLoop();
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    later(resolve, ms);
  });
}
