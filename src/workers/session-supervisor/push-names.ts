/** How people call themselves, as their messages tell: written when it is new, in batches. */
import type { Db } from '../../db/client.ts';
import { type KnownPerson, keepKnown, shownName } from '../../services/sessions/people.ts';
import type { Clock } from '../../utils/clock.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import type { Logger } from '../../utils/logger.ts';
import { createLru } from '../../utils/lru.ts';
import type { InboundMessage } from '../../whatsapp/engine.ts';
import { createPendingWrites, type PendingWrites } from './pending-writes.ts';

/** Names that this process knows to be written. */
const MAX_KNOWN = 20_000;
/** A name is written again after that long: another process may have written another one, or another phone was linked. */
const KNOWN_MS = 24 * HOUR_MS;

export interface PushNames extends Omit<PendingWrites<never>, 'add'> {
  /** Takes the name that a message brings. Costs nothing while it is the name that was written last. */
  learn(accountId: string, message: InboundMessage): void;
}

export function createPushNames(deps: { db: Db; clock: Clock; logger: Logger }): PushNames {
  const known = createLru<string, string>({ max: MAX_KNOWN, ttlMs: KNOWN_MS });
  const { flush, stop, ...pending } = createPendingWrites<KnownPerson>({
    ...deps,
    what: 'names of people',
    write: (people) => keepKnown(deps.db, people, deps.clock.now()),
  });
  return {
    learn(accountId, { chat, participant, pushName }) {
      const name = shownName(pushName);
      if (name === null) return;
      const jid = participant ?? chat;
      const key = `${accountId} ${jid}`;
      if (known.get(key) === name) return;
      if (pending.add(key, { accountId, jid, name: null, pushName: name, hasChat: false }))
        known.set(key, name);
    },
    flush,
    stop,
  };
}
