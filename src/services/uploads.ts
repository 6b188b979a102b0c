/** Files for broadcasts: of a few kinds, told by their bytes, and scanned before anybody can send them. */

import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { and, count, desc, eq, gt } from 'drizzle-orm';
import { transact } from '../db/ops.ts';
import { media } from '../db/schema.ts';
import { record } from '../events/record.ts';
import { ScannerError, type ScanVerdict, scanStream } from '../utils/clamd.ts';
import { AppError } from '../utils/errors.ts';
import { own } from '../utils/own.ts';
import { uploadLimit } from '../utils/sizes.ts';
import type { MediaDetails } from '../whatsapp/content.ts';
import { sessionOfNew } from './access.ts';
import { ofBound } from './bound.ts';
import { type Ctx, originOf } from './context.ts';
import type { PageQuery } from './fields.ts';
import { claimIdempotency } from './idempotency.ts';
import { detectType } from './media/detect.ts';
import { findMedia, keepReceived, type MediaRecord, toolRun } from './media/keep.ts';
import type { ReceivedFile } from './media/sources.ts';
import { discardFile, fileTooLarge } from './media/staging.ts';
import { signedMediaPath } from './media/verbs.ts';
import { type BroadcastRef, enterBroadcast } from './sessions/tenant.ts';

const WORD = 'application/msword';
/** The old Office formats are one container; the names inside show what it holds. */
const OLE_CONTAINER = 'application/x-cfb';
const WORD_STREAM = Buffer.from('WordDocument', 'utf16le');
const EXTENSIONS: Record<string, string> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/gif': 'gif',
  'application/pdf': 'pdf',
  [WORD]: 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
};

export interface Upload {
  /** to send or delete it by */
  filename: string;
  /** opens without a credential for a day */
  url: string;
  mimetype: string;
  /** bytes */
  size: number;
  originalName: string | null;
  /** pixels; null for what is no picture */
  width: number | null;
  height: number | null;
  /** whether a virus scanner has seen it */
  scanned: boolean;
}

/**
 * Keeps a file for broadcasts. Throws FILE_TOO_LARGE, UNSUPPORTED_MEDIA, FILE_INFECTED (which is logged), and
 * UNAVAILABLE when the storage or the scanner that is configured does not answer: what was not scanned does not get in.
 */
export async function uploadFile(ctx: Ctx, input: BroadcastRef & { file: ReceivedFile }): Promise<Upload> {
  const { userId, session } = await enterBroadcast(ctx, input, 'broadcast');
  const { file } = input;
  try {
    const limit = uploadLimit(ctx.config.files);
    if (file.size > limit.bytes) throw fileTooLarge(limit);
    const mimetype = await requireKind(ctx, file);
    const details = await ctx.mediaTools.detailsOf(file.path, mimetype, toolRun(ctx));
    const dimensions = dimensionsOf(details, mimetype);
    const scanned = await scan(ctx, { userId, session }, file);
    const about = { mimetype, size: file.size, originalName: file.filename, ...dimensions, scanned };
    const row = await keepReceived(ctx, file, {
      mimetype,
      kind: 'upload',
      sessionId: session?.sessionId ?? sessionOfNew(ctx),
      neededUntil: ctx.clock.now(),
      details,
      // The signed link is a credential, which must not be in what is kept.
      alsoInTransaction: (tx, { id }) =>
        claimIdempotency(
          ctx,
          tx,
          { status: 201, body: { success: true, data: toUpload(ctx, id, `/media/${id}`, about) } },
          { final: true },
        ),
    });
    return toUpload(ctx, row.id, signedMediaPath(ctx, row.id), about);
  } finally {
    await discardFile(file);
  }
}

export interface UploadEntry extends Pick<Upload, 'filename' | 'url' | 'mimetype' | 'size' | 'originalName'> {
  createdAt: string;
  /** it goes then, unless something is sent with it before */
  expiresAt: string;
}

/** The tenant's files that can be sent, newest first. */
export async function listUploads(
  ctx: Ctx,
  input: BroadcastRef & PageQuery,
): Promise<{ data: UploadEntry[]; totalItems: number }> {
  const { userId } = await enterBroadcast(ctx, input, 'read');
  const where = and(
    eq(media.userId, userId),
    eq(media.kind, 'upload'),
    gt(media.expiresAt, ctx.clock.now()),
    ofBound(ctx.actor.sessionIds, media.sessionId),
  );
  const rows = await ctx.db
    .select()
    .from(media)
    .where(where)
    .orderBy(desc(media.id))
    .limit(input.limit)
    .offset((input.page - 1) * input.limit);
  const [total] = await ctx.db.select({ n: count() }).from(media).where(where);
  return { data: rows.map((row) => toEntry(ctx, row)), totalItems: Number(total?.n ?? 0) };
}

