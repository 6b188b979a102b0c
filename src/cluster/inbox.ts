/** Where a process finds what the others have for it. Looked into seldom while there are no others. */

import type { Database } from '../db/client.ts';
import { createLoop, type Loop } from '../db/loop.ts';
import type { Clock } from '../utils/clock.ts';
import { MINUTE_MS } from '../utils/durations.ts';
import type { Logger } from '../utils/logger.ts';
import { forgetCommands } from './command-rows.ts';
import { createNewsReader, forgetWakeUps, type SessionNews } from './wake-ups.ts';

/** A message that enters at another process loses no more than this: one read of a primary key. */
const LOOK_EVERY_MS = 50;
/** The same while the event loop is never idle: what has come waits for its turn anyway, and fewer looks hear of more. */
const FULL_LOOK_EVERY_MS = 200;
/** Between looks at whether there is another process: no query. */
const ALONE_MS = 250;
/** One that starts says so, and waits until it is known. */
const NEWCOMERS_EVERY_MS = 1_000;
const PAUSE = { firstMs: 200, maxMs: 5_000 };
const CLEAN_EVERY_MS = MINUTE_MS;
/** Commands leave news of their own, unless a process of an earlier release has added theirs to a message's. */
const COMMANDS_EVERY_MS = 1_000;

export interface InboxDeps {
  database: Database;
  clock: Clock;
  logger: Logger;
  processId: string;
  /** false: no other process is running */
  hasPeers(): boolean;
  /** Called with the news of every session; must not throw. */
  onNews(news: readonly SessionNews[]): void;
  /** How much of the time since it was asked last the event loop was busy, 0 to 1. */
  load?: () => number;
  /** Looks for commands; called when there is news of more than messages, and now and then. */
  lookForCommands(): Promise<void>;
}

/** Makes the loop that looks for news. */
export function createInbox(deps: InboxDeps): Loop {
  const { clock, database, logger, load = loopLoad() } = deps;
  const reader = createNewsReader({ db: database.db, clock, owner: deps.processId });
  let commandsAtMs = 0;
  let newcomersAtMs = 0;
  let cleanAtMs = clock.monotonic() + CLEAN_EVERY_MS;

  async function hear(): Promise<readonly SessionNews[]> {
    const news = await reader.look();
    if (news.length > 0) deps.onNews(news);
    await reader.tidy();
    return news;
  }

  async function look(): Promise<void> {
    const news = await hear();
    const onlyMessages = news.every(({ priority }) => priority !== null);
    if (onlyMessages && clock.monotonic() < commandsAtMs) return;
    commandsAtMs = clock.monotonic() + COMMANDS_EVERY_MS;
    await deps.lookForCommands();
  }

  async function lookForNewcomers(): Promise<void> {
    if (clock.monotonic() < newcomersAtMs) return;
    newcomersAtMs = clock.monotonic() + NEWCOMERS_EVERY_MS;
    await hear();
  }

  async function clean(): Promise<void> {
    if (clock.monotonic() < cleanAtMs) return;
    cleanAtMs = clock.monotonic() + CLEAN_EVERY_MS;
    await forgetWakeUps(database.db, clock.now());
    await forgetCommands(database);
  }

  return createLoop({
    clock,
    logger,
    name: "the look for other processes' news",
    periodMs: ALONE_MS,
    atOnce: true,
    failure: PAUSE,
    async round() {
      const hasPeers = deps.hasPeers();
      await (hasPeers ? look() : lookForNewcomers());
      await clean();
      return { afterMs: hasPeers ? lookAgainMs(load()) : ALONE_MS };
    },
  });
}

/** Milliseconds from a look to the next one, by the load of the event loop (0 to 1): below a half it changes nothing. */
export function lookAgainMs(load: number): number {
  const share = Math.min(1, Math.max(0, 2 * load - 1));
  return LOOK_EVERY_MS + share * (FULL_LOOK_EVERY_MS - LOOK_EVERY_MS);
}

function loopLoad(): () => number {
  let before = performance.eventLoopUtilization();
  return () => {
    const { utilization } = performance.eventLoopUtilization(before);
    before = performance.eventLoopUtilization();
    return utilization;
  };
}
