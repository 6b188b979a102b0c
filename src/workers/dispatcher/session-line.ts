/** The line of one session: gap, limits, a few claims and answers outstanding. */
import { deferStrangers, readKnown, tripsBreaker } from '../../queue/breaker.ts';
import { type Claim, claimRow, deferRecipient, recoverClaims } from '../../queue/claim.ts';
import { isToBeNoted } from '../../queue/code-reserve.ts';
import { healSession, isQueuedAhead } from '../../queue/heal.ts';
import {
  createLimits,
  type LimitReason,
  type Limits,
  readSpent,
  type SpentAttempt,
} from '../../queue/limits.ts';
import { type Candidate, readCandidates } from '../../queue/look-ahead.ts';
import { NOTHING_KNOWN, type Pace, paceOf } from '../../queue/pace.ts';
import { PRIORITIES, PRIORITY_ORDER, type Priority } from '../../queue/priority.ts';
import { type QuietHours, quietUntil, readQuietHours } from '../../queue/quiet-hours.ts';
import type { News } from '../../queue/signals.ts';
import { peersOf } from '../../queue/subscriber-peers.ts';
import { FUTURE_MS, sleep } from '../../utils/clock.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import { attempt } from './attempt.ts';
import { createGate } from './gate.ts';
import { createLanes } from './lanes.ts';
import { createParking } from './parking.ts';
import { createPauseSign, type LimitPause } from './pause-sign.ts';
import type { DispatcherDeps } from './types.ts';

/** A slow acknowledgement must not stop the pace, and a dead server must not take the whole queue. */
const MAX_IN_FLIGHT = 8;
/** Besides those: a code does not wait for a campaign's uploads, or for its answers. */
const MAX_URGENT_IN_FLIGHT = 4;
/** Outcomes that may wait to be written. */
const MAX_UNSETTLED = 32;
/**
 * An attempt whose process ends says little about its message, and takes none from it: urgent ones are claimed in every
 * short life of a process that is killed again and again. One that itself ends its process must not go on for ever; so
 * many ends in a row are nobody's bad luck.
 */
const MAX_TRIES = 100;
const SOCKET_POLL_MS = 500;
/** A message that another host's clock has queued for later waits no longer than this. */
const HEAL_EVERY_MS = 1_000;
const FIRST_FAILURE_PAUSE_MS = 500;
const MAX_FAILURE_PAUSE_MS = 10_000;
/** How many rows of a recipient at its limit, or of strangers, step aside at once. */
const DEFER_REACH = 200;
/** While a limit or a pause holds the queue, the row is read again: somebody may have changed it. */
const REREAD_MS = 30_000;
const FOREVER = Number.POSITIVE_INFINITY;

export interface SessionLine {
  readonly account: AccountRef;
  /** There may be something to send, or something about the session has changed. */
  wake(news?: News): void;
  /** Looks again at what an earlier owner left, and at the limits. */
  beginAgain(): void;
  /** True while it waits for time, for work or for WhatsApp. */
  isQuiet(): boolean;
  /** True when it waits and knows of nothing that is due. */
  isIdle(): boolean;
  isStopped(): boolean;
  /** Claims nothing more; resolves when everything in flight is settled, at the latest after `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
}

interface Windows {
  limits: Limits;
  /** the gap after the last attempt ends here */
  nextSendAt: number;
}

