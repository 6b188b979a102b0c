/** Common to the entry files: start, tell the process manager, stop once on a signal. */

export interface Running {
  /** what is said to be ready, for the process manager's log */
  ready: string;
  /** resolves when it can do its work, and the process before it may go; rejects when it never will */
  working?: Promise<void>;
  stop(): Promise<void>;
}

/** Longer than the drain of the dispatcher, shorter than PM2's kill_timeout in ecosystem.config.js. */
const STOP_TIMEOUT_MS = 25_000;

/**
 * Runs until SIGINT or SIGTERM, then stops once and ends the process: 0 after a clean stop, 1 when the start
 * failed or the stop took too long. A start that fails prints its sentence, not a stack, when it is meant for a person.
 */
export async function runUntilSignal(name: string, start: () => Promise<Running>): Promise<void> {
  // Only the service may read what it writes: credentials, messages, numbers.
  process.umask(0o077);
  let running: Running | undefined;
  let stopping = false;
  const stop = (signal: string) => {
    // A second signal is a person in a hurry.
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    Promise.resolve(running?.stop()).then(
      () => process.exit(0),
      (error) => fail(`${name} did not stop cleanly after ${signal}`, error),
    );
  };
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('SIGTERM', () => stop('SIGTERM'));
  try {
    running = await start();
    await running.working;
    if (stopping) return;
    process.send?.('ready');
  } catch (error) {
    // The start must not fight with the end that was asked for.
    if (stopping) return;
    fail(`${name} could not start`, error);
  }
}

function fail(what: string, error: unknown): never {
  const known = error instanceof Error && isForPerson(error);
  const hint = known && 'code' in error && error.code === 'EADDRINUSE' ? ' (PORT names another one)' : '';
  process.stderr.write(
    `${what}: ${known ? error.message + hint : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exit(1);
}

/** Errors whose sentence says it all: configuration, a taken port, a database in use. */
function isForPerson(error: Error & { code?: unknown }): boolean {
  return error.name === 'ConfigError' || error.name === 'StartError' || error.code === 'EADDRINUSE';
}
