/** Waiting for what becomes of a message: everybody in this process who waits shares one query. */

import { inArray } from 'drizzle-orm';
import { inBatches } from '../db/batches.ts';
import { messages } from '../db/schema.ts';
import { inCleanContext } from '../db/scope.ts';
import type { MessageStatus } from '../queue/progress.ts';
import type { Outcome } from '../queue/signals.ts';
import { AppError } from '../utils/errors.ts';
import type { Deps } from './context.ts';

/** `Prefer: wait=N` is taken up to this many seconds. */
export const MAX_WAIT_SECONDS = 60;
const POLL_MS = 250;
const BATCH_SIZE = 500;

export type WaitDeps = Pick<Deps, 'db' | 'clock' | 'signals' | 'logger' | 'outcomes'>;
type PollDeps = Omit<WaitDeps, 'outcomes'>;

type Listener = (outcome: Outcome) => void;

/** The callers that wait in this process. */
export interface Outcomes {
  /** Tells the listener when the message has come to an end; the answer makes it wait no longer. */
  wait(deps: PollDeps, id: string, listener: Listener): () => void;
  /** Ends the poll; whoever waits still hears nothing more. */
  stop(): void;
}

/**
 * Resolves with the outcome of a message (its history row's id), or with null when `timeoutMs` has passed or the caller
 * has gone: `whenGone` calls its listener then, until what it returns is called. What this process settles is known at once,
 * what another one does within 250 ms. A code is known to be sent by WhatsApp's word, up to 0.35 s before its history says so:
 * a person waits for it.
 */
export function waitForOutcome(
  deps: WaitDeps,
  id: string,
  { timeoutMs, whenGone }: { timeoutMs: number; whenGone?: (listener: () => void) => () => void },
): Promise<Outcome | null> {
  return new Promise((resolve) => {
    let noGoing = () => {};
    const end = (outcome: Outcome | null) => {
      leave();
      cancel();
      noGoing();
      resolve(outcome);
    };
    const giveUp = () => end(null);
    const leave = deps.outcomes.wait(deps, id, end);
    const cancel = deps.clock.setTimer(giveUp, timeoutMs);
    if (whenGone) noGoing = whenGone(giveUp);
  });
}

/** Whether WhatsApp's server has it. */
export const isSent = ({ status }: Outcome): boolean =>
  status === 'sent' || status === 'delivered' || status === 'read';

/** What has become of a message by its history row; null: it has come to no end. */
export function outcomeOf({
  id,
  status,
  errorCode,
  errorMessage,
}: Omit<Outcome, 'status'> & { status: MessageStatus }): Outcome | null {
  return isOutcome(status) ? { id, status, errorCode, errorMessage } : null;
}

/** Throws what a caller who waited is told of an outcome that is no success: which message it is, why, and `more` in its details. */
export function throwUnlessSent(
  outcome: Outcome,
  { messageId }: { messageId: string },
  more: Record<string, unknown> = {},
): void {
  if (isSent(outcome)) return;
  const errorCode = outcome.errorCode ?? outcome.status.toUpperCase();
  const message = outcome.errorMessage ?? `The message was not sent: it is ${outcome.status}.`;
  const code = errorCode === 'NOT_ON_WHATSAPP' ? 'NOT_ON_WHATSAPP' : 'SEND_FAILED';
  throw new AppError(code, message, { details: { messageId, errorCode, status: outcome.status, ...more } });
}

/** Makes the list of who waits; it polls only while somebody does. */
export function createOutcomes(): Outcomes {
  const waiting = new Map<string, Set<Listener>>();
  let stop: (() => void) | null = null;

  function tell(outcome: Outcome): void {
    for (const listener of [...(waiting.get(outcome.id) ?? [])]) listener(outcome);
  }

  function start(deps: PollDeps): () => void {
    let cancel: () => void = () => undefined;
    let running = true;
    const noOutcomes = deps.signals.onSettled(tell);
    const noAcknowledgements = deps.signals.onAcknowledged(tell);
    const schedule = () => {
      cancel = deps.clock.setTimer(() => {
        readOutcomes(deps, [...waiting.keys()])
          .then((outcomes) => outcomes.forEach(tell))
          .catch((error) => deps.logger.warn('outcomes could not be read', { error: String(error) }))
          .finally(() => running && schedule());
      }, POLL_MS);
    };
    inCleanContext(schedule);
    return () => {
      running = false;
      cancel();
      noOutcomes();
      noAcknowledgements();
    };
  }

  return {
    wait(deps, id, listener) {
      const listeners = waiting.get(id) ?? new Set();
      waiting.set(id, listeners);
      listeners.add(listener);
      stop ??= start(deps);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && waiting.get(id) === listeners) waiting.delete(id);
        if (waiting.size > 0) return;
        stop?.();
        stop = null;
      };
    },
    stop() {
      stop?.();
      stop = null;
      waiting.clear();
    },
  };
}

/** Those of the messages that have come to an end that a caller waits for. */
async function readOutcomes(deps: PollDeps, ids: readonly string[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for await (const batch of inBatches(ids, BATCH_SIZE)) {
    const rows = await deps.db
      .select({
        id: messages.id,
        status: messages.status,
        errorCode: messages.errorCode,
        errorMessage: messages.errorMessage,
      })
      .from(messages)
      .where(inArray(messages.id, batch));
    outcomes.push(...rows.map(outcomeOf).filter((outcome) => outcome !== null));
  }
  return outcomes;
}

function isOutcome(status: MessageStatus): status is Outcome['status'] {
  return status !== 'queued' && status !== 'sending' && status !== 'received';
}
