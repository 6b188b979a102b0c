/** What workspaces have used in a month: for their people, and for whoever writes the invoices. */
import { and, asc, count, eq, gte, inArray, lt, ne, type SQL, sum } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { isAfter } from '../db/keyset.ts';
import { plans, usageCounts, whatsappAccounts, workspaceMembers, workspaces } from '../db/schema.ts';
import { contains } from '../db/search.ts';
import type { DbColumn } from '../db/types.ts';
import { isWhole } from '../queue/usage.ts';
import { csvLines } from '../utils/csv.ts';
import { requireScope, requireWholeTenant, tenantOf } from './access.ts';
import type { Ctx } from './context.ts';
import type { ListWorkspacesQuery } from './plans-schemas.ts';
import { requireAdmin } from './users.ts';

export interface MonthUsage {
  /** `2026-01`, in UTC */
  month: string;
  total: number;
  byDay: { day: string; count: number }[];
  bySession: { sessionId: string; count: number }[];
  byKind: { kind: string; count: number }[];
  byEngine: { engine: string; count: number }[];
  byCategory: { category: string; count: number }[];
}

interface UsageInput {
  userId?: number | undefined;
  month?: string | undefined;
}

/** Sessions that are listed by name. */
const MAX_LISTED = 1000;
const BATCH_SIZE = 1000;

/** The month in UTC that is now. */
export const thisMonth = ({ clock }: Pick<Ctx, 'clock'>) => new Date(clock.now()).toISOString().slice(0, 7);

/** The rows of a workspace's days in a month. */
function ofMonth(userId: number, month: string): SQL | undefined {
  const { period } = usageCounts;
  // Days begin with the month and a hyphen, and the sign that follows the hyphen is a point.
  return and(
    eq(usageCounts.userId, userId),
    gte(period, `${month}-`),
    lt(period, `${month}.`),
    ne(usageCounts.kind, ''),
  );
}

/** What a workspace has sent in a month; an admin may name another one. For credentials of the whole workspace. */
export async function readMonth(ctx: Ctx, input: UsageInput): Promise<MonthUsage> {
  const { userId, month } = askedFor(ctx, input);
  const where = ofMonth(userId, month);
  const by = async (column: DbColumn) => {
    const rows = await ctx.database.scan
      .select({ name: column, n: sum(usageCounts.count) })
      .from(usageCounts)
      .where(where)
      .groupBy(column)
      .orderBy(asc(column))
      .limit(MAX_LISTED);
    return rows
      .map(({ name, n }) => ({ name: String(name), count: Number(n ?? 0) }))
      .filter((row) => row.count !== 0);
  };
  const days = await by(usageCounts.period);
  const sessions = await by(usageCounts.sessionId);
  const kinds = await by(usageCounts.kind);
  const engines = await by(usageCounts.engine);
  const categories = await by(usageCounts.category);
  return {
    month,
    total: days.reduce((total, row) => total + row.count, 0),
    byDay: days.map(({ name: day, count: n }) => ({ day, count: n })),
    bySession: sessions.map(({ name: sessionId, count: n }) => ({ sessionId, count: n })),
    byKind: kinds.map(({ name: kind, count: n }) => ({ kind, count: n })),
    byEngine: engines.map(({ name: engine, count: n }) => ({ engine, count: n })),
    byCategory: categories.map(({ name: category, count: n }) => ({ category, count: n })),
  };
}

function askedFor(ctx: Ctx, input: UsageInput): { userId: number; month: string } {
  requireScope(ctx, 'read');
  requireWholeTenant(ctx);
  const userId = tenantOf(ctx, { userId: input.userId }) ?? ctx.actor.userId;
  return { userId, month: input.month ?? thisMonth(ctx) };
}

/** The same as CSV: one line for each day, session, type, engine and category. */
export function exportMonth(ctx: Ctx, input: UsageInput): { fileName: string; lines: AsyncIterable<string> } {
  const { userId, month } = askedFor(ctx, input);
  return { fileName: `usage-${userId}-${month}.csv`, lines: monthLines(ctx, userId, month) };
}

interface MonthRow {
  period: string;
  sessionId: string;
  kind: string;
  engine: string;
  category: string;
  /** a sum, which drizzle gives as a text */
  n: string | null;
}

async function* monthLines(ctx: Ctx, userId: number, month: string): AsyncGenerator<string> {
  yield csvLines([['day', 'session', 'kind', 'engine', 'category', 'count']]);
  const { period, sessionId, kind, engine, category } = usageCounts;
  const order = [period, sessionId, kind, engine, category];
  for (let last: unknown[] | null = null, isMore = true; isMore; ) {
    const rows: MonthRow[] = await ctx.database.scan
      .select({ period, sessionId, kind, engine, category, n: sum(usageCounts.count) })
      .from(usageCounts)
      .where(and(ofMonth(userId, month), isAfter(order, last)))
      .groupBy(...order)
      .orderBy(...order.map((column) => asc(column)))
      .limit(BATCH_SIZE);
    const cells = rows.map((row) => [row.period, row.sessionId, row.kind, row.engine, row.category]);
    last = cells.at(-1) ?? last;
    isMore = rows.length === BATCH_SIZE;
    yield csvLines(rows.map((row, i) => [...(cells[i] ?? []), Number(row.n ?? 0)]));
    await ctx.loopShare.turn(ctx.actor.userId);
  }
}

