/** The audit of a workspace, and of a person's account: who did what, when and from where. */
import { and, desc, eq, gt, gte, inArray, lt, or, type SQL } from 'drizzle-orm';
import { type Cursor, encodeCursor, isOlder, type Keyset, parseCursor } from '../../db/keyset.ts';
import { auditEntries, users } from '../../db/schema.ts';
import { contains } from '../../db/search.ts';
import { csvLines } from '../../utils/csv.ts';
import { zoneClock } from '../../utils/time-zone.ts';
import { requireSelf } from '../access.ts';
import { timeZoneOf } from '../auth/settings.ts';
import type { Ctx } from '../context.ts';
import { toSearchedNumber } from '../number-search.ts';
import type { AuditFilter, AuditQuery } from './schemas.ts';
import { requireTeam } from './team.ts';

export interface AuditedAction {
  id: string;
  at: string;
  event: string;
  status: 'success' | 'failure' | 'pending';
  /** whom or what it happened to: the number of a member, the id of a key */
  subject: string | null;
  sessionId: string | null;
  /** who did it; null for somebody who did not get in */
  actor: { id: number; name: string } | null;
  ip: string | null;
  userAgent: string | null;
  requestId: string | null;
  data: Record<string, unknown>;
}

const ENTRIES: Keyset = { at: auditEntries.at, id: auditEntries.id };
const BATCH_SIZE = 200;
/** Entries that one page looks through: a search for what is rare ends in a bounded time. */
const LOOKED_THROUGH = 20_000;

/**
 * One page of what was done, newest first. A page of a search may be short, even empty, and have a next one all the same:
 * each looks through 20,000 entries. Throws FORBIDDEN.
 */
export async function listAudit(
  ctx: Ctx,
  input: AuditQuery,
): Promise<{ data: AuditedAction[]; nextCursor: string | null }> {
  requireTeam(ctx);
  return readPage(ctx, ofWorkspace(ctx), input);
}

/**
 * The same of the caller's own account, in whatever workspace they are: sign-ins, passwords, second factors, and what others
 * have done to it, without where those were. For people who signed in; throws FORBIDDEN.
 */
export async function listOwnAudit(ctx: Ctx, input: AuditQuery): ReturnType<typeof listAudit> {
  requireSelf(ctx);
  const { personId } = ctx.actor;
  const { data, nextCursor } = await readPage(ctx, eq(auditEntries.personId, personId), input);
  const shown = data.map((action) =>
    action.actor === null || action.actor.id === personId
      ? action
      : { ...action, ip: null, userAgent: null, requestId: null },
  );
  return { data: shown, nextCursor };
}

const ofWorkspace = ({ actor }: Pick<Ctx, 'actor'>): SQL => eq(auditEntries.userId, actor.userId);

async function readPage(ctx: Ctx, whose: SQL, input: AuditQuery): ReturnType<typeof listAudit> {
  const { rows, next } = await readEntries(ctx, whose, input, parseCursor(input.cursor), input.limit);
  return { data: await toActions(ctx, rows), nextCursor: next ? encodeCursor(next) : null };
}

/** The same as CSV, written as it is read. Throws FORBIDDEN before the first line is asked for. */
export async function exportAudit(
  ctx: Ctx,
  input: AuditFilter,
): Promise<{ fileName: string; lines: AsyncGenerator<string> }> {
  requireTeam(ctx);
  const day = zoneClock(await timeZoneOf(ctx, ctx.actor.userId)).at(ctx.clock.now()).date;
  return { fileName: `audit-${day}.csv`, lines: auditLines(ctx, input) };
}

const COLUMNS = [
  'at',
  'event',
  'status',
  'actorId',
  'actorName',
  'subject',
  'sessionId',
  'ip',
  'userAgent',
  'requestId',
  'data',
] as const;

async function* auditLines(ctx: Ctx, input: AuditFilter): AsyncGenerator<string> {
  yield csvLines([COLUMNS]);
  for (let from: Cursor | null = null, isMore = true; isMore; ) {
    const { rows, next }: Looked = await readEntries(ctx, ofWorkspace(ctx), input, from, BATCH_SIZE);
    from = next;
    isMore = next !== null;
    const actions = await toActions(ctx, rows);
    yield csvLines(
      actions.map(({ actor, data, ...each }) => {
        const cells = { ...each, actorId: actor?.id ?? null, actorName: actor?.name ?? null };
        return COLUMNS.map((name) => (name === 'data' ? JSON.stringify(data) : cells[name]));
      }),
    );
    await ctx.loopShare.turn(ctx.actor.userId);
  }
}

type Row = typeof auditEntries.$inferSelect;

interface Looked {
  rows: Row[];
  /** where the next page begins; null: there is none */
  next: Cursor | null;
}

async function readEntries(
  ctx: Ctx,
  whose: SQL,
  filter: AuditFilter,
  cursor: Cursor | null,
  limit: number,
): Promise<Looked> {
  const window = and(whose, inWindow(filter), isOlder(ENTRIES, cursor));
  const end = await endOfLook(ctx, window);
  const rows = await ctx.database.scan
    .select()
    .from(auditEntries)
    .where(and(window, end === null ? undefined : isWithin(end), matches(ctx, filter)))
    .orderBy(desc(auditEntries.at), desc(auditEntries.id))
    .limit(limit);
  return { rows, next: rows.length === limit ? (rows.at(-1) ?? null) : end };
}

/** The last entry that a page looks at; null when there are not so many. Answered by the index alone. */
async function endOfLook(ctx: Ctx, window: SQL | undefined): Promise<Cursor | null> {
  const { at, id } = auditEntries;
  const [last] = await ctx.database.scan
    .select({ at, id })
    .from(auditEntries)
    .where(window)
    .orderBy(desc(at), desc(id))
    .limit(1)
    .offset(LOOKED_THROUGH - 1);
  return last ?? null;
}

/** Not older than the cursor. */
function isWithin({ at, id }: Cursor): SQL | undefined {
  const { at: time, id: key } = auditEntries;
  return and(gte(time, at), or(gt(time, at), gte(key, id)));
}

function inWindow({ since, until }: AuditFilter): SQL | undefined {
  const { at } = auditEntries;
  return and(
    since === undefined ? undefined : gte(at, Date.parse(since)),
    until === undefined ? undefined : lt(at, Date.parse(until)),
  );
}

function matches({ config }: Ctx, { search, event, actorId }: AuditFilter): SQL | undefined {
  const { subject, data } = auditEntries;
  // Entries name a number by its digits alone.
  const texts = search ? [search, ...toSearchedNumber(search, config.defaultCountry).whole] : [];
  return and(
    event ? eq(auditEntries.event, event) : undefined,
    actorId === undefined ? undefined : eq(auditEntries.actorId, actorId),
    or(...texts.map((text) => contains([auditEntries.event, subject, data], text))),
  );
}

async function toActions(ctx: Ctx, rows: readonly Row[]): Promise<AuditedAction[]> {
  const ids = [...new Set(rows.map(({ actorId }) => actorId))];
  const people = await ctx.db
    .select({ id: users.id, name: users.name })
    .from(users)
    .where(inArray(users.id, ids));
  const names = new Map(people.map(({ id, name }) => [id, name]));
  return rows.map(({ userId: _userId, personId: _personId, actorId, at, ...row }) => ({
    ...row,
    at: new Date(at).toISOString(),
    actor: actorId === 0 ? null : { id: actorId, name: names.get(actorId) ?? '' },
  }));
}
