/** One attempt: hand the message to the engine, look once more before it leaves, write what became of it. */
import { isUnavailable } from '../../db/ops.ts';
import type { SharedCommit } from '../../db/shared-commit.ts';
import type { AccountState } from '../../queue/account-state.ts';
import { type BegunSend, type Claim, recipientOf } from '../../queue/claim.ts';
import { PRIORITIES, type Priority } from '../../queue/priority.ts';
import { type Decision, decide } from '../../queue/retry.ts';
import type { Settlement } from '../../queue/settle.ts';
import type { Outgoing } from '../../whatsapp/content.ts';
import type { SendOptions, SendResult } from '../../whatsapp/engine.ts';
import type { Reading } from './gate.ts';
import type { LineDeps } from './types.ts';

/** The calls of an attempt to its session. */
export interface AttemptSession {
  /** Runs the look before the relay, so that the session knows it is not waiting for WhatsApp meanwhile. */
  look<R>(read: () => Promise<R>): Promise<R>;
  /** What the line knows of its session is what the claim's transaction found: it need not be read again. */
  isAsClaimed(): boolean;
  /** The session's row is read from now on, for `maySend`. */
  beginReading(): Reading;
  /** Takes in what the session's row says; false: this process may not send for it (lost, paused, stopping). */
  maySend(state: AccountState | null, reading: Reading): boolean;
  /** False while the session's breaker is open and the recipient does not know it. After `maySend`. */
  mayReach(): Promise<boolean>;
  /**
   * The engine has answered: the recipient and the slot are free, the outcome is not written yet. `unsent`: the message
   * is over, and nothing of it was put on the wire.
   */
  answered(decision: Decision, unsent: boolean): void;
}

/** Sends one claimed message and settles it. Resolves when the outcome is durable; never rejects. */
export async function attempt(deps: LineDeps, claim: Claim, session: AttemptSession): Promise<void> {
  let overdue = false;
  const check = async (): Promise<boolean> => {
    if (!session.isAsClaimed()) {
      const reading = session.beginReading();
      const { account, claimed } = await deps.lookBeforeRelay(claim.held, claim.id);
      if (!session.maySend(account, reading) || !claimed) return false;
    }
    if (!(await session.mayReach())) return false;
    // Last of all: what passes here is on its way, so it must not be reported expired before its outcome is known.
    overdue = claim.expiresAt !== null && claim.expiresAt <= deps.clock.now();
    if (overdue) return false;
    await deps.noteLeaving(claim, deps.clock.now());
    deps.signals.leaves(claim);
    return true;
  };
  // A database that is away cannot say that the claim still holds: nothing leaves.
  const result = await send(deps, claim, () => session.look(check).catch(() => false));
  const decision = decide({
    result,
    attempts: claim.attempts,
    maxAttempts: deps.config.pacing.maxAttempts,
    connected: deps.engine.isConnected(claim.accountId),
    now: deps.clock.now(),
    random: (deps.random ?? Math.random)(),
  });
  // Should this process die before it is written, the row goes out again under its id, and its phone shows it once.
  if (decision.action === 'sent' && claim.type === 'otp') deps.signals.acknowledged(claim.id);
  session.answered(decision, overdue || (decision.action === 'failed' && decision.unsent === true));
  try {
    await deps.settler.settle(overdue ? { kind: 'expired', claim } : settlementOf(claim, decision));
  } catch (error) {
    // The row stays claimed under our fence: the next take-over or reconnect brings it back with the same id.
    deps.logger.error('an outcome is not settled', { messageId: claim.messageId, error: String(error) });
  }
}

/**
 * Gives the engine a message whose claim is not committed yet: its keys may go with that (`commit`). When it is ready it waits to be
 * told whom to ask whether it may leave.
 */
export function beginSend(deps: LineDeps, claim: Claim, content: Outgoing, commit: SharedCommit): BegunSend {
  let leave: BegunSend['leave'] = () => undefined;
  const told = new Promise<() => Promise<boolean>>((resolve) => {
    leave = resolve;
  });
  const asks = { mayRelay: async () => true, mayLeave: async () => (await told)(), commit };
  return { result: giveToEngine(deps, claim, content, asks), leave };
}

async function send(deps: LineDeps, claim: Claim, mayRelay: () => Promise<boolean>): Promise<SendResult> {
  if (claim.begun) {
    // Its claim is committed by now. It may take long until it is sealed, so that the look waits for that.
    claim.begun.leave(mayRelay);
    return claim.begun.result;
  }
  let content: Outgoing | null;
  try {
    content = claim.open ? claim.open() : await (deps.openContent ?? asContent)(claim.content);
  } catch (error) {
    deps.logger.error('a message cannot be opened', { messageId: claim.messageId, error: String(error) });
    if (isUnavailable(error)) return { outcome: 'postponed', reason: 'the database is away' };
    return { outcome: 'impossible', code: 'CONTENT_UNREADABLE', message: 'Its content cannot be opened.' };
  }
  if (content === null) {
    return { outcome: 'impossible', code: 'CONTENT_GONE', message: 'Its content may not be sent any more.' };
  }
  return giveToEngine(deps, claim, content, { mayRelay });
}

async function giveToEngine(
  deps: LineDeps,
  claim: Claim,
  content: Outgoing,
  asks: Pick<SendOptions, 'mayRelay' | 'mayLeave' | 'commit'>,
): Promise<SendResult> {
  const { prepareTimeoutMs, ackTimeoutMs } = deps.config.pacing;
  try {
    return await deps.engine.send(claim.accountId, recipientOf(claim), content, {
      messageId: claim.messageId,
      prepareTimeoutMs,
      ackTimeoutMs,
      urgent: claim.priority === PRIORITIES.high,
      typingMs: typingMsOf(content, deps.config.pacing.typingMsPerChar, claim.priority),
      ...asks,
    });
  } catch (error) {
    deps.logger.error('the engine failed', { messageId: claim.messageId, error: String(error) });
    return { outcome: 'unknown', reason: 'the engine failed' };
  }
}

/** Longer looks odd, and holds the recipient's next message. */
const MAX_TYPING_MS = 10_000;

/** As long as a person would type it; a code is not kept waiting. */
function typingMsOf(content: Outgoing, msPerChar: number, priority: Priority): number {
  if (content.type !== 'text' || priority === PRIORITIES.high) return 0;
  return Math.min(MAX_TYPING_MS, content.text.length * msPerChar);
}

function settlementOf(claim: Claim, decision: Decision): Settlement {
  switch (decision.action) {
    case 'sent':
      return {
        kind: 'proof',
        id: claim.id,
        sending: claim,
        status: 'sent',
        at: decision.at,
        // With a head start it was asked for in this process, which alone serves the session's tenant.
        isTold: claim.type === 'otp' && claim.open !== undefined,
        ...(decision.leftOut === null ? {} : { leftOut: decision.leftOut }),
      };
    case 'failed':
      return {
        kind: 'failed',
        claim,
        errorCode: decision.errorCode,
        errorMessage: decision.errorMessage,
        unsent: decision.unsent === true,
      };
    case 'retry':
      return { kind: 'retry', claim, availableAt: decision.availableAt };
    case 'release':
      return { kind: 'release', claim, availableAt: decision.availableAt };
  }
}

/** Safe because nothing but a Outgoing is ever queued without being sealed. */
function asContent(content: unknown): Outgoing {
  return content as Outgoing;
}
