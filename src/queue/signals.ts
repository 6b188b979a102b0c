/** Wake-ups inside one process: work that has come, outcomes that callers wait for. */
import type { HeadStart } from './head-start.ts';
import type { Candidate } from './look-ahead.ts';
import type { Priority } from './priority.ts';

/** The outcome that a caller with `Prefer: wait` is told. */
export interface Outcome {
  /** id of the history row */
  id: string;
  status: 'sent' | 'delivered' | 'read' | 'failed' | 'expired' | 'canceled';
  errorCode: string | null;
  errorMessage: string | null;
}

/** The reason for a wake-up, as far as it is known; none: anything may have changed. */
export interface News {
  /** what is known of the session's row is old, as after a pause */
  rowChanged?: boolean;
  /** of what was queued, and nothing else has changed */
  priority?: Priority;
  /** what was queued, when it is all that was: rows of this priority, as a reading would find them */
  rows?: readonly Candidate[];
}

/** A message that leaves. */
export interface Leaving {
  accountId: string;
  /** canonical JID */
  peer: string;
  type: string;
}

export interface QueueSignals {
  /** There may be something to send for this session. */
  wake(accountId: string, news?: News): void;
  onWake(listener: (accountId: string, news: News) => void): () => void;
  /** Asks the line of the row's session for a head start: null when it cannot give one, or is in another process. */
  headStart(row: Candidate): Promise<HeadStart | null>;
  onHeadStart(giver: (row: Candidate) => Promise<HeadStart | null>): () => void;
  /**
   * These rows were taken off the queue by somebody who does not send them, claimed or not; where the commit of that was not
   * answered they may be on it still.
   */
  withdrawn(ids: readonly string[]): void;
  onWithdrawn(listener: (ids: readonly string[]) => void): () => void;
  /** It is claimed, that is committed, and it is about to be handed to WhatsApp, or may be. */
  leaves(message: Leaving): void;
  onLeaves(listener: (message: Leaving) => void): () => void;
  /** A code of the session is about to be queued, and nothing that a client can repeat refuses it any more. */
  codeComes(accountId: string): void;
  onCodeComes(listener: (accountId: string) => void): () => void;
  settled(outcome: Outcome): void;
  onSettled(listener: (outcome: Outcome) => void): () => void;
  /** WhatsApp's server has acknowledged it, and its outcome will be written: `settled` follows. Of codes alone. */
  acknowledged(id: string): void;
  onAcknowledged(listener: (outcome: Outcome) => void): () => void;
  /**
   * Resolves when what callers of this tenant (null: of all) were told is written, so that a reading after their answers shows it;
   * within half a second. Do not call it in a transaction, which may hold what is to be written.
   */
  writeTold(userId: number | null): Promise<void>;
  onWriteTold(writer: (userId: number | null) => Promise<void>): () => void;
}

/** Makes the signals of this process. Listeners run in turn and must not throw. */
export function createQueueSignals(): QueueSignals {
  const wakes = new Set<(accountId: string, news: News) => void>();
  const outcomes = new Set<(outcome: Outcome) => void>();
  const acknowledgements = new Set<(outcome: Outcome) => void>();
  const coming = new Set<(accountId: string) => void>();
  const withdrawals = new Set<(ids: readonly string[]) => void>();
  const leavings = new Set<(message: Leaving) => void>();
  const givers = new Set<(row: Candidate) => Promise<HeadStart | null>>();
  const writers = new Set<(userId: number | null) => Promise<void>>();
  return {
    wake: (accountId, news = {}) => {
      for (const listener of [...wakes]) listener(accountId, news);
    },
    onWake: (listener) => {
      wakes.add(listener);
      return () => wakes.delete(listener);
    },
    withdrawn: (ids) => {
      for (const listener of [...withdrawals]) listener(ids);
    },
    onWithdrawn: (listener) => {
      withdrawals.add(listener);
      return () => withdrawals.delete(listener);
    },
    leaves: (message) => {
      for (const listener of leavings) listener(message);
    },
    onLeaves: (listener) => {
      leavings.add(listener);
      return () => leavings.delete(listener);
    },
    codeComes: (accountId) => {
      for (const listener of [...coming]) listener(accountId);
    },
    onCodeComes: (listener) => {
      coming.add(listener);
      return () => coming.delete(listener);
    },
    async headStart(row) {
      for (const give of [...givers]) {
        const start = await give(row);
        if (start !== null) return start;
      }
      return null;
    },
    onHeadStart: (giver) => {
      givers.add(giver);
      return () => givers.delete(giver);
    },
    settled: (outcome) => {
      for (const listener of [...outcomes]) listener(outcome);
    },
    onSettled: (listener) => {
      outcomes.add(listener);
      return () => outcomes.delete(listener);
    },
    acknowledged: (id) => {
      const outcome = { id, status: 'sent', errorCode: null, errorMessage: null } as const;
      for (const listener of [...acknowledgements]) listener(outcome);
    },
    onAcknowledged: (listener) => {
      acknowledgements.add(listener);
      return () => acknowledgements.delete(listener);
    },
    async writeTold(userId) {
      for (const write of [...writers]) await write(userId);
    },
    onWriteTold: (writer) => {
      writers.add(writer);
      return () => writers.delete(writer);
    },
  };
}
