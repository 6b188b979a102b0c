/** LIDs and numbers, as WhatsApp reports them: written in batches, because a history sync tells hundreds at once. */
import { untilUsedUp } from '../../db/batches.ts';
import type { Db } from '../../db/client.ts';
import { incoming, upsert } from '../../db/ops.ts';
import { waContacts } from '../../db/schema.ts';
import type { Clock } from '../../utils/clock.ts';
import type { Logger } from '../../utils/logger.ts';

const FLUSH_AFTER_MS = 250;
const RETRY_AFTER_MS = 5_000;
const BATCH_SIZE = 200;
/** While the database is away no more than this many are remembered; WhatsApp tells them again. */
const MAX_PENDING = 20_000;

export interface ContactMappings {
  add(accountId: string, lid: string, phone: string): void;
  /** Writes what is pending; what cannot be written stays pending. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

interface Mapping {
  accountId: string;
  lid: string;
  phone: string;
}

export function createContactMappings(deps: { db: Db; clock: Clock; logger: Logger }): ContactMappings {
  const pending = new Map<string, Mapping>();
  let cancelTimer: (() => void) | null = null;
  let running: Promise<void> | null = null;
  let stopped = false;

  function schedule(delayMs: number): void {
    if (stopped || cancelTimer) return;
    cancelTimer = deps.clock.setTimer(() => {
      cancelTimer = null;
      void flush();
    }, delayMs);
  }

  function flush(): Promise<void> {
    running ??= writeAll().finally(() => {
      running = null;
    });
    return running;
  }

  async function writeAll(): Promise<void> {
    try {
      // Until nothing is pending: what comes meanwhile is written too.
      await untilUsedUp(1, writeBatch);
    } catch (error) {
      deps.logger.warn('contact mappings wait for the database', {
        pending: pending.size,
        error: String(error),
      });
      schedule(RETRY_AFTER_MS);
    }
  }

  /** How many were written. One that was told again meanwhile stays pending. */
  async function writeBatch(): Promise<number> {
    const batch = [...pending].slice(0, BATCH_SIZE);
    if (batch.length === 0) return 0;
    const updatedAt = deps.clock.now();
    const rows = batch.map(([, mapping]) => ({ ...mapping, updatedAt }));
    const key = [waContacts.accountId, waContacts.lid];
    await upsert(deps.db, waContacts, rows, key, { phone: incoming(waContacts.phone), updatedAt });
    for (const [known, mapping] of batch) if (pending.get(known) === mapping) pending.delete(known);
    return batch.length;
  }

  return {
    add(accountId, lid, phone) {
      const key = `${accountId} ${lid}`;
      if (pending.size >= MAX_PENDING && !pending.has(key)) return;
      pending.set(key, { accountId, lid, phone });
      schedule(FLUSH_AFTER_MS);
    },
    flush,
    async stop() {
      stopped = true;
      cancelTimer?.();
      cancelTimer = null;
      await flush();
    },
  };
}
