/** Writes what a session has learned about people, groups and calls, outside of whatever told it. */
import { reasonOf } from '../../db/errors.ts';
import { isRetryable, isUnavailable, transact } from '../../db/ops.ts';
import { inCleanContext } from '../../db/scope.ts';
import { record } from '../../events/record.ts';
import type { Deps } from '../../services/context.ts';
import { type Alias, learnAlias } from '../../services/messages/aliases.ts';
import { keepPeople } from '../../services/sessions/people.ts';
import { factOfPresence } from '../../services/sessions/told.ts';
import { sleep } from '../../utils/clock.ts';
import { createLru } from '../../utils/lru.ts';
import { createKeyedMutex } from '../../utils/mutex.ts';
import { createPace, type Pace, type PaceOptions } from '../../utils/pace.ts';
import type { AccountRef, EngineEvent, Person } from '../../whatsapp/engine.ts';

/** What WhatsApp tells by itself, which is written one by one. */
type ToldKind = 'groups' | 'calls' | 'presence';

/**
 * How much of it is written for a session: 120 group events a minute, 60 calls, 60 presences. A number in hundreds of groups
 * that was away hears hundreds of changes at its login: those need not wait.
 */
const PACES: Readonly<Record<ToldKind, PaceOptions>> = {
  groups: { atOnce: 500, everyMs: 500 },
  calls: { atOnce: 60, everyMs: 1_000 },
  presence: { atOnce: 60, everyMs: 1_000 },
};
const MAX_SESSIONS_WATCHED = 5_000;

export interface Learner {
  /**
   * Stores what is confirmed to WhatsApp once it is stored. Past the pace of its kind it waits for its turn, in the order of the
   * calls. Resolves also for what the database will never keep. Rejects when the database cannot be used, and after `stop`:
   * it must not be confirmed then.
   */
  durably(account: AccountRef, kind: 'groups' | 'calls', store: () => Promise<unknown>): Promise<void>;
  /** Somebody is online, or writes. Forgotten while the database is away, and past the pace; in the order of the calls. */
  presence(account: AccountRef, event: Extract<EngineEvent, { type: 'presence' }>): void;
  /** Forgotten while the database is away: the next message to that number brings it again. */
  alias(account: AccountRef, alias: Alias): void;
  /** The same: whoever is missing counts as a stranger until the first message. */
  people(account: AccountRef, people: readonly Person[]): void;
  /** Ends what waits for its turn. */
  stop(): void;
}

/** Makes the writer of all sessions of this process. */
export function createLearner({
  db,
  clock,
  stream,
  logger,
  quietWarnings,
}: Pick<Deps, 'db' | 'clock' | 'stream' | 'logger' | 'quietWarnings'>) {
  const turns = createKeyedMutex();
  const stopping = new AbortController();
  const paces = createLru<string, Record<ToldKind, Pace>>({ max: MAX_SESSIONS_WATCHED });

  function paceOf({ id }: AccountRef, kind: ToldKind): Pace {
    const known = paces.get(id);
    if (known) return known[kind];
    const made = {
      groups: createPace(clock, PACES.groups),
      calls: createPace(clock, PACES.calls),
      presence: createPace(clock, PACES.presence),
    };
    paces.set(id, made);
    return made[kind];
  }

  function sayTooMuch({ id }: AccountRef, kind: ToldKind): void {
    const fields = { account: id, kind };
    quietWarnings.warn(`${id} ${kind}`, 'a session is told more than is kept at once', fields);
  }

  const forgotten = (what: string) => (error: unknown) => logger.warn(what, { error: String(error) });

  const learner: Learner = {
    async durably(account, kind, store) {
      const pace = paceOf(account, kind);
      const waitMs = pace.reserve();
      try {
        // Nothing else of the session waits meanwhile: its turn is taken after that.
        if (waitMs > 0) {
          sayTooMuch(account, kind);
          await sleep(clock, waitMs, stopping.signal);
        }
        if (stopping.signal.aborted) throw new Error('the process ends: what WhatsApp told is not kept');
        await turns.run(account.id, () => inCleanContext(store));
      } catch (error) {
        if (stopping.signal.aborted || isUnavailable(error) || isRetryable(error)) {
          // It is told again, and counted then.
          pace.giveBack();
          throw error;
        }
        // Told again, it would fail again: the session must not end over it.
        logger.warn('what WhatsApp told cannot be kept and is given up', {
          account: account.id,
          kind,
          ...reasonOf(error),
        });
      }
    },

    presence(account, event) {
      if (!paceOf(account, 'presence').take()) return sayTooMuch(account, 'presence');
      const { id, userId, sessionId } = account;
      const whole = { userId, session: { id, sessionId }, ...factOfPresence(event) };
      turns
        .run(id, () => inCleanContext(() => transact(db, (tx) => record(tx, { clock, stream }, [whole]))))
        .catch(forgotten('what WhatsApp told could not be kept'));
    },

    alias({ userId }, { alias, phone, lid }) {
      inCleanContext(() => learnAlias(db, userId, { alias, phone, lid }, clock.now())).catch(
        forgotten('an alias could not be kept'),
      );
    },

    people({ id }, people) {
      inCleanContext(() => keepPeople(db, id, people, clock.now())).catch(
        forgotten('people of a session could not be kept'),
      );
    },

    stop() {
      stopping.abort();
    },
  };
  return learner;
}