export interface WorkspaceUsage {
  id: number;
  name: string;
  status: 'active' | 'disabled';
  suspendedAt: string | null;
  suspendReason: string | null;
  plan: { id: string; name: string } | null;
  /** its own limits */
  limits: Record<string, number>;
  members: number;
  sessions: number;
  month: string;
  /** messages of that month */
  messages: number;
  byCategory: Record<string, number>;
}

/** All workspaces with what they have sent in a month. For admins who signed in. */
export async function listWorkspaces(
  ctx: Ctx,
  input: ListWorkspacesQuery,
): Promise<{ data: WorkspaceUsage[]; totalItems: number }> {
  requireAdmin(ctx);
  const month = input.month ?? thisMonth(ctx);
  const where = input.search ? contains([workspaces.name], input.search.trim()) : undefined;
  const [total] = await ctx.db.select({ n: count() }).from(workspaces).where(where);
  const rows = await readPage(ctx, where, { limit: input.limit, offset: (input.page - 1) * input.limit });
  return { data: await withUse(ctx, rows, month), totalItems: Number(total?.n ?? 0) };
}

/** One workspace, as the list shows it; null when there is none. For admins who signed in. */
export async function readWorkspaceUsage(ctx: Ctx, id: number): Promise<WorkspaceUsage | null> {
  requireAdmin(ctx);
  const rows = await readPage(ctx, eq(workspaces.id, id), { limit: 1, offset: 0 });
  return (await withUse(ctx, rows, thisMonth(ctx)))[0] ?? null;
}

const COLUMNS = {
  id: workspaces.id,
  name: workspaces.name,
  status: workspaces.status,
  suspendedAt: workspaces.suspendedAt,
  suspendReason: workspaces.suspendReason,
  limits: workspaces.limits,
  planId: plans.id,
  planName: plans.name,
};
type WorkspaceRow = Awaited<ReturnType<typeof readPage>>[number];

function readPage(ctx: Ctx, where: SQL | undefined, page: { limit: number; offset: number }) {
  return ctx.db
    .select(COLUMNS)
    .from(workspaces)
    .leftJoin(plans, eq(plans.id, workspaces.planId))
    .where(where)
    .orderBy(asc(workspaces.id))
    .limit(page.limit)
    .offset(page.offset);
}

async function withUse(ctx: Ctx, rows: readonly WorkspaceRow[], month: string): Promise<WorkspaceUsage[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const [members, sessions, totals] = [
    await countOf(ctx.db, workspaceMembers, workspaceMembers.workspaceId, ids),
    await countOf(ctx.db, whatsappAccounts, whatsappAccounts.userId, ids),
    await ctx.db
      .select({ id: usageCounts.userId, n: sum(usageCounts.count) })
      .from(usageCounts)
      .where(and(inArray(usageCounts.userId, ids), eq(usageCounts.period, month), isWhole()))
      .groupBy(usageCounts.userId),
  ];
  const sent = new Map(totals.map(({ id, n }) => [id, Number(n ?? 0)]));
  const categories = await ctx.database.scan
    .select({ id: usageCounts.userId, category: usageCounts.category, n: sum(usageCounts.count) })
    .from(usageCounts)
    .where(
      and(
        inArray(usageCounts.userId, ids),
        gte(usageCounts.period, `${month}-`),
        lt(usageCounts.period, `${month}.`),
        ne(usageCounts.kind, ''),
      ),
    )
    .groupBy(usageCounts.userId, usageCounts.category);
  return rows.map(({ planId, planName, suspendedAt, limits, ...row }) => ({
    ...row,
    suspendedAt: suspendedAt === null ? null : new Date(suspendedAt).toISOString(),
    plan: planId === null || planName === null ? null : { id: planId, name: planName },
    limits: limits ?? {},
    members: members.get(row.id) ?? 0,
    sessions: sessions.get(row.id) ?? 0,
    month,
    messages: sent.get(row.id) ?? 0,
    byCategory: Object.fromEntries(
      categories.flatMap(({ id, category, n }) => (id === row.id ? [[category, Number(n ?? 0)]] : [])),
    ),
  }));
}

async function countOf(
  db: Db,
  table: typeof workspaceMembers | typeof whatsappAccounts,
  column: DbColumn,
  ids: readonly number[],
): Promise<Map<number, number>> {
  const rows = await db
    .select({ id: column, n: count() })
    .from(table)
    .where(inArray(column, [...ids]))
    .groupBy(column);
  return new Map(rows.map(({ id, n }) => [Number(id), Number(n)]));
}

/** All workspaces with their messages of a month, as CSV for invoices. For admins who signed in. */
export function exportWorkspaces(
  ctx: Ctx,
  input: ListWorkspacesQuery,
): { fileName: string; lines: AsyncIterable<string> } {
  requireAdmin(ctx);
  const month = input.month ?? thisMonth(ctx);
  return { fileName: `workspaces-${month}.csv`, lines: workspaceLines(ctx, { ...input, month }) };
}

async function* workspaceLines(ctx: Ctx, input: ListWorkspacesQuery): AsyncGenerator<string> {
  yield csvLines([['workspace', 'name', 'plan', 'month', 'messages', 'message', 'campaign', 'otp']]);
  const limit = 200;
  for (let page = 1, isMore = true; isMore; page++) {
    const { data } = await listWorkspaces(ctx, { ...input, page, limit });
    isMore = data.length === limit;
    yield csvLines(
      data.map(({ id, name, plan, month, messages, byCategory }) => {
        const by = (category: string) => byCategory[category] ?? 0;
        return [id, name, plan?.name ?? null, month, messages, by('message'), by('campaign'), by('otp')];
      }),
    );
    await ctx.loopShare.turn(ctx.actor.userId);
  }
}
