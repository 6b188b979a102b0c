/** Pages of a list that may have a million contacts. What looks through many of them does so beside the event loop. */
import { and, asc, eq, gt, gte, or, type SQL } from 'drizzle-orm';
import type { Database, ReadDb } from '../../db/client.ts';
import { countRows } from '../../db/count-rows.ts';
import { broadcastContacts } from '../../db/schema.ts';
import { contains } from '../../db/search.ts';
import type { PageInput } from '../fields.ts';
import { holdsNumber, toSearchedNumber } from '../number-search.ts';
import type { ContactRow } from './contacts.ts';

/** Matches are counted up to here. */
const MAX_COUNTED = 10_000;

const { listId: list, phone } = broadcastContacts;

/**
 * One page in the order of the phones. A cursor is the last phone of the page before, `page` is ignored then; it costs the
 * same on every page.
 */
export async function readPage(
  { db, scan }: Pick<Database, 'db' | 'scan'>,
  listId: string,
  input: PageInput,
): Promise<{ rows: ContactRow[] }> {
  const { limit, cursor } = input;
  if (cursor !== undefined)
    return { rows: await rowsOf(db, and(eq(list, listId), gt(phone, cursor)), limit) };
  if (input.page === 1) return { rows: await rowsOf(db, eq(list, listId), limit) };
  // The key alone is skipped over: whole rows would be read for nothing.
  const [first] = await scan
    .select({ phone })
    .from(broadcastContacts)
    .where(eq(list, listId))
    .orderBy(asc(phone))
    .limit(1)
    .offset((input.page - 1) * limit);
  return { rows: first ? await rowsOf(db, and(eq(list, listId), gte(phone, first.phone)), limit) : [] };
}

export interface Counting {
  /** false: a search ends with its page, and tells no total */
  counted?: boolean | undefined;
}

/** One page of those whose name or phone holds the text; the total is null past 10,000, and where it was not counted. */
export async function searchPage(
  { scan }: Pick<Database, 'scan'>,
  listId: string,
  input: PageInput & { search: string; defaultCountry: string } & Counting,
): Promise<{ rows: ContactRow[]; totalItems: number | null }> {
  const { cursor, limit } = input;
  const number = holdsNumber(phone, toSearchedNumber(input.search, input.defaultCountry));
  const match = and(eq(list, listId), or(contains([broadcastContacts.name, phone], input.search), number));
  const skip = cursor === undefined ? (input.page - 1) * limit : 0;
  const after = cursor === undefined ? undefined : gt(phone, cursor);
  const rows = await rowsOf(scan, and(match, after), limit, skip);
  if (input.counted === false) return { rows, totalItems: null };
  // The page that ends the list has seen them all.
  const isLast = cursor === undefined && rows.length < limit && (rows.length > 0 || skip === 0);
  const total = isLast
    ? skip + rows.length
    : await countRows(scan, broadcastContacts, match, MAX_COUNTED + 1);
  return { rows, totalItems: total > MAX_COUNTED ? null : total };
}

function rowsOf(db: ReadDb, where: SQL | undefined, limit: number, skip = 0): Promise<ContactRow[]> {
  return db.select().from(broadcastContacts).where(where).orderBy(asc(phone)).limit(limit).offset(skip);
}
