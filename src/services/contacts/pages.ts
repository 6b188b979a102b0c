/** Pages of a list that may have a million contacts: no statement goes through all of them at once. */
import { and, asc, eq, gt, gte, lte } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { broadcastContacts } from '../../db/schema.ts';
import { contains } from '../../db/search.ts';
import { turn } from '../../db/turns.ts';
import type { ContactRow } from './contacts.ts';

/** Contacts that one statement of a search looks at: 2 to 5 ms. */
const SEARCH_PIECE = 4000;
/** Matches are counted up to here. */
const MAX_COUNTED = 10_000;

const { listId: list, phone } = broadcastContacts;

export interface PageInput {
  page: number;
  limit: number;
  /** the last phone of the page before; `page` is ignored then */
  cursor?: string | undefined;
  /** false: a search ends with its page, and tells no total */
  counted?: boolean | undefined;
}

/** One page in the order of the phones. A cursor costs the same on every page. */
export async function readPage(db: Db, listId: string, input: PageInput): Promise<{ rows: ContactRow[] }> {
  const { limit, cursor } = input;
  if (cursor !== undefined) return { rows: await rowsOf(db, listId, gt(phone, cursor), limit) };
  if (input.page === 1) return { rows: await rowsOf(db, listId, undefined, limit) };
  // The key alone is skipped over: whole rows would be read for nothing.
  const [first] = await db
    .select({ phone })
    .from(broadcastContacts)
    .where(eq(list, listId))
    .orderBy(asc(phone))
    .limit(1)
    .offset((input.page - 1) * limit);
  return { rows: first ? await rowsOf(db, listId, gte(phone, first.phone), limit) : [] };
}

/** One page of those whose name or phone holds the text; the total is null past 10,000. */
export async function searchPage(
  db: Db,
  listId: string,
  input: PageInput & { search: string },
): Promise<{ rows: ContactRow[]; totalItems: number | null }> {
  const match = contains([broadcastContacts.name, phone], input.search);
  const skip = input.cursor === undefined ? (input.page - 1) * input.limit : 0;
  const counted = input.counted !== false;
  const rows: ContactRow[] = [];
  let total = 0;
  let after = counted ? '' : (input.cursor ?? '');
  while (total <= MAX_COUNTED && (counted || rows.length < input.limit)) {
    const end = await pieceEnd(db, listId, after);
    const found = await db
      .select()
      .from(broadcastContacts)
      .where(and(eq(list, listId), gt(phone, after), end === null ? undefined : lte(phone, end), match))
      .orderBy(asc(phone));
    for (const row of found) {
      if (input.cursor !== undefined && row.phone <= input.cursor) total++;
      else if (total++ >= skip && rows.length < input.limit) rows.push(row);
    }
    if (end === null) return { rows, totalItems: counted ? total : null };
    after = end;
    await turn();
  }
  return { rows, totalItems: null };
}

/** The phone that ends the piece after `after`; null when the rest is less than a piece. */
async function pieceEnd(db: Db, listId: string, after: string): Promise<string | null> {
  const [row] = await db
    .select({ phone })
    .from(broadcastContacts)
    .where(and(eq(list, listId), gt(phone, after)))
    .orderBy(asc(phone))
    .limit(1)
    .offset(SEARCH_PIECE - 1);
  return row?.phone ?? null;
}

function rowsOf(
  db: Db,
  listId: string,
  where: ReturnType<typeof gt> | undefined,
  limit: number,
): Promise<ContactRow[]> {
  return db
    .select()
    .from(broadcastContacts)
    .where(and(eq(list, listId), where))
    .orderBy(asc(phone))
    .limit(limit);
}
