/**
 * The event loop's turns. With a synchronous driver `await` alone never lets the loop turn, so whoever uses the
 * database in a row asks here. Timers are kept from load time: a test's fake ones cannot stop the database.
 */
const { setImmediate: nextTurn, setTimeout: later, clearTimeout: stop } = globalThis;
const { nextTick } = process;

/** Milliseconds that never go back. */
export const monotonicMs = performance.now.bind(performance);

export const startTimer = later;
export const stopTimer = stop;

/** How long a turn may take while connections come in. */
const ACCEPTING_HOLD_MS = 1;

let turnedAtMs = 0;
let coming: Promise<void> | undefined;
/** A connection came since the last turn, or in the one before it. */
let accepting = { now: false, lately: false };

/**
 * Resolves after the sockets had their turn. Everybody who waits shares one: with one each they would go on one
 * after the other, each for as long as it may, within a single turn.
 */
export function yieldToEventLoop(): Promise<void> {
  coming ??= new Promise((resolve) => {
    nextTurn(() => {
      coming = undefined;
      turnedAtMs = monotonicMs();
      accepting = { now: false, lately: accepting.now };
      resolve();
    });
  });
  return coming;
}

/** Resolves when everything that waits for nothing has gone on as far as it can. The event loop does not turn. */
export function letOthersGoOn(): Promise<void> {
  return new Promise((resolve) => {
    nextTick(resolve);
  });
}

/** Lets the loop turn when its last known turn is `maxHoldMs` ago, or sooner while connections come in. */
export async function yieldAfter(maxHoldMs: number): Promise<void> {
  if (isTurnDue(maxHoldMs)) await yieldToEventLoop();
}

/**
 * Runs `piece`, some milliseconds of synchronous work, now or after the loop has turned. Of many that wait, as many run in
 * one turn as fit into `maxHoldMs()`, which is asked before each; the first one always.
 */
export async function inTurn<R>(maxHoldMs: () => number, piece: () => R): Promise<R> {
  // Nothing is awaited between the question and the work: all that wait would be told the same.
  while (isTurnDue(maxHoldMs())) await yieldToEventLoop();
  return piece();
}

function isTurnDue(maxHoldMs: number): boolean {
  return monotonicMs() - turnedAtMs >= holdOf(maxHoldMs);
}

/** The value of `maxHoldMs` now: less while connections come in. */
export function holdOf(maxHoldMs: number): number {
  return accepting.now || accepting.lately ? Math.min(maxHoldMs, ACCEPTING_HOLD_MS) : maxHoldMs;
}

/**
 * Call it for each new connection of a server. libuv takes one a turn (since 1.45: libuv/libuv#3696), so of a hundred
 * clients that come at once the last would wait for a hundred turns of full length. While they come in, turns are short.
 */
export function noteConnection(): void {
  accepting.now = true;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    later(resolve, ms);
  });
}

/** What `work` gives; rejects with the error of `toError` when it takes longer. It is not stopped then. */
export async function within<R>(work: Promise<R>, timeoutMs: number, toError: () => Error): Promise<R> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = startTimer(() => reject(toError()), timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    stopTimer(timer);
  }
}
