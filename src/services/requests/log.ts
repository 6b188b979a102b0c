/** Reading the log of API calls, and choosing what it keeps. */
import { and, desc, eq, gte, inArray, lt, lte, type SQL } from 'drizzle-orm';
import { encodeCursor, isOlder, type Keyset, parseCursor } from '../../db/keyset.ts';
import { transact } from '../../db/ops.ts';
import { apiKeys, apiRequestBodies, apiRequests, workspaces } from '../../db/schema.ts';
import { contains } from '../../db/search.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { idAt } from '../../utils/ids.ts';
import { requirePermission, requireScope, requireWholeTenant, seesPeople } from '../access.ts';
import { ofBound } from '../bound.ts';
import { type Ctx, originOf } from '../context.ts';
import { isAboutPeople } from './harmless.ts';
import { deleteBodies } from './retention.ts';
import type { ApiRequestDetail, ApiRequestOutput, RequestLogSettings, RequestsQuery } from './schemas.ts';

type Row = typeof apiRequests.$inferSelect;

/** The time of an id is that of its row. */
const CALLS: Keyset = { at: null, id: apiRequests.id };

/** The caller's own calls, newest first, also those of this moment. A key of one session sees those of that session. */
export async function listRequests(
  ctx: Ctx,
  input: RequestsQuery,
): Promise<{ data: ApiRequestOutput[]; nextCursor: string | null }> {
  requireScope(ctx, 'read');
  await ctx.requestRecorder.flush();
  // A rare filter may look at many rows of the tenant: beside the event loop, and for 20 s at most.
  const rows = await ctx.database.scan
    .select()
    .from(apiRequests)
    .where(and(whose(ctx), matches(input), isOlder(CALLS, parseCursor(input.cursor))))
    .orderBy(desc(apiRequests.id))
    .limit(input.limit + 1);
  const shown = rows.slice(0, input.limit);
  const last = shown.at(-1);
  return {
    data: await withKeyNames(ctx, shown),
    nextCursor: rows.length > shown.length && last ? encodeCursor(last) : null,
  };
}

function whose({ actor }: Pick<Ctx, 'actor'>): SQL | undefined {
  return and(eq(apiRequests.userId, actor.userId), ofBound(actor.sessionIds, apiRequests.sessionId));
}

function matches(input: RequestsQuery): SQL | undefined {
  const { method, status, path, keyId, sessionId, messageId, requestId, since, until } = input;
  return and(
    method && eq(apiRequests.method, method),
    status === undefined ? undefined : hasStatus(status),
    path === undefined ? undefined : contains([apiRequests.path], path),
    keyId === undefined ? undefined : eq(apiRequests.keyId, keyId),
    sessionId === undefined ? undefined : eq(apiRequests.sessionId, sessionId),
    messageId === undefined ? undefined : eq(apiRequests.messageId, messageId),
    requestId === undefined ? undefined : eq(apiRequests.requestId, requestId),
    since === undefined ? undefined : gte(apiRequests.id, idAt(Date.parse(since))),
    until === undefined ? undefined : lt(apiRequests.id, idAt(Date.parse(until))),
  );
}

function hasStatus(text: string): SQL | undefined {
  if (!text.endsWith('xx')) return eq(apiRequests.status, Number(text));
  const from = Number(text[0]) * 100;
  return and(gte(apiRequests.status, from), lte(apiRequests.status, from + 99));
}

