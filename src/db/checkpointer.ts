/**
 * Moves SQLite's write-ahead log into the database file beside the event loop. SQLite itself would do it within a
 * commit, every thousand pages, and hold the loop while the disk syncs.
 */
import Driver from 'libsql/promise';
import { startTimer, stopTimer } from './event-loop.ts';

/** So few commits may wait a while: each pass costs two syncs of the disk. */
const FEW_COMMITS = 100;
const FEW_WAIT_MS = 30_000;
/** From the commits that were many to their pass: often, because writers wait for the disk while it syncs much. */
const MANY_WAIT_MS = 100;
/** A log of that many pages (16 MiB) is finished while no transaction writes: only then SQLite begins it again. */
const LONG_LOG_PAGES = 4_000;

/** When no pass helps (another program reads for hours) SQLite does it after all: 80 MiB. */
export const LAST_RESORT_PAGES = 20_000;

export interface Checkpointer {
  /** Something was committed: a pass comes, soon when there is much to move. */
  committed(): void;
  /** Resolves when no pass runs; none begins after that. */
  stop(): Promise<void>;
}

/** `alone` runs a function while no transaction of this process is open. */
export function createCheckpointer(
  path: string,
  alone: <R>(fn: () => Promise<R>) => Promise<R>,
): Checkpointer {
  let client: Driver | undefined;
  let commits = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let stopped = false;

  /** On a thread of the driver's. Pages that were in the log when it began: they are in the file now. */
  async function move(): Promise<number> {
    client ??= new Driver(path, { timeout: 0 });
    const statement = await client.prepare('PRAGMA wal_checkpoint(PASSIVE)');
    const [row] = await statement.all();
    return Number(Object(row).log);
  }

  async function pass(): Promise<void> {
    if ((await move()) >= LONG_LOG_PAGES) await alone(move);
  }

  function begin(): void {
    timer = undefined;
    commits = 0;
    // A pass that another program prevents is made up for by the next one.
    const ended = () => {
      running = undefined;
      if (commits > 0) plan();
    };
    running = pass().then(ended, ended);
  }

  function plan(): void {
    if (stopped || running !== undefined) return;
    if (timer && commits !== FEW_COMMITS) return;
    stopTimer(timer);
    timer = startTimer(begin, commits < FEW_COMMITS ? FEW_WAIT_MS : MANY_WAIT_MS);
    timer.unref();
  }

  return {
    committed() {
      commits++;
      plan();
    },
    async stop() {
      stopped = true;
      stopTimer(timer);
      await running;
      client?.close();
    },
  };
}
