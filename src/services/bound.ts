/** The sessions that a key or a member is bound to: for them there are no others. */
import { type Column, inArray, type SQL } from 'drizzle-orm';

/** Names of sessions; null: all of the workspace. Never empty. */
export type BoundSessions = readonly string[] | null;

/** A membership or an invitation as the database keeps it: a process of the release before knows the first session only. */
export interface KeptBound {
  sessionId: string | null;
  sessionIds: readonly string[] | null;
}

/** What is kept of the sessions. */
export function toKept(sessions: BoundSessions): { sessionId: string | null; sessionIds: string[] | null } {
  const [first = null, ...others] = sessions ?? [];
  return { sessionId: first, sessionIds: first === null || others.length === 0 ? null : [first, ...others] };
}

/** The sessions that are kept. Where a process of the release before has changed the first one, that counts alone. */
export function readBound({ sessionId, sessionIds }: KeptBound): BoundSessions {
  if (sessionId === null) return null;
  return sessionIds?.[0] === sessionId ? sessionIds : [sessionId];
}

/** The condition that keeps a query to these sessions, by the column of their names; none for whoever sees all. */
export function ofBound(bound: BoundSessions, column: Column): SQL | undefined {
  return bound === null ? undefined : inArray(column, [...bound]);
}

/** Whether both are bound to the same sessions. */
export function isSameBound(a: BoundSessions, b: BoundSessions): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((name) => b.includes(name));
}

/** Whether whoever is bound to `others` reaches all that `bound` does. */
export function isWithin(bound: BoundSessions, others: BoundSessions): boolean {
  return others === null || (bound?.every((name) => others.includes(name)) ?? false);
}

/** The sessions that both are bound to; undefined when there is none. */
export function bothBound(a: BoundSessions, b: BoundSessions): BoundSessions | undefined {
  if (a === null) return b;
  if (b === null) return a;
  const both = a.filter((name) => b.includes(name));
  return both.length === 0 ? undefined : both;
}

/** The sessions that a request gives a member; undefined: it says nothing of them. */
export function askedBound(input: {
  sessionId?: string | null | undefined;
  sessionIds?: readonly string[] | null | undefined;
}): BoundSessions | undefined {
  if (input.sessionIds !== undefined) return input.sessionIds;
  if (input.sessionId === undefined || input.sessionId === null) return input.sessionId;
  return [input.sessionId];
}

/** As answers tell of them: the first one also by itself, for clients that know one only. */
export function shownBound(kept: KeptBound): { sessionId: string | null; sessionIds: string[] | null } {
  const bound = readBound(kept);
  return { sessionId: bound?.[0] ?? null, sessionIds: bound === null ? null : [...bound] };
}
