/** The memory of one session's line, and how its limits are rebuilt from the database. */

import { recoverClaims } from '../../queue/claim.ts';
import { type ContactLimit, contactLimitOf } from '../../queue/first-contacts.ts';
import { healSession, isQueuedAhead } from '../../queue/heal.ts';
import { createLimits, type Limits, readSpent, type SpentAttempt } from '../../queue/limits.ts';
import { readCandidates } from '../../queue/look-ahead.ts';
import { NOTHING_KNOWN, type Pace, paceOf } from '../../queue/pace.ts';
import { PRIORITIES, type Priority } from '../../queue/priority.ts';
import { type QuietHours, quietUntil, readQuietHours } from '../../queue/quiet-hours.ts';
import { bringBack } from '../../queue/step-aside.ts';
import { between } from '../../utils/backoff.ts';
import { createLru } from '../../utils/lru.ts';
import { createWaiter, type Waiter } from '../../utils/waiter.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import { createGate, type Gate } from './gate.ts';
import { type Allowed, type LineView, planRefill, type Refill } from './line-plan.ts';
import { createLookahead, type Lookahead } from './lookahead.ts';
import { createPauseSign, type PauseSign } from './pause-sign.ts';
import type { LineDeps } from './types.ts';

/** A message that another host's clock has queued for later waits no longer than this. */
const HEAL_EVERY_MS = 1_000;

/** A session whose row has not been read. */
const NO_CONTACTS_KNOWN = { limits: null, linkedAt: null, newChatCap: null };
/** People that a line remembers as known, so that the database is asked about each once. */
const MAX_KNOWN = 5_000;

export interface Windows {
  limits: Limits;
  /** the gap after the last attempt ends here */
  nextSendAt: number;
}

export interface Line {
  readonly deps: LineDeps;
  readonly account: AccountRef;
  readonly lookahead: Lookahead;
  readonly waiter: Waiter;
  readonly sign: PauseSign;
  readonly gate: Gate;
  readonly stopping: AbortController;
  /** recipients with a message on its way */
  readonly busy: Set<string>;
  /** by queue row, from before the claim until the outcome is written */
  readonly attempts: Map<string, Promise<void>>;
  /** of `attempts`, what WhatsApp has acknowledged: only its outcome is to be written */
  readonly acknowledged: Set<string>;
  /** of `attempts`, what somebody else has taken off the queue */
  readonly withdrawn: Set<string>;
  /** Without a gap claims overlap, so that they share a commit. */
  readonly claims: Set<Promise<unknown>>;
  /** claimed and not answered yet: when it leaves is not known, so it holds a place in every window */
  readonly inPreparation: Set<SpentAttempt>;
  claimFailure: { error: unknown } | null;
  pace: Pace;
  quietHours: QuietHours | null;
  lastHighAt: number | null;
  /** how many strangers may be written to */
  contacts: ContactLimit;
  /** peers that know the session; they do so for good */
  readonly known: { get(peer: string): true | undefined; set(peer: string, known: true): unknown };
  windows: Windows | null;
  /** looks before a relay that are going on */
  looking: number;
  /** see LineView */
  tripping: number;
  stale: boolean;
  /** its row is being read */
  reading: boolean;
  rereadAt: number;
  seenAt: number;
  /** monotonic */
  healAgainMs: number;
  /** by priority; missing: at once */
  readonly refill: Map<Priority, Refill>;
  /** whether the next message that is no code may use the event loop */
  loop: 'ask' | 'asked' | 'free';
  /** waits after a failure, or has stopped */
  resting: boolean;
  /** nothing waits and nothing is on its way */
  idle: boolean;
}

export function createLine(deps: LineDeps, account: AccountRef): Line {
  const { clock, config, db } = deps;
  const lookahead = createLookahead(async (priority, limit, except) => {
    const read = async () => {
      const rows = await readCandidates(db, account.id, priority, limit, except);
      if (line.windows?.limits.limitsRecipients(priority)) await deps.peers.warm(account, rows);
      return rows;
    };
    const rows = await read();
    const now = clock.now();
    if (!rows.some((row) => isQueuedAhead(row, now)) || clock.monotonic() < line.healAgainMs) return rows;
    line.healAgainMs = clock.monotonic() + HEAL_EVERY_MS;
    return (await heal(line, now)) > 0 ? read() : rows;
  });
  const gate = createGate(deps, account, (state) => {
    line.pace = paceOf(config.pacing, state, clock.now());
    line.lastHighAt = state.lastHighAt;
    line.quietHours = readQuietHours(state.limits?.quietHours);
    line.windows?.limits.setPace(line.pace);
    line.contacts = contactLimitOf(config.pacing, state, clock.now());
  });
  const line: Line = {
    deps,
    account,
    lookahead,
    gate,
    waiter: createWaiter(clock),
    sign: createPauseSign(deps, account, () => {
      line.stale = true;
      line.waiter.wake();
    }),
    stopping: new AbortController(),
    busy: new Set(),
    attempts: new Map(),
    acknowledged: new Set(),
    withdrawn: new Set(),
    claims: new Set(),
    inPreparation: new Set(),
    claimFailure: null,
    pace: paceOf(config.pacing, NOTHING_KNOWN, clock.now()),
    quietHours: null,
    lastHighAt: null,
    contacts: contactLimitOf(config.pacing, NO_CONTACTS_KNOWN, clock.now()),
    known: createLru({ max: MAX_KNOWN }),
    windows: null,
    looking: 0,
    tripping: 0,
    stale: false,
    reading: false,
    rereadAt: 0,
    seenAt: 0,
    healAgainMs: 0,
    refill: new Map(),
    loop: 'ask',
    resting: false,
    idle: false,
  };
  return line;
}

