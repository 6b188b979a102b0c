/** Brings one session's state into its row, however long the database is away. */

import { isUniqueViolation } from '../../db/ops.ts';
import { jitteredBackoffMs } from '../../utils/backoff.ts';
import { sleep } from '../../utils/clock.ts';
import type { Logger } from '../../utils/logger.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import { type RowChange, type SessionStatus, type WriteDeps, writeRow } from './session-row.ts';

const RETRY = { firstMs: 500, maxMs: 10_000 };

/** `duplicate`: a unique key (the active phone) is taken. `stopped`: the writer was stopped before it could write. */
export type WriteOutcome = 'written' | 'lost' | 'duplicate' | 'stopped';

export interface StatusWriter {
  /**
   * Changes that wait for the database are merged, so that the latest status wins. Resolves when the merged
   * change is written or cannot be; never rejects.
   */
  write(change: RowChange): Promise<WriteOutcome>;
  /** The state in the row, as far as this owner knows. */
  readonly last: { status: SessionStatus; reason: string | null };
  stop(): void;
}

interface Pending {
  change: RowChange;
  done: ((outcome: WriteOutcome) => void)[];
}

export function createStatusWriter(
  deps: WriteDeps & { logger: Logger; random: () => number },
  account: AccountRef,
  first: { status: SessionStatus; reason: string | null },
): StatusWriter {
  const stopping = new AbortController();
  let last = first;
  let pending: Pending | null = null;
  let running = false;

  async function run(): Promise<void> {
    while (pending) {
      const current: Pending = pending;
      pending = null;
      const outcome = await attempt(current);
      if (outcome === 'retry') continue;
      for (const done of current.done) done(outcome);
    }
    running = false;
  }

  let failures = 0;
  async function attempt(current: Pending): Promise<WriteOutcome | 'retry'> {
    if (stopping.signal.aborted) return 'stopped';
    try {
      const written = await writeRow(deps, account, current.change, last);
      failures = 0;
      if (!written) return 'lost';
      const { status, reason = null } = current.change;
      if (status !== undefined) last = { status, reason };
      return 'written';
    } catch (error) {
      if (isUniqueViolation(error)) return 'duplicate';
      failures += 1;
      deps.logger.warn('the status of a session waits for the database', {
        session: account.sessionId,
        status: current.change.status,
        error: String(error),
      });
      await sleep(deps.clock, jitteredBackoffMs(RETRY, failures, deps.random()), stopping.signal);
      // Changes that came meanwhile are newer and win, field by field.
      pending = merge(current, pending);
      return 'retry';
    }
  }

  return {
    write(change) {
      return new Promise((resolve) => {
        pending = merge(pending, { change, done: [resolve] });
        if (running) return;
        running = true;
        void run();
      });
    },
    get last() {
      return last;
    },
    stop() {
      stopping.abort();
    },
  };
}

function merge(older: Pending | null, newer: Pending | null): Pending {
  return {
    change: { ...older?.change, ...newer?.change },
    done: [...(older?.done ?? []), ...(newer?.done ?? [])],
  };
}
