import type { Clock } from '../../utils/clock.ts';

export type Bounded<R> = { done: true; value: R } | { done: false; why: 'timeout' | 'closed' };

/**
 * Waits for `work` at most `timeoutMs` and no longer than the socket lives. It is not stopped by that: what it
 * still does afterwards is the caller's to think of, its late rejection is dropped. Rejects as `work` does.
 */
export function withBound<R>(
  clock: Clock,
  work: Promise<R>,
  timeoutMs: number,
  closed: AbortSignal,
): Promise<Bounded<R>> {
  return new Promise((resolve, reject) => {
    const end = (act: () => void) => {
      cancel();
      closed.removeEventListener('abort', onClosed);
      act();
    };
    const onClosed = () => end(() => resolve({ done: false, why: 'closed' }));
    const cancel = clock.setTimer(() => end(() => resolve({ done: false, why: 'timeout' })), timeoutMs);
    closed.addEventListener('abort', onClosed, { once: true });
    if (closed.aborted) onClosed();
    work.then(
      (value) => end(() => resolve({ done: true, value })),
      (error) => end(() => reject(error)),
    );
  });
}
