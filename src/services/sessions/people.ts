/** People that the phone of a session knows: from linking, and from the privacy tokens of an imported link. */

import { sql } from 'drizzle-orm';
import { inBatches } from '../../db/batches.ts';
import type { Db } from '../../db/client.ts';
import { incoming, upsert } from '../../db/ops.ts';
import { waPeople } from '../../db/schema.ts';
import type { Person } from '../../whatsapp/engine.ts';

/** Rows of one statement. */
const BATCH_SIZE = 200;
const MAX_JID = 64;
const MAX_NAME = 190;

/** Remembers people of a session; what was known of them stays where this says nothing. */
export async function keepPeople(
  db: Db,
  accountId: string,
  people: readonly Person[],
  now: number,
): Promise<void> {
  // One statement must not have a row twice.
  const byJid = new Map<string, Person>();
  for (const person of people) {
    const { jid, name, hasChat } = person;
    const known = byJid.get(jid);
    if (jid.length > MAX_JID) continue;
    byJid.set(jid, { jid, name: name ?? known?.name ?? null, hasChat: hasChat || known?.hasChat === true });
  }
  const rows = [...byJid.values()].map(({ jid, name, hasChat }) => ({
    accountId,
    jid,
    name: name?.slice(0, MAX_NAME) ?? null,
    hasChat,
    updatedAt: now,
  }));
  for await (const batch of inBatches(rows, BATCH_SIZE)) {
    await upsert(db, waPeople, batch, [waPeople.accountId, waPeople.jid], {
      name: sql`coalesce(${incoming(waPeople.name)}, ${waPeople.name})`,
      hasChat: sql`case when ${waPeople.hasChat} = 1 then 1 else ${incoming(waPeople.hasChat)} end`,
      updatedAt: now,
    });
  }
}
