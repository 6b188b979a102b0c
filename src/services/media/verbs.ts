/** `/media`: files that clients bring for later, and files that messages came with. */

import type { Readable } from 'node:stream';
import { z } from 'zod';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { requireScope, tenantOf } from '../access.ts';
import type { Ctx } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import { signLink } from '../signed-links.ts';
import { detectType } from './detect.ts';
import { findMedia, keepReceived, type MediaRecord, receive, toolRun } from './keep.ts';
import type { MediaSource } from './sources.ts';
import { discardFile } from './staging.ts';

/** A day: long enough for a webhook's receiver to fetch it in its own time. */
const LINK_MS = DAY_MS;

export const MediaOutput = z
  .object({
    id: z.string().describe('to be used in sends and campaigns'),
    url: z.string().describe('opens without a credential for a day'),
    mimetype: z.string().describe('as the bytes say'),
    size: z.int().describe('bytes'),
    sha256: z.string(),
    filename: z.string().nullable(),
    expiresAt: z.iso.datetime().describe('kept until then; a send with it prolongs that'),
  })
  .meta({ id: 'Media' });
export type MediaOutput = z.infer<typeof MediaOutput>;

/**
 * Keeps a file for later sends. Throws FILE_TOO_LARGE, URL_REFUSED, VALIDATION_FAILED; any type is taken.
 */
export async function uploadMedia(ctx: Ctx, source: MediaSource): Promise<MediaOutput> {
  requireScope(ctx, 'media:write');
  const received = await receive(ctx, source);
  if (typeof received === 'string') {
    throw new AppError('VALIDATION_FAILED', 'Not valid: file.', {
      details: { file: 'must be a file, a data: URL or an https URL' },
    });
  }
  try {
    const row = await keepReceived(ctx, received, {
      mimetype: await detectType(ctx, received, received.filename, toolRun(ctx)),
      kind: 'upload',
      neededUntil: ctx.clock.now(),
      // The link is a credential, which must not be in what is kept.
      alsoInTransaction: (tx, kept) =>
        claimIdempotency(
          ctx,
          tx,
          { status: 201, body: { success: true, data: toOutput(ctx, kept, pathOf(kept.id)) } },
          { final: true },
        ),
    });
    return toOutput(ctx, row, signedMediaPath(ctx, row.id));
  } finally {
    await discardFile(received);
  }
}

/** A file with its bytes. Throws NOT_FOUND, UNAVAILABLE. Destroy the stream if it is not read. */
export async function openMedia(
  ctx: Ctx,
  input: { id: string; userId?: number | undefined },
): Promise<{ row: MediaRecord; stream: Readable }> {
  requireScope(ctx, 'read');
  const row = await findMedia(ctx, input.id, tenantOf(ctx, input) ?? ctx.actor.userId);
  const stream = await ctx.storage.open(row.storageKey);
  if (!stream) throw new AppError('NOT_FOUND', 'There is no such media.');
  return { row, stream };
}

/** The path of a file with a signature that opens it for a day, as a read of the caller's tenant. */
export function signedMediaPath(
  ctx: Pick<Ctx, 'secrets' | 'clock'> & { actor: Pick<Ctx['actor'], 'userId'> },
  id: string,
): string {
  const now = ctx.clock.now();
  return signLink(ctx.secrets, pathOf(id), ctx.actor.userId, now + LINK_MS, {
    purpose: 'media',
    issuedAt: now,
  });
}

const pathOf = (id: string) => `/media/${id}`;

function toOutput(ctx: Ctx, row: MediaRecord, path: string): MediaOutput {
  const { id, mimetype, size, sha256, filename } = row;
  const expiresAt = new Date(row.expiresAt).toISOString();
  return { id, url: `${ctx.config.publicUrl}${path}`, mimetype, size, sha256, filename, expiresAt };
}