/** A gap before the next message, drawn from the session's pace. */
export function drawGapMs({ pace, deps }: Line): number {
  const random = (deps.random ?? Math.random)();
  return between(pace.delayMinMs, pace.delayMaxMs, random);
}

/**
 * A tenant that sends without a gap leaves room for the others; false: the line is woken when it may go on. Codes, which
 * are looked at first, do not ask.
 */
export function mayUseLoop(line: Line): boolean {
  const { userId } = line.account;
  const { loopShare } = line.deps;
  if (line.loop === 'ask' && loopShare.tryTurn(userId)) line.loop = 'free';
  if (line.loop === 'ask') {
    line.loop = 'asked';
    void loopShare.turn(userId).then(() => {
      line.loop = 'free';
      line.waiter.wake();
    });
  }
  return line.loop === 'free';
}

/** Milliseconds that messages of this priority, which are no codes, wait for more free places; 0: they may go on. */
export function waitForPlaces(line: Line, priority: Priority): number {
  const { busy, pace, deps } = line;
  const hasGap = pace.delayMaxMs > 0;
  const view = { priority, inFlight: busy.size, hasGap, nowMs: deps.clock.monotonic() };
  const { ms, refill } = planRefill(line.refill.get(priority) ?? 'at once', view);
  line.refill.set(priority, refill);
  return ms;
}

export function viewOf(line: Line, at: Windows): LineView {
  const { deps, gate } = line;
  return {
    inFlight: line.busy.size,
    unsettled: line.attempts.size,
    tripping: line.tripping,
    isStale: line.stale,
    isLost: gate.isLost(),
    canSend: deps.isSafe?.() !== false && deps.engine.isConnected(line.account.id),
    pausedUntil: gate.pausedUntil(),
    rereadAt: line.rereadAt,
    seenAt: line.seenAt,
    nextSendAt: at.nextSendAt,
  };
}

/** When the session's windows and quiet hours let a message of this priority go. */
export function allowedAt(line: Line, at: Windows, now: number, priority: Priority): Allowed {
  const silence = priority === PRIORITIES.high ? null : quietUntil(line.quietHours, now);
  if (silence !== null) return { at: silence, reason: 'quiet_hours' };
  return at.limits.nextAllowedAt(now, priority);
}

/** Messages that a clock ahead had queued for later are due now. Resolves with how many. */
async function heal(line: Line, now: number): Promise<number> {
  const { deps, account } = line;
  const count = await healSession(deps, account, now);
  if (count > 0) {
    const text = 'messages that a clock ahead had queued for later are due';
    deps.logger.warn(text, { sessionId: account.sessionId, count });
  }
  return count;
}

/** Takes back what an earlier owner left, and counts from the database what the limits have spent. */
export async function beginWindows(line: Line): Promise<Windows> {
  const { deps, account, gate } = line;
  // A claim that is being made is neither left behind nor counted yet.
  await Promise.all(line.claims);
  line.claimFailure = null;
  await gate.refresh();
  const recovered = gate.isLost() ? 0 : await recoverClaims(deps, account, [...line.attempts.keys()]);
  if (recovered > 0) {
    deps.logger.info('claims recovered', { sessionId: account.sessionId, count: recovered });
  }
  const now = deps.clock.now();
  line.seenAt = now;
  if (!gate.isLost()) {
    if ((await heal(line, now)) > 0) line.lookahead.invalidate();
    // A process that was killed when a hold on strangers ended early has not brought all of them back.
    const mayWrite = gate.breakerUntil() <= now;
    if (mayWrite && (await bringBack(deps.db, account.id, now, Number.POSITIVE_INFINITY)) > 0) {
      line.lookahead.invalidate();
    }
  }
  const known = await readSpent(deps.db, account.id, now, deps.config.pacing.perHour);
  const begun = new Set([...line.inPreparation].map((attempt) => attempt.id));
  const limits = createLimits(
    line.pace,
    known.filter((attempt) => !begun.has(attempt.id)),
  );
  for (const attempt of line.inPreparation) limits.begin(attempt);
  const last = limits.lastAt();
  return { limits, nextSendAt: last === null ? 0 : Math.min(last, now) + drawGapMs(line) };
}
