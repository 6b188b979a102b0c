/** People that a session knows: from linking, from the privacy tokens of an imported link, and by the names they bring. */

import { sql } from 'drizzle-orm';
import { inBatches } from '../../db/batches.ts';
import type { Db } from '../../db/client.ts';
import { incoming, upsert } from '../../db/ops.ts';
import { waPeople } from '../../db/schema.ts';
import { cleanName } from '../../utils/text.ts';
import type { Person } from '../../whatsapp/engine.ts';

/** Rows of one statement. */
const BATCH_SIZE = 200;
const MAX_JID = 64;
/** waPeople.name and .pushName */
const MAX_NAME = 190;

/** A person, and the session (whatsapp_accounts.id) that knows them. */
export interface KnownPerson extends Person {
  accountId: string;
}

/** Remembers people of a session; what was known of them stays where this says nothing. */
export function keepPeople(db: Db, accountId: string, people: readonly Person[], now: number): Promise<void> {
  return keepKnown(
    db,
    people.map((person) => ({ accountId, ...person })),
    now,
  );
}

/** The same for people of several sessions. */
export async function keepKnown(db: Db, people: readonly KnownPerson[], now: number): Promise<void> {
  // One statement must not have a row twice.
  const byKey = new Map<string, Required<KnownPerson>>();
  for (const { accountId, jid, name, pushName, hasChat } of people) {
    if (jid.length > MAX_JID) continue;
    const key = `${accountId} ${jid}`;
    const known = byKey.get(key);
    byKey.set(key, {
      accountId,
      jid,
      name: shownName(name) ?? known?.name ?? null,
      pushName: shownName(pushName) ?? known?.pushName ?? null,
      hasChat: hasChat || known?.hasChat === true,
    });
  }
  const rows = [...byKey.values()].map((person) => ({ ...person, updatedAt: now }));
  for await (const batch of inBatches(rows, BATCH_SIZE)) {
    await upsert(db, waPeople, batch, [waPeople.accountId, waPeople.jid], {
      name: sql`coalesce(${incoming(waPeople.name)}, ${waPeople.name})`,
      pushName: sql`coalesce(${incoming(waPeople.pushName)}, ${waPeople.pushName})`,
      hasChat: sql`case when ${waPeople.hasChat} = 1 then 1 else ${incoming(waPeople.hasChat)} end`,
      updatedAt: now,
    });
  }
}

/** A name as it is kept: in its bounds, and without characters that are not seen. */
export const shownName = (name: string | null | undefined): string | null =>
  name ? cleanName(name, MAX_NAME) : null;