async function withKeyNames(ctx: Ctx, rows: readonly Row[]): Promise<ApiRequestOutput[]> {
  const ids = [...new Set(rows.flatMap(({ keyId }) => keyId ?? []))];
  const keys =
    ids.length === 0
      ? []
      : await ctx.db
          .select({ id: apiKeys.id, name: apiKeys.name, kind: apiKeys.kind })
          .from(apiKeys)
          .where(and(inArray(apiKeys.id, ids), eq(apiKeys.userId, ctx.actor.userId)));
  const byId = new Map(keys.map((key) => [key.id, key]));
  const keyOf = ({ keyId }: Row) => (keyId === null ? undefined : byId.get(keyId));
  return rows.map((row) => ({
    id: row.id,
    method: row.method,
    route: row.route,
    // The path names who it was about.
    path: shows(ctx, row) ? row.path : row.route,
    status: row.status,
    durationMs: row.durationMs,
    errorCode: row.errorCode,
    via: row.via,
    keyId: row.keyId,
    keyName: keyOf(row)?.name ?? null,
    keyKind: kindOf(keyOf(row)?.kind),
    requestId: row.requestId,
    sessionId: row.sessionId,
    messageId: row.messageId,
    at: new Date(row.at).toISOString(),
  }));
}

function kindOf(kind: (typeof apiKeys.$inferSelect)['kind'] | undefined): ApiRequestOutput['keyKind'] {
  if (kind === undefined) return null;
  return kind === 'extra' ? 'extra' : 'personal';
}

/** Calls about people are shown whole to whoever made them, and to whoever manages people. */
function shows(ctx: Ctx, { route, actorId }: Row): boolean {
  const isOwn = ctx.actor.via !== 'api_key' && actorId === ctx.actor.personId;
  return isOwn || !isAboutPeople(route) || seesPeople(ctx);
}

/**
 * One call with what it brought and was answered, as far as that is kept; of calls about people only for whoever manages
 * them. Throws NOT_FOUND.
 */
export async function getRequest(ctx: Ctx, input: { id: string }): Promise<ApiRequestDetail> {
  requireScope(ctx, 'read');
  await ctx.requestRecorder.flush();
  const [row] = await ctx.db
    .select()
    .from(apiRequests)
    .where(and(eq(apiRequests.id, input.id), whose(ctx)));
  const [call] = row ? await withKeyNames(ctx, [row]) : [];
  if (!call) throw new AppError('NOT_FOUND', 'There is no such call in the log.');
  const [body] = await ctx.db.select().from(apiRequestBodies).where(eq(apiRequestBodies.id, call.id));
  const isShown = body !== undefined && row !== undefined && shows(ctx, row);
  return { ...call, request: isShown ? body.request : null, response: isShown ? body.response : null };
}

/** Whether bodies are kept; they are until somebody chooses otherwise. */
export async function readRequestLogSettings(ctx: Ctx): Promise<RequestLogSettings> {
  requireScope(ctx, 'read');
  const [row] = await ctx.db
    .select({ bodies: workspaces.requestBodies })
    .from(workspaces)
    .where(eq(workspaces.id, ctx.actor.userId));
  return { keepBodies: row?.bodies ?? true };
}

/**
 * Chooses whether bodies of calls are kept from now on, within five seconds in every process; those that were kept are
 * deleted, in the background, when they are not wanted any more. Throws FORBIDDEN for keys, for members of one session, and without the permission `settings`.
 */
export async function changeRequestLogSettings(
  ctx: Ctx,
  input: RequestLogSettings,
): Promise<RequestLogSettings> {
  requirePermission(ctx, 'settings');
  requireWholeTenant(ctx);
  const { userId } = ctx.actor;
  const { keepBodies } = input;
  await transact(ctx.db, async (tx) => {
    const changes = { requestBodies: keepBodies, updatedAt: ctx.clock.now() };
    await tx.update(workspaces).set(changes).where(eq(workspaces.id, userId));
    const data = { changed: ['requestLog'], keepBodies };
    const fact = { userId, event: 'workspace.updated' as const, subject: String(userId), data };
    await record(tx, ctx, [{ ...fact, origin: originOf(ctx) }]);
  });
  ctx.requestRecorder.forgetChoice(userId);
  if (!keepBodies) {
    const { db, clock, background } = ctx;
    // A failure is logged; the housekeeper deletes what is left.
    background
      .run('deleting bodies of calls', (signal) => deleteBodies({ db, clock }, userId, signal))
      .catch(() => undefined);
  }
  return { keepBodies };
}