function toEntry(ctx: Ctx, row: MediaRecord): UploadEntry {
  const { id, mimetype, size } = row;
  const extension = own(EXTENSIONS, mimetype);
  return {
    filename: extension === undefined ? id : `${id}.${extension}`,
    url: `${ctx.config.publicUrl}${signedMediaPath(ctx, id)}`,
    mimetype,
    size,
    originalName: row.filename,
    createdAt: new Date(row.createdAt).toISOString(),
    expiresAt: new Date(row.expiresAt).toISOString(),
  };
}

/** Removes a file at once; what is not yet sent with it cannot be sent. Throws NOT_FOUND, UNAVAILABLE. */
export async function deleteUpload(ctx: Ctx, input: BroadcastRef & { filename: string }): Promise<void> {
  await enterBroadcast(ctx, input, 'broadcast');
  const row = await findMedia(ctx, input.filename);
  if (row.kind !== 'upload') throw new AppError('NOT_FOUND', 'There is no such upload.');
  // The file first: a crash then leaves a row, which the sweep finds, and not a file that nothing finds.
  await ctx.storage.remove(row.storageKey);
  await ctx.db.delete(media).where(eq(media.id, row.id));
}

type About = Omit<Upload, 'filename' | 'url'>;

function toUpload(ctx: Ctx, id: string, path: string, about: About): Upload {
  const filename = `${id}.${own(EXTENSIONS, about.mimetype) ?? 'bin'}`;
  return { filename, url: `${ctx.config.publicUrl}${path}`, ...about };
}

async function requireKind(ctx: Ctx, file: ReceivedFile): Promise<string> {
  const detected = await detectType(ctx, file, null, toolRun(ctx));
  const isWord = detected === OLE_CONTAINER && (await readFile(file.path)).includes(WORD_STREAM);
  const mimetype = isWord ? WORD : detected;
  if (own(EXTENSIONS, mimetype) !== undefined) return mimetype;
  throw new AppError('UNSUPPORTED_MEDIA', 'Only jpg, jpeg, png, gif, pdf, doc and docx files are taken.', {
    details: { mimetype, accepted: Object.keys(EXTENSIONS) },
  });
}

function dimensionsOf(
  { width, height }: MediaDetails,
  mimetype: string,
): { width: number | null; height: number | null } {
  if (!mimetype.startsWith('image/')) return { width: null, height: null };
  if (width !== undefined && height !== undefined) return { width, height };
  throw new AppError('UNSUPPORTED_MEDIA', 'The picture is damaged: its size cannot be read.');
}

/** False when no scanner is configured. */
async function scan(
  ctx: Ctx,
  { userId, session }: { userId: number; session: { id: string; sessionId: string } | null },
  file: ReceivedFile,
): Promise<boolean> {
  const { clamav } = ctx.config.files;
  if (clamav === null) return false;
  const verdict = await askScanner(ctx, clamav, file);
  if (!verdict.infected) return true;
  const { signature } = verdict;
  const { filename, size, sha256 } = file;
  ctx.logger.warn('an upload was infected', { signature, sha256, size, userId });
  await transact(ctx.database, (tx) =>
    record(tx, ctx, [
      {
        userId,
        ...(session === null ? {} : { session: { id: session.id, sessionId: session.sessionId } }),
        event: 'upload.infected',
        status: 'failure',
        data: { signature, filename, size, sha256 },
        origin: originOf(ctx),
      },
    ]),
  );
  throw new AppError('FILE_INFECTED', `The file is infected (${signature}) and was not kept.`, {
    details: { signature },
  });
}

async function askScanner(
  ctx: Ctx,
  clamav: { host: string; port: number },
  file: ReceivedFile,
): Promise<ScanVerdict> {
  try {
    return await scanStream(clamav, createReadStream(file.path));
  } catch (error) {
    if (!(error instanceof ScannerError)) throw error;
    ctx.logger.error('the virus scanner did not answer', { error });
    throw new AppError('UNAVAILABLE', 'The virus scanner does not answer, so the file was not taken.', {
      retryAfterSeconds: 30,
      cause: error,
    });
  }
}
