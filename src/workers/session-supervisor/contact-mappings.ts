/** LIDs and numbers, as WhatsApp reports them: written in batches, because a history sync tells hundreds at once. */
import type { Db } from '../../db/client.ts';
import { incoming, upsert } from '../../db/ops.ts';
import { waContacts } from '../../db/schema.ts';
import type { Clock } from '../../utils/clock.ts';
import type { Logger } from '../../utils/logger.ts';
import { createPendingWrites, type PendingWrites } from './pending-writes.ts';

export interface ContactMappings extends Omit<PendingWrites<never>, 'add'> {
  add(accountId: string, lid: string, phone: string): void;
}

interface Mapping {
  accountId: string;
  lid: string;
  phone: string;
}

export function createContactMappings(deps: { db: Db; clock: Clock; logger: Logger }): ContactMappings {
  const { flush, stop, ...pending } = createPendingWrites<Mapping>({
    ...deps,
    what: 'contact mappings',
    async write(mappings) {
      const updatedAt = deps.clock.now();
      const rows = mappings.map((mapping) => ({ ...mapping, updatedAt }));
      const key = [waContacts.accountId, waContacts.lid];
      await upsert(deps.db, waContacts, rows, key, { phone: incoming(waContacts.phone), updatedAt });
    },
  });
  return {
    add: (accountId, lid, phone) => pending.add(`${accountId} ${lid}`, { accountId, lid, phone }),
    flush,
    stop,
  };
}
