/** Wake-ups inside one process: work that has come, outcomes that callers wait for. */

/** What a caller with `Prefer: wait` is told. */
export interface Outcome {
  /** id of the history row */
  id: string;
  status: 'sent' | 'delivered' | 'read' | 'failed' | 'expired' | 'canceled';
  errorCode: string | null;
  errorMessage: string | null;
}

export interface QueueSignals {
  /** There may be something to send for this session; `rowChanged`: what is known of its row is old, as after a pause. */
  wake(accountId: string, rowChanged?: boolean): void;
  onWake(listener: (accountId: string, rowChanged: boolean) => void): () => void;
  settled(outcome: Outcome): void;
  onSettled(listener: (outcome: Outcome) => void): () => void;
}

/** Makes the signals of this process. Listeners run in turn and must not throw. */
export function createQueueSignals(): QueueSignals {
  const wakes = new Set<(accountId: string, rowChanged: boolean) => void>();
  const outcomes = new Set<(outcome: Outcome) => void>();
  return {
    wake: (accountId, rowChanged = false) => {
      for (const listener of [...wakes]) listener(accountId, rowChanged);
    },
    onWake: (listener) => {
      wakes.add(listener);
      return () => wakes.delete(listener);
    },
    settled: (outcome) => {
      for (const listener of [...outcomes]) listener(outcome);
    },
    onSettled: (listener) => {
      outcomes.add(listener);
      return () => outcomes.delete(listener);
    },
  };
}
