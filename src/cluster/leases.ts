/** Who owns which session. Every change of owner raises the fence, so that an old owner's writes hit no row. */
import { and, count, eq, inArray, isNull, notInArray, or, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { affected } from '../db/ops.ts';
import { users, whatsappAccounts } from '../db/schema.ts';
import type { AccountRef } from '../whatsapp/engine.ts';

const accounts = whatsappAccounts;
/** Sessions named in one statement. */
const PIECE = 200;

export interface OwnedSession extends AccountRef {
  /** false: its user is disabled, so it must hold no socket */
  enabled: boolean;
}

/** The condition that an account's row still belongs to this owner under this fence. */
export function heldBy(account: Pick<AccountRef, 'id' | 'owner' | 'fence'>): SQL | undefined {
  return and(
    eq(accounts.id, account.id),
    eq(accounts.owner, account.owner),
    eq(accounts.fence, account.fence),
  );
}

/** Every session whose row names `owner`. */
export async function readOwned(db: Db, owner: string): Promise<OwnedSession[]> {
  const rows = await db
    .select({
      id: accounts.id,
      userId: accounts.userId,
      sessionId: accounts.sessionId,
      fence: accounts.fence,
      userStatus: users.status,
    })
    .from(accounts)
    .leftJoin(users, eq(users.id, accounts.userId))
    .where(eq(accounts.owner, owner));
  return rows.map(({ userStatus, ...row }) => ({ ...row, owner, enabled: userStatus !== 'disabled' }));
}

const withoutLiveOwner = (live: readonly string[]): SQL | undefined =>
  live.length === 0 ? undefined : or(isNull(accounts.owner), notInArray(accounts.owner, [...live]));

/** Sessions that no living process owns. */
export async function findOrphans(db: Db, live: readonly string[]): Promise<string[]> {
  const rows = await db.select({ id: accounts.id }).from(accounts).where(withoutLiveOwner(live));
  return rows.map((row) => row.id);
}

/** Makes `owner` the owner of those of `ids` that no living process owns. Two that race: one wins each row. */
export async function takeOver(
  db: Db,
  owner: string,
  ids: readonly string[],
  live: readonly string[],
): Promise<number> {
  return inPieces(ids, (piece) =>
    db
      .update(accounts)
      .set({ owner, fence: sql`${accounts.fence} + 1` })
      .where(and(inArray(accounts.id, piece), withoutLiveOwner(live))),
  );
}

/** Raises the fences of sessions that `owner` holds anyway: what it did under the old ones is over. */
export async function raiseFences(db: Db, owner: string, ids: readonly string[]): Promise<number> {
  return inPieces(ids, (piece) =>
    db
      .update(accounts)
      .set({ fence: sql`${accounts.fence} + 1` })
      .where(and(inArray(accounts.id, piece), eq(accounts.owner, owner))),
  );
}

/** Gives up everything that `owner` holds. */
export async function releaseAll(db: Db, owner: string): Promise<void> {
  await db.update(accounts).set({ owner: null }).where(eq(accounts.owner, owner));
}

/** How many sessions there are, owned or not. */
export async function countSessions(db: Db): Promise<number> {
  const [row] = await db.select({ n: count() }).from(accounts);
  return row?.n ?? 0;
}

async function inPieces(ids: readonly string[], write: (piece: string[]) => PromiseLike<unknown>) {
  let total = 0;
  for (let at = 0; at < ids.length; at += PIECE) total += affected(await write(ids.slice(at, at + PIECE)));
  return total;
}
