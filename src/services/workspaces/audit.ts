/** What was done to a workspace: by whom, what, when and from where. */
import { and, desc, eq, gte, inArray, lt, type SQL } from 'drizzle-orm';
import { readBatches } from '../../db/batches.ts';
import { type Cursor, encodeCursor, isOlder, type Keyset, parseCursor } from '../../db/keyset.ts';
import { auditEntries, users } from '../../db/schema.ts';
import { contains } from '../../db/search.ts';
import { csvLines } from '../../utils/csv.ts';
import type { Ctx } from '../context.ts';
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

/** One page of what was done, newest first. Throws FORBIDDEN. */
export async function listAudit(
  ctx: Ctx,
  input: AuditQuery,
): Promise<{ data: AuditedAction[]; nextCursor: string | null }> {
  requireTeam(ctx);
  const rows = await readEntries(ctx, input, parseCursor(input.cursor), input.limit);
  const last = rows.length === input.limit ? rows.at(-1) : undefined;
  return { data: await toActions(ctx, rows), nextCursor: last ? encodeCursor(last) : null };
}

/** The same as CSV, written as it is read. Throws FORBIDDEN before the first line is asked for. */
export async function exportAudit(
  ctx: Ctx,
  input: AuditFilter,
): Promise<{ fileName: string; lines: AsyncGenerator<string> }> {
  requireTeam(ctx);
  const day = new Date(ctx.clock.now()).toISOString().slice(0, 10);
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
  const batches = readBatches<Row>(BATCH_SIZE, (last) => readEntries(ctx, input, last, BATCH_SIZE));
  for await (const rows of batches) {
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

function readEntries(ctx: Ctx, filter: AuditFilter, cursor: Cursor | null, limit: number): Promise<Row[]> {
  return ctx.db
    .select()
    .from(auditEntries)
    .where(and(matches(ctx.actor.userId, filter), isOlder(ENTRIES, cursor)))
    .orderBy(desc(auditEntries.at), desc(auditEntries.id))
    .limit(limit);
}

function matches(
  workspaceId: number,
  { search, event, actorId, since, until }: AuditFilter,
): SQL | undefined {
  const { userId, subject, at } = auditEntries;
  return and(
    eq(userId, workspaceId),
    event ? eq(auditEntries.event, event) : undefined,
    actorId === undefined ? undefined : eq(auditEntries.actorId, actorId),
    since === undefined ? undefined : gte(at, Date.parse(since)),
    until === undefined ? undefined : lt(at, Date.parse(until)),
    search ? contains([auditEntries.event, subject, auditEntries.data], search) : undefined,
  );
}

async function toActions(ctx: Ctx, rows: readonly Row[]): Promise<AuditedAction[]> {
  const ids = [...new Set(rows.map(({ actorId }) => actorId))];
  const people = await ctx.db
    .select({ id: users.id, name: users.name })
    .from(users)
    .where(inArray(users.id, ids));
  const names = new Map(people.map(({ id, name }) => [id, name]));
  return rows.map(({ userId: _userId, actorId, at, ...row }) => ({
    ...row,
    at: new Date(at).toISOString(),
    actor: actorId === 0 ? null : { id: actorId, name: names.get(actorId) ?? '' },
  }));
}
