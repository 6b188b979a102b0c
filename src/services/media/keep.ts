import { and, desc, eq, gt, isNull } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { transact } from '../../db/ops.ts';
import { media } from '../../db/schema.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import type { MediaDetails, MediaFile } from '../../whatsapp/content.ts';
import { sessionOfNew } from '../access.ts';
import { ofBound } from '../bound.ts';
import type { Ctx, Deps } from '../context.ts';
import { holdUpload, takeRoom } from '../quotas.ts';
import { isDataUrl, type MediaSource, type ReceivedFile, receiveDataUrl, receiveUrl } from './sources.ts';
import { storageKeyOf } from './staging.ts';
import type { ToolRun } from './tools.ts';

export type MediaRecord = typeof media.$inferSelect;

/** The file of a source that brings one; the id of an upload otherwise. Throws QUOTA_EXCEEDED. */
export async function receive(ctx: Ctx, source: MediaSource): Promise<ReceivedFile | string> {
  if (typeof source !== 'string') return source;
  if (isDataUrl(source)) return receiveDataUrl(ctx, source);
  if (!/^[a-z][a-z0-9+.-]*:/i.test(source)) return source;
  const release = await holdUpload(ctx, ctx.actor.userId);
  try {
    return await receiveUrl(ctx, source);
  } finally {
    await release();
  }
}

interface KeepOptions {
  mimetype: string;
  kind: MediaRecord['kind'];
  neededUntil: number;
  /** the session by which it was brought; the key's own, or none, when missing */
  sessionId?: string | null;
  /** when somebody has looked already */
  details?: MediaDetails;
  /** written when row and file are both there; repeatable */
  alsoInTransaction?: (tx: Tx, row: MediaRecord) => Promise<void>;
}

/**
 * Gives a received file its row and its place. The same bytes under the same name are kept once for a tenant, so
 * that they are uploaded to WhatsApp once as well; those of one session are apart. Throws UNAVAILABLE, QUOTA_EXCEEDED.
 */
export async function keepReceived(
  ctx: Ctx,
  received: ReceivedFile,
  {
    mimetype,
    kind,
    neededUntil,
    sessionId = sessionOfNew(ctx),
    details: seen,
    alsoInTransaction,
  }: KeepOptions,
): Promise<MediaRecord> {
  const now = ctx.clock.now();
  const expiresAt = expiryOf(ctx, neededUntil);
  const known = await findSame(ctx, received, { mimetype, kind, sessionId });
  if (known) return keepAgain(ctx, known, expiresAt, alsoInTransaction);
  const details = seen ?? (await ctx.mediaTools.detailsOf(received.path, mimetype, toolRun(ctx)));
  const id = newId(now);
  const row: MediaRecord = {
    id,
    userId: ctx.actor.userId,
    accountId: null,
    sessionId,
    kind,
    sha256: received.sha256,
    mimetype,
    size: received.size,
    filename: received.filename,
    storageKey: storageKeyOf(id),
    details,
    createdAt: now,
    expiresAt,
  };
  // The row first: without a file it goes with the retention, while a file without a row would stay for ever.
  await transact(ctx.db, async (tx) => {
    await takeRoom(tx, ctx, row.userId, 'storedBytes', row.size);
    if (kind === 'upload') await takeRoom(tx, ctx, row.userId, 'storedFiles');
    await tx.insert(media).values(row);
  });
  await ctx.storage.put(row.storageKey, received);
  // Last: a repeated request must not be told of a file that a crash has kept from its place.
  if (alsoInTransaction) await transact(ctx.db, (tx) => alsoInTransaction(tx, row));
  return row;
}

/** A file that is there already stays for as long as it is needed now. */
async function keepAgain(
  ctx: Ctx,
  known: MediaRecord,
  expiresAt: number,
  alsoInTransaction: KeepOptions['alsoInTransaction'],
): Promise<MediaRecord> {
  const row = { ...known, expiresAt: Math.max(known.expiresAt, expiresAt) };
  await transact(ctx.db, async (tx) => {
    if (row.expiresAt > known.expiresAt) await extend(tx, row);
    await alsoInTransaction?.(tx, row);
  });
  return row;
}

/** Uploads and files of messages are apart: deleting an upload must not take a file from a message that brought it. */
async function findSame(
  ctx: Ctx,
  received: ReceivedFile,
  { mimetype, kind, sessionId }: Pick<MediaRecord, 'mimetype' | 'kind' | 'sessionId'>,
): Promise<MediaRecord | null> {
  const { filename } = received;
  const [row] = await ctx.db
    .select()
    .from(media)
    .where(
      and(
        eq(media.userId, ctx.actor.userId),
        eq(media.sha256, received.sha256),
        eq(media.mimetype, mimetype),
        eq(media.kind, kind),
        isNull(media.accountId),
        sessionId === null ? isNull(media.sessionId) : eq(media.sessionId, sessionId),
        filename === null ? isNull(media.filename) : eq(media.filename, filename),
        // A file that is about to go must not be relied on.
        gt(media.expiresAt, ctx.clock.now() + DAY_MS),
      ),
    )
    .limit(1);
  return row && (await ctx.storage.has(row.storageKey)) ? row : null;
}

/** The known details of a file; none of one that was not inspected. Safe because only `keepReceived` writes them. */
export function detailsOf(row: Pick<MediaRecord, 'details'>): MediaDetails {
  return (row.details ?? {}) as MediaDetails;
}

/** For looking into a caller's file. */
export const toolRun = ({ actor, signal }: Pick<Ctx, 'actor' | 'signal'>): ToolRun => ({
  userId: actor.userId,
  signal,
});

/** Prolongs what a message relies on. */
export async function extend(db: Ctx['db'] | Tx, row: Pick<MediaRecord, 'id' | 'expiresAt'>): Promise<void> {
  await db.update(media).set({ expiresAt: row.expiresAt }).where(eq(media.id, row.id));
}

/**
 * The row of a file that the caller may use: their own, and with a key that is bound to a session what came in
 * by it or was brought by it. Throws NOT_FOUND.
 */
export async function findMedia(ctx: Ctx, id: string, userId = ctx.actor.userId): Promise<MediaRecord> {
  const bound = ctx.actor.sessionIds;
  const [row] = await ctx.db
    .select()
    .from(media)
    .where(
      and(
        eq(media.id, idOf(id)),
        eq(media.userId, userId),
        gt(media.expiresAt, ctx.clock.now()),
        ofBound(bound, media.sessionId),
      ),
    )
    .orderBy(desc(media.id));
  if (!row) throw new AppError('NOT_FOUND', 'There is no such media.');
  return row;
}

/** A broadcast upload is named by its id and an extension. */
function idOf(name: string): string {
  return /^([0-9a-f]{32})\.[a-z]{3,4}$/.exec(name)?.[1] ?? name;
}

/** Epoch milliseconds until which a file stays that is needed until then. */
export function expiryOf({ config }: Pick<Deps, 'config'>, neededUntil: number): number {
  return neededUntil + config.retentionDays.media * DAY_MS;
}

export function toMediaFile(row: MediaRecord): MediaFile {
  return { id: row.id, mimetype: row.mimetype, size: row.size, sha256: row.sha256 };
}
