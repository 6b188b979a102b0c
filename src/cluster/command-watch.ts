/** One look for all the commands that this process waits for, however many there are. */
import type { Db } from '../db/client.ts';
import { inCleanContext } from '../db/scope.ts';
import { type Clock, sleep } from '../utils/clock.ts';
import { type CommandRow, readCommands } from './command-rows.ts';

/** As often as owners look. */
const LOOK_EVERY_MS = 50;

export interface CommandWatch {
  /** The command as the next look finds it; null when it is gone. Rejects when the database cannot be read. */
  next(id: string): Promise<CommandRow | null>;
}

interface Waiting {
  resolve(row: CommandRow | null): void;
  reject(error: unknown): void;
}

export function createCommandWatch({ db, clock }: { db: Db; clock: Clock }): CommandWatch {
  let waiting = new Map<string, Waiting>();
  let running = false;

  async function run(): Promise<void> {
    while (waiting.size > 0) {
      await sleep(clock, LOOK_EVERY_MS);
      const asked = waiting;
      waiting = new Map();
      try {
        const rows = new Map((await readCommands(db, [...asked.keys()])).map((row) => [row.id, row]));
        for (const [id, { resolve }] of asked) resolve(rows.get(id) ?? null);
      } catch (error) {
        for (const { reject } of asked.values()) reject(error);
      }
      // Those who go on waiting say so in the promises' turn, before the next one.
      await Promise.resolve();
    }
    running = false;
  }

  return {
    next(id) {
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        if (running) return;
        running = true;
        inCleanContext(() => void run());
      });
    },
  };
}
