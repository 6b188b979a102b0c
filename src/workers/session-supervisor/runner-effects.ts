/** The effects of a session's state machine outside of its row and its socket: sending, and the end of its credentials. */
import type { OwnedSession } from '../../cluster/leases.ts';
import { requeueSending } from '../../queue/claim.ts';
import { sleep } from '../../utils/clock.ts';
import { OwnershipLost } from '../../whatsapp/credential-store.ts';
import { backoffDelayMs } from './policy.ts';
import type { RunnerDeps } from './runner-deps.ts';

const ERASE_TRIES = 5;

/** The sending of one session. Failures of the dispatcher are logged, never thrown. */
export interface Sending {
  /** Sends from now on, unless the connection is over (`isStill`) by the time that earlier claims are back in the queue. */
  begin(isStill: () => boolean): Promise<void>;
  /** The socket is gone: nothing is sent through it any more. */
  end(): void;
  /** Messages that were on their way wait for the next link, or for its expiry. */
  requeue(): void;
}

/** Makes the sending of a session that this process owns. */
export function createSending(
  { db, clock, dispatcher, logger }: Pick<RunnerDeps, 'db' | 'clock' | 'dispatcher' | 'logger'>,
  account: OwnedSession,
): Sending {
  let requeuing: Promise<void> = Promise.resolve();

  async function attempt(work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      logger.error('the dispatcher failed', { session: account.sessionId, error: String(error) });
    }
  }

  return {
    async begin(isStill) {
      // A claim that is made meanwhile would be requeued as well, and its message sent twice.
      await requeuing;
      if (isStill()) await attempt(() => dispatcher.add(account));
    },
    end() {
      void attempt(() => dispatcher.remove(account.id));
    },
    requeue() {
      const work = async () => {
        await dispatcher.remove(account.id);
        await requeueSending(db, account, clock.now());
      };
      requeuing = requeuing.then(() => attempt(work));
    },
  };
}

/** Erases what is worthless after a logout; tries a few times while the database is away. */
export async function eraseCredentials(
  deps: Pick<RunnerDeps, 'clock' | 'credentials' | 'logger' | 'onLost' | 'random'>,
  account: OwnedSession,
  isStopped: () => boolean,
): Promise<void> {
  for (let attempt = 1; attempt <= ERASE_TRIES; attempt++) {
    try {
      await deps.credentials.erase(account);
      return;
    } catch (error) {
      if (isStopped() || error instanceof OwnershipLost) return deps.onLost(account.id);
      const fields = { session: account.sessionId, error: String(error) };
      deps.logger.error('credentials could not be erased', fields);
      await sleep(deps.clock, backoffDelayMs(attempt, deps.random));
    }
  }
}