/** Starts the line: recovers what an earlier owner left, rebuilds the limits, then sends until it is stopped. */
export function startSessionLine(deps: DispatcherDeps, account: AccountRef): SessionLine {
  const { clock, config, db, logger } = deps;
  const random = deps.random ?? Math.random;
  const parking = createParking(clock);
  const lanes = createLanes(readLane);
  const sign = createPauseSign(deps, account);
  const stopping = new AbortController();
  const busy = new Set<string>();
  /** by queue row, from before the claim until the outcome is written */
  const attempts = new Map<string, Promise<void>>();
  /** On SQLite, without a gap, claims overlap, so that they share a commit. */
  const claims = new Set<Promise<unknown>>();
  /** claimed and not answered yet: when it leaves is not known, so it holds a place in every window */
  const inPreparation = new Set<SpentAttempt>();
  let claimFailure: { error: unknown } | null = null;
  let pace: Pace = paceOf(config.pacing, NOTHING_KNOWN, clock.now());
  let windows: Windows | null = null;
  let looking = 0;
  /** of a paused session */
  let rereadAt = 0;
  let resting = false;
  let idle = false;
  let quiet: QuietHours | null = null;
  /** refusals that open the breaker and are not written yet: nothing more is claimed until they are */
  let tripping = 0;
  let stale = false;
  let healAgainMs = 0;
  /** the latest time that a decision was made at */
  let seenAt = 0;
  let lastHighAt: number | null = null;

  const gate = createGate(deps, account, (state) => {
    pace = paceOf(config.pacing, state, clock.now());
    lastHighAt = state.lastHighAt;
    quiet = readQuietHours(state.limits?.quietHours);
    windows?.limits.setPace(pace);
  });
  const gapMs = () => pace.delayMinMs + random() * (pace.delayMaxMs - pace.delayMinMs);

  async function readLane(priority: Priority, limit: number, except: readonly string[]) {
    const rows = await readCandidates(db, account.id, priority, limit, except);
    const now = clock.now();
    if (!rows.some((row) => isQueuedAhead(row, now)) || clock.monotonic() < healAgainMs) return rows;
    healAgainMs = clock.monotonic() + HEAL_EVERY_MS;
    return (await heal(now)) > 0 ? readCandidates(db, account.id, priority, limit, except) : rows;
  }

  async function heal(now: number): Promise<number> {
    const count = await healSession(deps, account, now);
    if (count > 0) {
      const line = 'messages that a clock ahead had queued for later are due';
      logger.warn(line, { sessionId: account.sessionId, count });
    }
    return count;
  }

  async function begin(): Promise<Windows> {
    // What is being claimed is neither left behind by anybody nor counted yet.
    await Promise.all(claims);
    claimFailure = null;
    await gate.refresh();
    const recovered = gate.isLost() ? 0 : await recoverClaims(deps, account, [...attempts.keys()]);
    if (recovered > 0) logger.info('claims recovered', { sessionId: account.sessionId, count: recovered });
    const now = clock.now();
    seenAt = now;
    if (!gate.isLost() && (await heal(now)) > 0) lanes.invalidate();
    const known = await readSpent(db, account.id, now, config.pacing.perHour);
    const begun = new Set([...inPreparation].map((attempt) => attempt.id));
    const limits = createLimits(
      pace,
      known.filter((attempt) => !begun.has(attempt.id)),
    );
    for (const attempt of inPreparation) limits.begin(attempt);
    const last = limits.lastAt();
    return { limits, nextSendAt: last === null ? 0 : Math.min(last, now) + gapMs() };
  }

  /** One look at everything that may be in the way; milliseconds until the next one. */
  async function step(at: Windows): Promise<number> {
    idle = false;
    if (claimFailure) throw claimFailure.error;
    if (busy.size >= MAX_IN_FLIGHT + MAX_URGENT_IN_FLIGHT) return FOREVER;
    if (attempts.size >= MAX_UNSETTLED || tripping > 0) return FOREVER;
    if (stale) {
      // Before the reading: what changes while it runs is not in it.
      stale = false;
      await gate.refresh().catch((error) => {
        stale = true;
        throw error;
      });
    }
    if (gate.isLost()) return FOREVER;
    const now = clock.now();
    if (now < seenAt - FUTURE_MS) {
      // The clock was set back: what was read and spent by the time of before lies in the future.
      windows = null;
      return 0;
    }
    seenAt = Math.max(seenAt, now);
    if (deps.isSafe?.() === false || !deps.engine.isConnected(account.id)) return SOCKET_POLL_MS;
    if (gate.pausedUntil() > now) {
      sign.forget();
      // More to send does not end a pause: the row is read again when its news says so, and now and then.
      if (now < rereadAt) return Math.min(gate.pausedUntil(), rereadAt) - now;
      // Before the reading: what changes while it runs is not in it.
      rereadAt = now + REREAD_MS;
      await gate.refresh();
      if (gate.isLost()) return FOREVER;
      if (gate.pausedUntil() > now) return Math.min(gate.pausedUntil() - now, REREAD_MS);
    }
    // A clock that was set back must not stretch the gap.
    at.nextSendAt = Math.min(at.nextSendAt, now + pace.delayMaxMs);
    return at.nextSendAt > now ? at.nextSendAt - now : choose(at, now);
  }

  async function choose(at: Windows, now: number): Promise<number> {
    let earliest = FOREVER;
    let blocked: LimitPause | null = null;
    for (const priority of PRIORITY_ORDER) {
      if (busy.size >= MAX_IN_FLIGHT && priority !== PRIORITIES.high) break;
      const { row, nextAt } = await lanes.pick(priority, now, busy);
      if (row === null) {
        earliest = Math.min(earliest, nextAt);
        continue;
      }
      if (row.expiresAt !== null && row.expiresAt <= now) return expire(priority, row);
      if (row.tries >= MAX_TRIES + config.pacing.maxAttempts) return giveUp(priority, row);
      const allowed = allowedAt(at, now, priority);
      if (allowed.reason === null) return take(at, priority, row, now);
      earliest = Math.min(earliest, allowed.at);
      blocked ??= { until: allowed.at, reason: allowed.reason, priority };
    }
    if (blocked === null) {
      idle = attempts.size === 0;
      return Math.max(0, earliest - now);
    }
    if (!(await sign.show(withCodes(at, now, blocked)))) await gate.refresh();
    stale = true;
    return Math.max(0, Math.min(earliest - now, REREAD_MS));
  }

  /** Nothing is left for a code either, should one come. */
  function withCodes(at: Windows, now: number, blocked: LimitPause): LimitPause {
    const code = at.limits.nextAllowedAt(now, PRIORITIES.high);
    return code.reason === blocked.reason ? { ...blocked, priority: PRIORITIES.high } : blocked;
  }

  function allowedAt(
    at: Windows,
    now: number,
    priority: Priority,
  ): { at: number; reason: LimitReason | null } {
    const silence = priority === PRIORITIES.high ? null : quietUntil(quiet, now);
    if (silence !== null) return { at: silence, reason: 'quiet_hours' };
    return at.limits.nextAllowedAt(now, priority);
  }

  /** A breaker that is closed costs nothing. */
  async function mayReach(row: Candidate): Promise<boolean> {
    if (gate.breakerUntil() <= clock.now()) return true;
    return (await readKnown(db, account, [row])).has(row.peer);
  }

  async function expire(priority: Priority, row: Candidate): Promise<number> {
    lanes.drop(priority, row.id);
    await deps.settler.settle({ kind: 'overdue', id: row.id });
    return 0;
  }

  async function giveUp(priority: Priority, row: Candidate): Promise<number> {
    lanes.drop(priority, row.id);
    await deps.settler.settle({ kind: 'exhausted', id: row.id, held: account });
    // A row that is still there belongs to another owner by now: this line must find that out, not try again and again.
    stale = true;
    return 0;
  }

  async function take(at: Windows, priority: Priority, row: Candidate, now: number): Promise<number> {
    const { recipient } = row;
    // The first code in a long time: from now on a part of the limits is kept back, as its transaction has noted.
    if (priority === PRIORITIES.high && isToBeNoted(lastHighAt, now)) stale = true;
    if (attempts.has(row.id)) {
      // The lane was read before our own claim of it was committed, and its outcome is not written yet.
      lanes.drop(priority, row.id);
      return 0;
    }
    if (!(await mayReach(row))) {
      const moved = await deferStrangers(deps, account, {
        priority,
        until: gate.breakerUntil(),
        reach: DEFER_REACH,
      });
      lanes.invalidate();
      if (moved === 0) await gate.refresh();
      return 0;
    }
    const jids = at.limits.limitsRecipients(priority) ? await peersOf(db, account, row) : [recipient];
    const until = at.limits.recipientAllowedAt(
      now,
      priority,
      recipient,
      ...jids.filter((jid) => jid !== recipient),
    );
    if (until > now) {
      const input = { recipient, priority, until, reach: DEFER_REACH };
      const moved = await deferRecipient(deps, account, input);
      lanes.invalidate();
      if (moved === 0) await gate.refresh();
      return 0;
    }
    const spent: SpentAttempt = { at: Math.max(now, at.limits.lastAt() ?? 0), recipient };
    const before = at.nextSendAt;
    const after = now + gapMs();
    at.limits.begin(spent);
    at.nextSendAt = after;
    busy.add(recipient);
    lanes.drop(priority, row.id);
    const claiming = claimRow(deps, account, row, spent.at);
    const claimed = claiming.then(
      (claim) => {
        // A reading that began before the claim was committed has brought the row back.
        lanes.drop(priority, row.id);
        if (claim !== null) {
          spent.id = claim.attemptId;
          inPreparation.add(spent);
          return claim;
        }
        at.limits.giveBack(spent);
        if (at.nextSendAt === after) at.nextSendAt = before;
        lanes.invalidate();
        stale = true;
        return null;
      },
      (error: unknown) => {
        claimFailure = { error };
        return null;
      },
    );
    claims.add(claimed);
    const done = claimed.then(async (claim) => {
      claims.delete(claimed);
      if (claim === null) busy.delete(recipient);
      else await attemptClaimed(at, row, claim, spent);
      attempts.delete(row.id);
      parking.wake();
    });
    attempts.set(row.id, done);
    // With a gap the next one is not chosen before this one is known to be ours. A server's transactions overtake one
    // another, and share nothing: there each waits, so that a burst stays in order.
    if (after > now || deps.database.dialect !== 'sqlite') await claimed;
    return 0;
  }

  async function attemptClaimed(
    at: Windows,
    row: Candidate,
    claim: Claim,
    spent: SpentAttempt,
  ): Promise<void> {
    let goesOn = false;
    let refused = false;
    await attempt(deps, claim, {
      async look(read) {
        looking++;
        return read().finally(() => {
          looking--;
        });
      },
      maySend: (state) => gate.takeIn(state) && !stopping.signal.aborted && deps.isSafe?.() !== false,
      mayReach: () => mayReach(row),
      answered(decision) {
        refused = decision.action === 'failed' && tripsBreaker(decision.errorCode);
        if (refused) tripping++;
        inPreparation.delete(spent);
        // The windows may have been rebuilt meanwhile.
        const { limits } = windows ?? at;
        if (decision.action === 'release') limits.giveBack(spent);
        else limits.left(spent, clock.now());
        goesOn = decision.action === 'release' || decision.action === 'retry';
        busy.delete(row.recipient);
        parking.wake();
      },
    });
    // What is off the queue changes nothing for the others.
    if (goesOn) lanes.invalidate();
    if (refused) {
      tripping--;
      stale = true;
    }
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      try {
        windows ??= await begin();
        const waitMs = await step(windows);
        if (claims.size === 0 && claimFailure === null) failures = 0;
        if (waitMs > 0 && !stopping.signal.aborted) await parking.park(waitMs);
      } catch (error) {
        logger.warn('a queue waits', { sessionId: account.sessionId, error: String(error) });
        lanes.invalidate();
        // Nobody knows whether the last claim was committed: the database is asked again.
        windows = null;
        const fullMs = Math.min(MAX_FAILURE_PAUSE_MS, FIRST_FAILURE_PAUSE_MS * 2 ** failures++);
        resting = true;
        await sleep(clock, fullMs * (0.5 + random() / 2), stopping.signal);
        resting = false;
      }
    }
    resting = true;
    await Promise.all(attempts.values());
  }

  const done = run();
  return {
    account,
    wake(news = {}) {
      if (news.rowChanged) stale = true;
      // Another process's news does not tell what it is about, unless it is a message.
      if (news.priority === undefined) rereadAt = 0;
      lanes.invalidate(news.priority);
      parking.wake();
    },
    beginAgain() {
      windows = null;
      lanes.invalidate();
      parking.wake();
    },
    isQuiet: () => (parking.isParked() || resting) && looking === 0 && claims.size === 0,
    isIdle: () => idle && parking.isParked(),
    isStopped: () => stopping.signal.aborted,
    async stop(timeoutMs) {
      stopping.abort();
      parking.wake();
      const bound = new AbortController();
      await Promise.race([done, sleep(clock, timeoutMs, bound.signal)]);
      bound.abort();
    },
  };
}
