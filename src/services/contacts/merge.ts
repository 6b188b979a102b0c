/** Writing contacts to a list: the one way, for a person's single contact and for a file's million. */
import { and, eq, inArray } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { incoming, upsert } from '../../db/ops.ts';
import { broadcastContacts, broadcastLists } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { findSubscribers } from '../../whatsapp/subscribers.ts';
import type { ListRow } from '../lists/lists.ts';
import { type QuotaDeps, takeRoom } from '../quotas.ts';
import { MAX_COLUMNS } from './columns.ts';

export interface NewContact {
  /** E.164 digits */
  phone: string;
  /** null: not given */
  name: string | null;
  /** what is given; an empty value is not */
  fields: Record<string, string>;
}

export interface Merged {
  added: number;
  updated: number;
  /** phones that this import had written before, or that were to stay as they are */
  seen: Set<string>;
}

/**
 * Adds contacts to a list that `lockList` has taken in the same transaction; whoever is on it already gets the
 * values that are given and keeps the others, also under another spelling of the number; with `keep` they stay as they
 * are. `contacts` name each phone once, 500 at most.
 */
export async function mergeContacts(
  tx: Tx,
  list: ListRow,
  contacts: readonly NewContact[],
  { now, importId, keep = false }: { now: number; importId: string | null; keep?: boolean },
): Promise<Merged> {
  const subscribers = await findSubscribers(
    tx,
    list.userId,
    contacts.map(({ phone }) => phone),
  );
  const spellings = [...new Set([...subscribers.values()].flatMap((subscriber) => subscriber.spellings))];
  const known = await readKnown(tx, list.id, spellings);
  const seen = new Set<string>();
  const taken = new Set<string>();
  const rows: (typeof broadcastContacts.$inferInsert)[] = [];
  let updated = 0;
  for (const contact of contacts) {
    const { spellings = [contact.phone], key = contact.phone } = subscribers.get(contact.phone) ?? {};
    const before = known.get(spellings.find((spelling) => known.has(spelling)) ?? contact.phone);
    // Another spelling of somebody who is in the same request.
    if (taken.has(key)) {
      seen.add(contact.phone);
      continue;
    }
    taken.add(key);
    if (before && (keep || (importId !== null && before.importId === importId))) {
      seen.add(contact.phone);
      continue;
    }
    if (before) updated++;
    rows.push({
      listId: list.id,
      userId: list.userId,
      phone: before?.phone ?? contact.phone,
      name: contact.name ?? before?.name ?? null,
      fields: before ? { ...before.fields, ...contact.fields } : contact.fields,
      importId,
      createdAt: now,
      updatedAt: now,
    });
  }
  await upsert(tx, broadcastContacts, rows, [broadcastContacts.listId, broadcastContacts.phone], {
    name: incoming(broadcastContacts.name),
    fields: incoming(broadcastContacts.fields),
    importId: incoming(broadcastContacts.importId),
    updatedAt: incoming(broadcastContacts.updatedAt),
  });
  return { added: rows.length - updated, updated, seen };
}

async function readKnown(tx: Tx, listId: string, phones: string[]) {
  const { phone, name, fields, importId } = broadcastContacts;
  const rows = await tx
    .select({ phone, name, fields, importId })
    .from(broadcastContacts)
    .where(and(eq(broadcastContacts.listId, listId), inArray(phone, phones)));
  return new Map(rows.map((row) => [row.phone, row]));
}

/**
 * Writes what the list itself knows of its contacts: `delta` more of them, and the names of their fields. Throws
 * CONFLICT when there would be more than 200 different fields, QUOTA_EXCEEDED for too many contacts.
 */
export async function updateListFacts(
  tx: Tx,
  deps: QuotaDeps,
  list: ListRow,
  { delta, columns }: { delta: number; columns: Iterable<string> },
): Promise<void> {
  const all = new Set(list.columns);
  const before = all.size;
  for (const column of columns) all.add(column);
  if (delta === 0 && all.size === before) return;
  if (all.size > Math.max(before, MAX_COLUMNS)) {
    throw new AppError('CONFLICT', `A list can have at most ${MAX_COLUMNS} different fields.`);
  }
  if (delta > 0) await takeRoom(tx, deps, list.userId, 'contacts', delta);
  list.contactCount += delta;
  list.columns = [...all];
  const { contactCount } = list;
  await tx
    .update(broadcastLists)
    .set({ contactCount, columns: list.columns })
    .where(eq(broadcastLists.id, list.id));
}
