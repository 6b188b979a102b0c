/** The rows in which one process asks another, and what an answer looks like in them. */

import { and, asc, eq, inArray, lt } from 'drizzle-orm';
import type { Database, Db } from '../db/client.ts';
import { affected, skipLocked, transact } from '../db/ops.ts';
import { sessionCommands, whatsappAccounts } from '../db/schema.ts';
import { MINUTE_MS } from '../utils/durations.ts';
import { AppError, ERROR_STATUS, type ErrorCode } from '../utils/errors.ts';
import { postWakeUps } from './wake-ups.ts';

export type CommandRow = typeof sessionCommands.$inferSelect;

/** A row without a caller is kept for this long: its owner may be writing the answer. */
const KEEP_MS = MINUTE_MS;
const TAKEN_AT_ONCE = 50;

/** The process that the session's row names; undefined when there is no such session. */
export async function readOwner(db: Db, accountId: string): Promise<string | null | undefined> {
  const [row] = await db
    .select({ owner: whatsappAccounts.owner })
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.id, accountId));
  return row?.owner;
}

/** Asks: the row and the news of it together. */
export async function postCommand(
  database: Database,
  row: Pick<CommandRow, 'id' | 'accountId' | 'owner' | 'verb' | 'input' | 'deadlineAt'>,
  now: number,
): Promise<void> {
  await transact(database, async (tx) => {
    await tx.insert(sessionCommands).values({ ...row, state: 'waiting', result: null });
    await postWakeUps(tx, [newsOf(row)], now);
  });
}

const newsOf = ({ owner, accountId }: Pick<CommandRow, 'owner' | 'accountId'>) => ({
  owner,
  accountId,
  priority: null,
});

/** Takes a question back as long as no process works on it; false when one does. */
export async function withdrawCommand(db: Db, id: string): Promise<boolean> {
  const written = await db.update(sessionCommands).set({ state: 'refused' }).where(isUntaken(id));
  return affected(written) === 1;
}

const isUntaken = (id: string) =>
  and(eq(sessionCommands.id, id), inArray(sessionCommands.state, ['waiting', 'refused']));

/** Asks another process what none has taken yet; false when one has. */
export async function redirectCommand(
  database: Database,
  row: Pick<CommandRow, 'id' | 'accountId' | 'owner'>,
  now: number,
): Promise<boolean> {
  return transact(database, async (tx) => {
    const moved = await tx
      .update(sessionCommands)
      .set({ owner: row.owner, state: 'waiting' })
      .where(isUntaken(row.id));
    if (affected(moved) === 0) return false;
    await postWakeUps(tx, [newsOf(row)], now);
    return true;
  });
}

/** Those of `ids` that are still there. */
export async function readCommands(db: Db, ids: readonly string[]): Promise<CommandRow[]> {
  return db
    .select()
    .from(sessionCommands)
    .where(inArray(sessionCommands.id, [...ids]));
}

export async function removeCommand(db: Db, id: string): Promise<void> {
  await db.delete(sessionCommands).where(eq(sessionCommands.id, id));
}

/** Takes what `owner` is asked; what is overdue by the database's clock is removed instead. */
export async function takeCommands({ db, now }: Database, owner: string): Promise<CommandRow[]> {
  const waiting = and(eq(sessionCommands.owner, owner), eq(sessionCommands.state, 'waiting'));
  // One that its asker has locked, to take it back, holds up no other.
  const rows = await skipLocked(
    db.select().from(sessionCommands).where(waiting).orderBy(asc(sessionCommands.id)).limit(TAKEN_AT_ONCE),
  );
  if (rows.length === 0) return [];
  const at = await now();
  const overdue = rows.filter(({ deadlineAt }) => deadlineAt <= at).map(({ id }) => id);
  if (overdue.length > 0) await db.delete(sessionCommands).where(inArray(sessionCommands.id, overdue));
  const ids = rows.filter(({ deadlineAt }) => deadlineAt > at).map(({ id }) => id);
  if (ids.length === 0) return [];
  const mine = inArray(sessionCommands.id, ids);
  const taken = affected(
    await db.update(sessionCommands).set({ state: 'running' }).where(and(mine, waiting)),
  );
  if (taken === ids.length) return rows.filter(({ id }) => ids.includes(id));
  // Some were taken back meanwhile. Only this process makes its own ones run.
  const running = and(eq(sessionCommands.owner, owner), eq(sessionCommands.state, 'running'));
  return db.select().from(sessionCommands).where(and(mine, running));
}

/** Writes the answer; nothing happens when the asker has given up. */
export async function answerCommand(
  db: Db,
  id: string,
  state: 'done' | 'failed' | 'refused',
  result: unknown,
): Promise<void> {
  await db
    .update(sessionCommands)
    .set({ state, result })
    .where(and(eq(sessionCommands.id, id), eq(sessionCommands.state, 'running')));
}

/** Removes what askers that died have left. */
export async function forgetCommands({ db, now }: Database): Promise<void> {
  await db.delete(sessionCommands).where(lt(sessionCommands.deadlineAt, (await now()) - KEEP_MS));
}

interface KeptFailure {
  code: ErrorCode;
  message: string;
  details?: Record<string, unknown> | undefined;
  retryAfterSeconds?: number | undefined;
}

/** The part of a failure that may cross from one process to another: the one that may be shown to a person. */
export function keepFailure(error: AppError): KeptFailure {
  const { code, message, details, retryAfterSeconds } = error;
  return { code, message, details, retryAfterSeconds };
}

/** The failure again; a row that says nothing of use becomes UNAVAILABLE. */
export function toFailure(result: unknown): AppError {
  const kept: Partial<KeptFailure> = typeof result === 'object' && result !== null ? result : {};
  const { code = 'UNAVAILABLE', message = 'The session could not be asked.' } = kept;
  const known = code in ERROR_STATUS ? code : 'UNAVAILABLE';
  return new AppError(known, message, {
    ...(kept.details ? { details: kept.details } : {}),
    ...(kept.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: kept.retryAfterSeconds }),
  });
}
