/** Looks through the recipients of a campaign before it is made: who lacks a value, who is there twice. */
import { and, asc, eq, gt } from 'drizzle-orm';
import { inBatches, readFitting } from '../../db/batches.ts';
import type { Db } from '../../db/client.ts';
import { broadcastContacts } from '../../db/schema.ts';
import { findSubscribers } from '../../whatsapp/subscribers.ts';
import type { Ctx } from '../context.ts';
import { findList } from '../lists/lists.ts';
import { enterBroadcast } from '../sessions/tenant.ts';
import { createEmptyFinder, type RenderContact } from '../templates/render.ts';
import { findTemplate } from '../templates/templates.ts';
import { INVALID_MARK } from './freeze.ts';

/** At most, between two turns of the event loop. */
const BATCH_SIZE = 200;
/** Recipients that are looked at: a review that takes longer is not read. */
const MAX_LOOKED = 10_000;
/** While somebody types it has to be quick. */
const MAX_AT_ONCE = 200;
/** Placeholders that are told. */
const MAX_MISSING = 20;

export interface Audience {
  /** how many recipients were looked at: the first ones */
  looked: number;
  /** placeholders without a default, with how many of these recipients have no value for them; the worst first */
  missing: { placeholder: string; contacts: number }[];
  /** of these the ones that are there before under another spelling of their number */
  duplicates: number;
}

/** Reads the first `max` recipients. `text`: what they get, with placeholders unfilled. */
export async function lookThrough(
  db: Db,
  userId: number,
  { listId, numbers }: { listId: string | null; numbers: readonly string[] | null },
  text: string,
  max = MAX_LOOKED,
): Promise<Audience> {
  const emptyFor = createEmptyFinder(text);
  const lacking = new Map<string, number>();
  const seen = new Set<string>();
  let looked = 0;
  let duplicates = 0;
  for await (const contacts of listId === null ? ofNumbers(numbers ?? []) : ofList(db, listId)) {
    const phones = contacts.map(({ phone }) => phone);
    const subscribers = await findSubscribers(db, userId, phones);
    for (const contact of contacts) {
      const key = subscribers.get(contact.phone)?.key ?? contact.phone;
      if (seen.has(key)) duplicates++;
      seen.add(key);
      looked++;
      for (const name of emptyFor(contact)) lacking.set(name, (lacking.get(name) ?? 0) + 1);
    }
    if (looked >= max) break;
  }
  const missing = [...lacking]
    .map(([placeholder, count]) => ({ placeholder, contacts: count }))
    .sort((a, b) => b.contacts - a.contacts)
    .slice(0, MAX_MISSING);
  return { looked, missing, duplicates };
}

async function* ofNumbers(numbers: readonly string[]): AsyncGenerator<RenderContact[]> {
  const phones = numbers.filter((entry) => !entry.startsWith(INVALID_MARK));
  for await (const batch of inBatches(phones, BATCH_SIZE)) {
    yield batch.map((phone) => ({ phone, name: null, fields: {} }));
  }
}

function ofList(db: Db, list: string): AsyncGenerator<RenderContact[]> {
  const { listId, phone, name, fields } = broadcastContacts;
  return readFitting<RenderContact>(BATCH_SIZE, (last, size) =>
    db
      .select({ phone, name, fields })
      .from(broadcastContacts)
      .where(and(eq(listId, list), gt(phone, last?.phone ?? '')))
      .orderBy(asc(phone))
      .limit(size),
  );
}

/**
 * The same for a list and a text or a saved template, for who is still writing: among the first 200. Throws FORBIDDEN,
 * NOT_FOUND.
 */
export async function lookThroughList(
  ctx: Ctx,
  { listId, text = '', templateId }: { listId: string; text?: string; templateId?: string | undefined },
): Promise<Audience> {
  const { userId } = await enterBroadcast(ctx, {}, 'read');
  const list = await findList(ctx.db, userId, listId, ctx.actor.sessionIds);
  const body = templateId === undefined ? text : (await findTemplate(ctx.db, userId, templateId)).body;
  return lookThrough(ctx.db, userId, { listId: list.id, numbers: null }, body, MAX_AT_ONCE);
}
