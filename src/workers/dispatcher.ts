/** Sends what is queued for the sessions this process owns: one line a session, all settled by one settler. */

import { and, eq, inArray, ne } from 'drizzle-orm';
import { inBatches } from '../db/batches.ts';
import { yieldToEventLoop } from '../db/event-loop.ts';
import { createLoop } from '../db/loop.ts';
import { messageQueue, whatsappAccounts } from '../db/schema.ts';
import { inCleanContext } from '../db/scope.ts';
import { asTenant } from '../db/work.ts';
import { createRelayLook } from '../queue/account-state.ts';
import { createLeavings } from '../queue/claim.ts';
import { createClaimer } from '../queue/claim-rows.ts';
import { createLimitPauses } from '../queue/limit-pauses.ts';
import type { AccountRef } from '../whatsapp/engine.ts';
import { createOverdueSweep } from './dispatcher/overdue-sweep.ts';
import { type SessionLine, startSessionLine } from './dispatcher/session-line.ts';
import type { DispatcherDeps } from './dispatcher/types.ts';

export type { DispatcherDeps } from './dispatcher/types.ts';

/** A look for work whose wake-up was lost on its way from another process. */
const LOOK_EVERY_MS = 5_000;
const BATCH_SIZE = 500;
/** On top of what an attempt may take: time to write its outcome. */
const SETTLE_MARGIN_MS = 5_000;

export interface Dispatcher {
  start(): void;
  /** Claims nothing more, lets what is in flight end (bounded) and settles it. May be called twice. */
  stop(): Promise<void>;
  /**
   * Sends for this session from now on; call it when it is owned and connected, again after a reconnect. Another
   * fence replaces the older line first. Rows that an earlier owner was sending go back to pending.
   */
  add(account: AccountRef): Promise<void>;
  /** Resolves when nothing of the session is in flight any more (bounded by the engine's own bounds). */
  remove(accountId: string): Promise<void>;
  /** The clock was set: every line looks again at what waits and at what was spent. */
  beginAgain(): void;
  /**
   * What is known of the sessions and of their queues may be old: each line reads them before it sends its next message. What waits is
   * looked for at once.
   */
  rereadSessions(): void;
  /** Resolves when every line waits for time, for work or for WhatsApp and every outcome is written. */
  idle(): Promise<void>;
}

/** Makes the dispatcher. The settler is the caller's: receipts go to it directly, and it stops after this. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const lines = new Map<string, SessionLine>();
  const stopTimeoutMs =
    deps.config.pacing.prepareTimeoutMs + deps.config.pacing.ackTimeoutMs + SETTLE_MARGIN_MS;
  const sweep = createOverdueSweep(deps);
  const limitPauses = createLimitPauses(deps);
  const claimer = createClaimer(deps);
  const lineDeps = {
    ...deps,
    claimer,
    limitPauses,
    lookBeforeRelay: createRelayLook(deps.db),
    noteLeaving: createLeavings(deps.db),
  };
  let running = false;
  let unsubscribe: () => void = () => undefined;

  async function lookForWork(): Promise<void> {
    const idle = [...lines.values()].filter((line) => line.isIdle()).map((line) => line.account.id);
    for await (const batch of inBatches(idle, BATCH_SIZE)) {
      if (!running) return;
      const found = await deps.db
        .selectDistinct({ accountId: messageQueue.accountId })
        .from(messageQueue)
        .where(and(inArray(messageQueue.accountId, batch), eq(messageQueue.status, 'pending')));
      for (const { accountId } of found) lines.get(accountId)?.wake();
    }
  }

  /** A claim of the owner before may be committed after the take-over: its row would stay as it is for ever. */
  async function lookForStrayClaims(): Promise<void> {
    const ids = [...lines.keys()];
    for await (const batch of inBatches(ids, BATCH_SIZE)) {
      if (!running) return;
      const found = await deps.db
        .selectDistinct({ accountId: messageQueue.accountId })
        .from(messageQueue)
        .innerJoin(whatsappAccounts, eq(whatsappAccounts.id, messageQueue.accountId))
        .where(
          and(
            inArray(messageQueue.accountId, batch),
            eq(messageQueue.status, 'sending'),
            ne(messageQueue.claimedFence, whatsappAccounts.fence),
          ),
        );
      for (const { accountId } of found) lines.get(accountId)?.beginAgain();
    }
  }

  const look = createLoop({
    clock: deps.clock,
    logger: deps.logger,
    name: 'the look for queued work',
    periodMs: LOOK_EVERY_MS,
    async round() {
      await lookForWork();
      await lookForStrayClaims();
    },
  });

  async function remove(accountId: string): Promise<void> {
    const line = lines.get(accountId);
    if (!line) return;
    await line.stop(stopTimeoutMs);
    if (lines.get(accountId) === line) lines.delete(accountId);
  }

  return {
    start() {
      if (running) return;
      running = true;
      const noWakes = deps.signals.onWake((accountId, news) => lines.get(accountId)?.wake(news));
      const noStarts = deps.signals.onHeadStart(
        async (row) => (await lines.get(row.accountId)?.headStart(row)) ?? null,
      );
      const noCodes = deps.signals.onCodeComes((accountId) => deps.engine.expectUrgent?.(accountId));
      const noWithdrawals = deps.signals.onWithdrawn((ids) => {
        const all = new Set(ids);
        for (const line of lines.values()) line.withdraw(all);
      });
      unsubscribe = () => {
        noWakes();
        noWithdrawals();
        noStarts();
        noCodes();
      };
      sweep.start();
      // SQLite serves one process, whose wake-ups cannot be lost.
      if (deps.database.dialect !== 'sqlite') look.start();
    },
    async stop() {
      running = false;
      await Promise.all([look.stop(), sweep.stop()]);
      await Promise.all([...lines.keys()].map(remove));
      await limitPauses.stop();
      // Not before: what is being made ready must hear of a pause, and of what is taken off the queue.
      unsubscribe();
    },
    async add(account) {
      // Again after each wait: another call may have put a line there meanwhile.
      for (let known = lines.get(account.id); known; known = lines.get(account.id)) {
        if (isSame(known.account, account) && !known.isStopped()) return known.wake();
        await remove(account.id);
      }
      if (!running) return;
      lines.set(
        account.id,
        inCleanContext(() => asTenant(account.userId, () => startSessionLine(lineDeps, account))),
      );
    },
    remove,
    beginAgain() {
      for (const line of lines.values()) line.beginAgain();
    },
    rereadSessions() {
      for (const line of lines.values()) line.reread();
      look.wake();
    },
    async idle() {
      const isQuiet = () =>
        !deps.settler.isBusy() &&
        !limitPauses.isBusy() &&
        !sweep.isBusy() &&
        look.isWaiting() &&
        [...lines.values()].every((line) => line.isQuiet());
      // Twice in a row: what one part has just finished may give another one work.
      for (let quiet = 0; quiet < 2; ) {
        await yieldToEventLoop();
        // Nothing more comes that could share a transaction with what waits for others.
        claimer.hurry();
        limitPauses.hurry();
        quiet = isQuiet() ? quiet + 1 : 0;
      }
    },
  };
}

function isSame(a: AccountRef, b: AccountRef): boolean {
  return a.owner === b.owner && a.fence === b.fence;
}
