/**
 * Reading on after a row (keyset pagination): rows are ordered by a time and an id, and a cursor names the last one seen.
 * A page costs the same in a table of any length.
 */
import { and, gt, gte, lt, lte, or, type SQL } from 'drizzle-orm';
import { AppError } from '../utils/errors.ts';
import type { DbColumn } from './types.ts';

/** What rows are ordered by. */
export interface Keyset {
  /** null: the id alone orders them, because its time is that of the row */
  at: DbColumn | null;
  id: DbColumn;
}

export interface Cursor {
  at: number;
  id: string;
}

/**
 * Rows after `last` in the ascending order of `columns`, which are unique together; `last` holds their values. No
 * condition without it.
 */
export function isAfter(columns: readonly DbColumn[], last: readonly unknown[] | null): SQL | undefined {
  return last === null ? undefined : follows({ follows: gt, followsOrIs: gte }, columns, last);
}

interface Direction {
  follows: typeof gt;
  followsOrIs: typeof gte;
}

/** The first half alone bounds the index; an `or` by itself would be read from one end of the table. */
function follows(
  direction: Direction,
  [column, ...columns]: readonly DbColumn[],
  [value, ...values]: readonly unknown[],
): SQL | undefined {
  if (column === undefined) return undefined;
  if (columns.length === 0) return direction.follows(column, value);
  return and(
    direction.followsOrIs(column, value),
    or(direction.follows(column, value), follows(direction, columns, values)),
  );
}

/** Rows before the cursor in time: those that follow it where the newest come first. No condition without a cursor. */
export function isOlder({ at, id }: Keyset, cursor: Cursor | null): SQL | undefined {
  if (cursor === null) return undefined;
  const older = { follows: lt, followsOrIs: lte };
  return at === null ? lt(id, cursor.id) : follows(older, [at, id], [cursor.at, cursor.id]);
}

/** Rows after the cursor in time. No condition without a cursor. */
export function isNewer({ at, id }: Keyset, cursor: Cursor | null): SQL | undefined {
  if (cursor === null) return undefined;
  return at === null ? gt(id, cursor.id) : isAfter([at, id], [cursor.at, cursor.id]);
}

/** The cursor's own row and those after it in time. No condition without a cursor. */
export function isNotOlder({ at, id }: Keyset, cursor: Cursor | null): SQL | undefined {
  if (cursor === null) return undefined;
  if (at === null) return gte(id, cursor.id);
  return and(gte(at, cursor.at), or(gt(at, cursor.at), gte(id, cursor.id)));
}

/** As clients get it: `nextCursor`. */
export function encodeCursor({ at, id }: Cursor): string {
  return `${at}.${id}`;
}

/** The cursor that a client gives back. Throws VALIDATION_FAILED for what no answer has given. */
export function parseCursor(text: string): Cursor;
export function parseCursor(text: string | undefined): Cursor | null;
export function parseCursor(text: string | undefined): Cursor | null {
  const parts = parseCursorParts(text, /^(\d{1,15})\.([0-9a-f]{32})$/);
  if (parts === null) return null;
  const [at = '', id = ''] = parts;
  return { at: Number(at), id };
}

/** The groups of `pattern` in a cursor of another form; null without one. Throws VALIDATION_FAILED. */
export function parseCursorParts(text: string | undefined, pattern: RegExp): string[] | null {
  if (text === undefined) return null;
  const found = pattern.exec(text);
  if (found) return found.slice(1);
  throw new AppError('VALIDATION_FAILED', 'Not valid: cursor.', {
    details: { cursor: 'must be the nextCursor of an earlier answer' },
  });
}

/** The cursor of a row that is ordered by its `createdAt`. */
export function cursorOf({ createdAt, id }: { createdAt: number; id: string }): Cursor {
  return { at: createdAt, id };
}
