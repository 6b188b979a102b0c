/** The line of one session: gap, limits, a few claims and answers outstanding. */

import { inCleanContext } from '../../db/scope.ts';
import { asTenant } from '../../db/work.ts';
import type { HeadStart } from '../../queue/head-start.ts';
import { isQueuedAhead } from '../../queue/heal.ts';
import type { LimitPause } from '../../queue/limit-pauses.ts';
import type { Candidate } from '../../queue/look-ahead.ts';
import { PRIORITIES, PRIORITY_ORDER, type Priority } from '../../queue/priority.ts';
import type { News } from '../../queue/signals.ts';
import { jitteredBackoffMs } from '../../utils/backoff.ts';
import { sleep } from '../../utils/clock.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import { giveHeadStart } from './head-start.ts';
import {
  allowedAt,
  beginWindows,
  createLine,
  type Line,
  mayUseLoop,
  viewOf,
  type Windows,
  waitForPlaces,
} from './line.ts';
import { takeRow } from './line-claim.ts';
import { FOREVER, isFullFor, planRow, planStep, REREAD_MS } from './line-plan.ts';
import type { LineDeps } from './types.ts';

const FAILURE_PAUSE = { firstMs: 500, maxMs: 10_000 };

export interface SessionLine {
  readonly account: AccountRef;
  /** There may be something to send, or something about the session has changed. */
  wake(news?: News): void;
  /** A place for a row that is being queued; null when it is to wait its turn. */
  headStart(row: Candidate): Promise<HeadStart | null>;
  /** Somebody else has taken these rows off the queue: what of them is being made ready is looked at before it leaves. */
  withdraw(ids: ReadonlySet<string>): void;
  /** Looks again at what an earlier owner left, and at the limits. */
  beginAgain(): void;
  /** Reads the session's row and its queue before the next message; at once where something waits, as for a limit. */
  reread(): void;
  /** True while it waits for time, for work or for WhatsApp. */
  isQuiet(): boolean;
  /** True when it waits and knows of nothing that is due. */
  isIdle(): boolean;
  isStopped(): boolean;
  /** Claims nothing more; resolves when everything in flight is settled, at the latest after `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
}

/** Starts the line: recovers what an earlier owner left, rebuilds the limits, then sends until it is stopped. */
export function startSessionLine(deps: LineDeps, account: AccountRef): SessionLine {
  const line = createLine(deps, account);
  const { lookahead, stopping, waiter } = line;
  const done = run(line);
  return {
    account,
    wake(news = {}) {
      if (news.rowChanged) line.stale = true;
      // What comes without a priority may be about the pause as well.
      if (news.priority === undefined) line.rereadAt = 0;
      const now = deps.clock.now();
      // Reading them tells whether a clock ahead has queued them.
      const isAhead = news.rows?.some((row) => isQueuedAhead(row, now)) ?? false;
      // One that another process has queued before is not known yet, and only a reading finds it.
      const isAlone = deps.isAlone?.() ?? true;
      if (news.priority === undefined || isAhead) lookahead.invalidate(news.priority);
      else if (news.rows && isAlone) lookahead.offer(news.priority, news.rows);
      else lookahead.expect(news.priority, now);
      waiter.wake();
    },
    // What it begins belongs to no request and no transaction.
    headStart: (row) => inCleanContext(() => asTenant(account.userId, () => giveHeadStart(line, row))),
    withdraw(ids) {
      for (const id of line.attempts.keys()) if (ids.has(id)) line.withdrawn.add(id);
    },
    beginAgain() {
      line.windows = null;
      lookahead.invalidate();
      waiter.wake();
    },
    reread() {
      line.stale = true;
      lookahead.invalidate();
      // Those that have nothing to do are looked after together.
      if (!line.idle) waiter.wake();
    },
    isQuiet: () =>
      (waiter.isWaiting() || line.resting) &&
      line.looking === 0 &&
      line.claims.size === 0 &&
      line.loop !== 'asked',
    isIdle: () => line.idle && waiter.isWaiting(),
    isStopped: () => stopping.signal.aborted,
    async stop(timeoutMs) {
      stopping.abort();
      waiter.wake();
      const bound = new AbortController();
      await Promise.race([done, sleep(deps.clock, timeoutMs, bound.signal)]);
      bound.abort();
    },
  };
}

/**
 * Not a `createLoop` (`db/loop.ts`): a step that waits for nothing must be followed by the next one without a turn of the
 * event loop, and failures are only forgotten when no claim is left whose end could be one.
 */
async function run(line: Line): Promise<void> {
  const { deps, stopping } = line;
  const random = deps.random ?? Math.random;
  let failures = 0;
  while (!stopping.signal.aborted) {
    try {
      line.windows ??= await beginWindows(line);
      const waitMs = await step(line, line.windows);
      if (line.claims.size === 0 && line.claimFailure === null) failures = 0;
      if (waitMs > 0 && !stopping.signal.aborted) await line.waiter.wait(waitMs);
    } catch (error) {
      deps.logger.warn('a queue waits', { sessionId: line.account.sessionId, error: String(error) });
      line.lookahead.invalidate();
      // It is not known whether the last claim was committed: the database is asked again.
      line.windows = null;
      line.resting = true;
      await sleep(deps.clock, jitteredBackoffMs(FAILURE_PAUSE, ++failures, random()), stopping.signal);
      line.resting = false;
    }
  }
  line.resting = true;
  await Promise.all(line.attempts.values());
}

/** Carries out one step of the plan; resolves with the milliseconds until the next one. */
async function step(line: Line, at: Windows): Promise<number> {
  line.idle = false;
  if (line.claimFailure) throw line.claimFailure.error;
  const now = line.deps.clock.now();
  // A clock that was set back must not stretch the gap.
  at.nextSendAt = Math.min(at.nextSendAt, now + line.pace.delayMaxMs);
  const next = planStep(viewOf(line, at), now);
  if (next.do !== 'begin again') line.seenAt = Math.max(line.seenAt, now);
  switch (next.do) {
    case 'wait':
      return next.ms;
    case 'wait for a pause':
      line.sign.forget();
      return next.ms;
    case 'read session':
      await readSession(line);
      return 0;
    case 'read paused session':
      line.sign.forget();
      // Before the reading: what changes while it runs is not in it.
      line.rereadAt = now + REREAD_MS;
      await line.gate.refresh();
      return 0;
    case 'begin again':
      line.windows = null;
      return 0;
    case 'choose':
      return choose(line, at, now);
  }
}

async function readSession(line: Line): Promise<void> {
  // Before the reading: what changes while it runs is not in it.
  line.stale = false;
  line.reading = true;
  await line.gate
    .refresh()
    .catch((error) => {
      line.stale = true;
      throw error;
    })
    .finally(() => {
      line.reading = false;
    });
}

/** Finds the first row that may go, by priority, and takes it. */
async function choose(line: Line, at: Windows, now: number): Promise<number> {
  const { maxAttempts } = line.deps.config.pacing;
  let earliest = FOREVER;
  let blocked: LimitPause | null = null;
  for (const priority of PRIORITY_ORDER) {
    if (isFullFor(priority, line.busy.size)) {
      line.refill.set(priority, 'when one is free');
      break;
    }
    const waitMs = priority === PRIORITIES.high ? 0 : waitForPlaces(line, priority);
    if (waitMs > 0) {
      earliest = Math.min(earliest, now + waitMs);
      break;
    }
    const { row, nextAt } = await line.lookahead.pick(priority, now, line.busy);
    if (row === null) {
      earliest = Math.min(earliest, nextAt);
      continue;
    }
    const plan = planRow(row, now, maxAttempts, () => allowedAt(line, at, now, priority));
    if (plan.do === 'take' && priority !== PRIORITIES.high && !mayUseLoop(line)) return FOREVER;
    if (plan.do !== 'hold') {
      if (plan.do === 'take') await takeRow(line, at, priority, row, now);
      else await endRow(line, priority, row, plan.do);
      return 0;
    }
    earliest = Math.min(earliest, plan.at);
    blocked ??= { until: plan.at, reason: plan.reason, priority };
  }
  if (blocked === null) {
    line.idle = line.attempts.size === 0;
    return Math.max(0, earliest - now);
  }
  line.sign.show(withCodes(at, now, blocked));
  // A code of which nobody told is found as soon as elsewhere.
  const codesAt = line.lookahead.oldAt(PRIORITIES.high);
  const waitMs = Math.max(0, Math.min(earliest - now, codesAt - now, REREAD_MS));
  // Who changes the row tells so as a rule: it is read again now and then, not for each message that waits for its minute.
  if (Math.abs(now + waitMs - line.gate.readAt()) >= REREAD_MS) line.stale = true;
  return waitMs;
}

/** A limit that leaves nothing for a code either is shown as holding codes, too. */
function withCodes(at: Windows, now: number, blocked: LimitPause): LimitPause {
  const code = at.limits.nextAllowedAt(now, PRIORITIES.high);
  return code.reason === blocked.reason ? { ...blocked, priority: PRIORITIES.high } : blocked;
}

/** A row that is not sent any more: too late, or begun too often. */
async function endRow(
  line: Line,
  priority: Priority,
  row: Candidate,
  how: 'expire' | 'give up',
): Promise<void> {
  const { deps, account } = line;
  line.lookahead.drop(priority, row.id);
  if (how === 'expire') return deps.settler.settle({ kind: 'overdue', id: row.id });
  await deps.settler.settle({ kind: 'exhausted', id: row.id, held: account });
  // A row that is still there belongs to another owner by now: this line must find that out, not try again and again.
  line.stale = true;
}
