/** The two writes of a check: before the comparison an attempt is spent, after it the outcome is recorded. */

import { and, eq, gt, sql } from 'drizzle-orm';
import { createBatcher } from '../../db/batcher.ts';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { otps } from '../../db/schema.ts';
import { refundWindow, type SpentWindow } from '../../db/windows.ts';
import { type Fact, type Origin, record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { closeOtp, type Ending, otpFact } from './close.ts';
import type { OtpDeps } from './deps.ts';
import { type CheckedOtp, whileOpen } from './rows.ts';
import { type BudgetWindow, spendWindow } from './windows.ts';

export interface AttemptRequest {
  id: string;
  /** as the caller has seen them: the attempt counts only if no other came in between */
  attempts: number;
  /** budgets that this attempt spends as well */
  windows: readonly BudgetWindow[];
}

/** The windows that were spent; null when the OTP has changed since it was seen; the error when a budget is empty. */
export type AttemptResult = SpentWindow[] | null | AppError;

/** The two writes; each is shared by the checks of a moment. */
export interface CheckSteps {
  /** Durable when it resolves. Unless it resolves to what was spent, nothing was. */
  spendAttempt(request: AttemptRequest): Promise<AttemptResult>;
  /** Writes what a comparison said. `ended`: this very check has ended the OTP, which one at most can. */
  recordCheck(outcome: CheckOutcome): Promise<{ ended: boolean }>;
}

/** Items of one transaction: about 10 ms of work, so that the event loop is never held for longer. */
const MAX_BATCH = 50;
/** Transactions at a time: one that waits for a lock must not stop the others. */
const MAX_RUNNING = 2;

/** Makes the steps of this process. */
export function createCheckSteps(deps: OtpDeps): CheckSteps {
  const bounds = { maxBatch: MAX_BATCH, maxRunning: MAX_RUNNING };
  const attempts = createBatcher({
    ...bounds,
    run: (requests: readonly AttemptRequest[]) => spendAttempts(deps, requests),
  });
  const outcomes = createBatcher({
    ...bounds,
    run: (checks: readonly CheckOutcome[]) => recordChecks(deps, checks),
  });
  return { spendAttempt: attempts.add, recordCheck: outcomes.add };
}

function spendAttempts(deps: OtpDeps, requests: readonly AttemptRequest[]): Promise<AttemptResult[]> {
  return transact(deps.database, async (tx) => {
    const now = deps.clock.now();
    const results = new Map<AttemptRequest, AttemptResult>();
    for (const request of inOrder(requests, ({ id }) => id)) {
      results.set(request, (await count(tx, request, now)) ? [] : null);
    }
    const counted = requests.filter((request) => results.get(request) !== null);
    await spendWindows(tx, counted, results, now);
    return requests.map((request) => results.get(request) ?? null);
  });
}

async function count(tx: Tx, { id, attempts }: AttemptRequest, now: number): Promise<boolean> {
  const counted = await tx
    .update(otps)
    .set({ attempts: attempts + 1, lastAttemptAt: now, updatedAt: now })
    .where(and(whileOpen(id), eq(otps.attempts, attempts), gt(otps.expiresAt, now)));
  return affected(counted) > 0;
}

/** All of a window's spenders at once; only when that is too many, one by one. */
async function spendWindows(
  tx: Tx,
  counted: readonly AttemptRequest[],
  results: Map<AttemptRequest, AttemptResult>,
  now: number,
): Promise<void> {
  const spenders = new Map<string, { window: BudgetWindow; requests: AttemptRequest[] }>();
  for (const request of counted) {
    for (const window of request.windows) {
      const entry = spenders.get(window.key) ?? { window, requests: [] };
      entry.requests.push(request);
      spenders.set(window.key, entry);
    }
  }
  for (const { window, requests } of inOrder([...spenders.values()], (entry) => entry.window.key)) {
    const open = requests.filter((request) => !(results.get(request) instanceof AppError));
    const together = await trySpend(tx, window, now, open.length);
    for (const request of open) {
      const spent = together instanceof AppError ? await trySpend(tx, window, now, 1) : together;
      const sofar = results.get(request);
      if (spent instanceof AppError) await undo(tx, request, sofar, spent, results);
      else if (Array.isArray(sofar)) sofar.push(spent);
    }
  }
}

async function trySpend(
  tx: Tx,
  window: BudgetWindow,
  now: number,
  n: number,
): Promise<SpentWindow | AppError> {
  try {
    return await spendWindow(tx, window, now, n);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** A budget is empty: the attempt was not made, and what it spent elsewhere is given back. */
async function undo(
  tx: Tx,
  request: AttemptRequest,
  sofar: AttemptResult | undefined,
  error: AppError,
  results: Map<AttemptRequest, AttemptResult>,
): Promise<void> {
  await tx
    .update(otps)
    .set({ attempts: sql`${otps.attempts} - 1` })
    .where(eq(otps.id, request.id));
  if (Array.isArray(sofar)) for (const spent of sofar) await refundWindow(tx, spent);
  results.set(request, error);
}

export interface CheckOutcome {
  /** as the attempt left it */
  otp: CheckedOtp;
  right: boolean;
  refund: readonly SpentWindow[];
  origin: Origin;
}

function recordChecks(deps: OtpDeps, outcomes: readonly CheckOutcome[]): Promise<{ ended: boolean }[]> {
  return transact(deps.database, async (tx) => {
    const facts: Fact[] = [];
    const ended = new Set<CheckOutcome>();
    for (const outcome of inOrder(outcomes, ({ otp }) => otp.id)) {
      const { otp, right, origin } = outcome;
      const attemptsLeft = Math.max(0, otp.maxAttempts - otp.attempts);
      if (!right) facts.push(otpFact(otp, 'otp.check_failed', { attemptsLeft }, origin));
      const ending = endingOf(right, attemptsLeft);
      const own = ending && (await closeOtp(tx, deps, otp, ending, origin));
      if (!own) continue;
      facts.push(...own);
      ended.add(outcome);
    }
    await refund(tx, outcomes);
    await record(tx, deps, facts);
    return outcomes.map((outcome) => ({ ended: ended.has(outcome) }));
  });
}

function endingOf(right: boolean, attemptsLeft: number): Ending | null {
  if (right) return { status: 'verified', reason: null };
  return attemptsLeft === 0 ? { status: 'failed', reason: 'max_attempts' } : null;
}

async function refund(tx: Tx, outcomes: readonly CheckOutcome[]): Promise<void> {
  const counts = new Map<string, { window: SpentWindow; n: number }>();
  for (const window of outcomes.flatMap((outcome) => outcome.refund)) {
    const name = `${window.key}@${window.windowStart}`;
    counts.set(name, { window, n: (counts.get(name)?.n ?? 0) + 1 });
  }
  for (const { window, n } of inOrder([...counts.values()], (entry) => entry.window.key)) {
    await refundWindow(tx, window, n);
  }
}

/** Rows are always taken in the same order, so that two batches cannot wait for each other in a circle. */
function inOrder<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return [...items].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
