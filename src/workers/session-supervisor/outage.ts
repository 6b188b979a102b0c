/**
 * Sessions that WhatsApp, or the way to it, has cut off wait longer and longer. The outage is over as soon as any of
 * them is connected again, or a cheap probe is answered: then all of them try at once, a moment apart.
 */
import { backoffMs, between, spread } from '../../utils/backoff.ts';
import type { Clock } from '../../utils/clock.ts';
import type { Logger } from '../../utils/logger.ts';

/** Between two probes. A server that answers the probe and still takes no session is left in peace more and more. */
const PROBE = { firstMs: 3_000, maxMs: 300_000 };
/** So that thousands of sessions do not return in one moment; the start gate bounds them as well. */
const SPREAD_MS = 3_000;
/** An early try that helped nothing: the next one of that session is this much later, doubling. */
const EARLY_AGAIN = { firstMs: 20_000, maxMs: 10_240_000 };

export interface Outage {
  /**
   * `retry` is called once when the server answers again, unless the wait was ended before. Without `looks` no probe is
   * sent for it.
   */
  wait(accountId: string, retry: () => void, options?: { looks: boolean }): () => void;
  /** Somebody is connected: the server answers. */
  over(): void;
  /** The session is well again, or not ours any more: it may try early from the first moment of the next outage on. */
  forget(accountId: string): void;
  stop(): void;
}

interface Waiting {
  accountId: string;
  looks: boolean;
  retry(): void;
}

/** `probe` resolves with whether the server answers; null: only other sessions tell. */
export function createOutage(deps: {
  clock: Clock;
  logger: Logger;
  random: () => number;
  probe: (() => Promise<boolean>) | null;
}): Outage {
  const { clock, logger, random, probe } = deps;
  const waiting = new Set<Waiting>();
  /** when a session may try early again (monotonic), and how often it did in vain */
  const early = new Map<string, { notBefore: number; tries: number }>();
  let cancelProbe: (() => void) | null = null;
  /** how often in a row the probe was answered */
  let answered = 0;
  let stopped = false;

  function schedule(): void {
    if (stopped || probe === null || cancelProbe !== null) return;
    if (![...waiting].some(({ looks }) => looks)) return;
    cancelProbe = clock.setTimer(() => void look(probe), spread(backoffMs(PROBE, answered + 1), random()));
  }

  async function look(ask: () => Promise<boolean>): Promise<void> {
    const answers = await ask().catch(() => false);
    cancelProbe = null;
    // While it is away the probe costs next to nothing; once it answers, only its own word counts.
    answered = answers ? answered + 1 : 0;
    if (answers) over();
    schedule();
  }

  function over(): void {
    const now = clock.monotonic();
    const ready = [...waiting].filter(({ accountId }) => (early.get(accountId)?.notBefore ?? 0) <= now);
    if (ready.length === 0) return;
    logger.info('the server answers again', { waiting: ready.length });
    for (const entry of ready) {
      waiting.delete(entry);
      const tries = (early.get(entry.accountId)?.tries ?? 0) + 1;
      early.set(entry.accountId, { tries, notBefore: now + backoffMs(EARLY_AGAIN, tries) });
      entry.retry();
    }
  }

  return {
    wait(accountId, retry, { looks } = { looks: true }) {
      let cancel: () => void = () => undefined;
      const entry: Waiting = {
        accountId,
        looks,
        retry() {
          cancel = clock.setTimer(retry, between(0, SPREAD_MS, random()));
        },
      };
      waiting.add(entry);
      schedule();
      return () => {
        waiting.delete(entry);
        cancel();
      };
    },
    over,
    forget: (accountId) => void early.delete(accountId),
    stop() {
      stopped = true;
      cancelProbe?.();
      waiting.clear();
    },
  };
}
