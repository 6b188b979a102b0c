/** The media of one message: received or uploaded before, of a kind that may be sent so, and kept for long enough. */
import { createReadStream } from 'node:fs';
import { eq } from 'drizzle-orm';
import { media } from '../../db/schema.ts';
import type { ProgramOutcome } from '../../utils/bounded-program.ts';
import { AppError } from '../../utils/errors.ts';
import { mediaLimit } from '../../utils/sizes.ts';
import type { MediaDetails, MediaFile } from '../../whatsapp/content.ts';
import type { Ctx } from '../context.ts';
import { detectType, type MediaUse, requireUse } from './detect.ts';
import {
  detailsOf,
  expiryOf,
  extend,
  findMedia,
  keepReceived,
  type MediaRecord,
  receive,
  toMediaFile,
  toolRun,
} from './keep.ts';
import type { MediaSource, ReceivedFile } from './sources.ts';
import { discardFile, stageFile } from './staging.ts';
import { VOICE_TYPE } from './voice.ts';

/** Facts that a send knows of its file in addition to what the message says. */
export interface TakenMedia {
  file: MediaFile;
  filename: string | null;
  details: MediaDetails;
}

export interface MediaPurpose {
  use: MediaUse;
  /** epoch milliseconds */
  neededUntil: number;
  /** to be played as a voice note */
  voice?: boolean;
  /** it cannot be sent as a document instead: a picture of a group, a status */
  only?: boolean;
}

/**
 * Makes the media of a message: fetched if it is a URL, its type read from its bytes, kept until `neededUntil`
 * (epoch milliseconds) and the retention after that. With `voice` a sound that phones do not play as a voice note is
 * made one. Throws NOT_FOUND for an unknown upload, UNSUPPORTED_MEDIA, FILE_TOO_LARGE, URL_REFUSED, VALIDATION_FAILED.
 */
export async function takeMedia(
  ctx: Ctx,
  source: MediaSource,
  { use, neededUntil, voice = false, only = false }: MediaPurpose,
): Promise<TakenMedia> {
  const received = await receive(ctx, source);
  if (typeof received === 'string') return takeUpload(ctx, received, { use, neededUntil, voice, only });
  try {
    const mimetype = await detectType(ctx, received, received.filename, toolRun(ctx));
    requireUse(use, mimetype, !only);
    if (voice && mimetype !== VOICE_TYPE) return await takeAsVoice(ctx, received, mimetype, neededUntil);
    return toTaken(await keepReceived(ctx, received, { mimetype, kind: 'outbound', neededUntil }));
  } finally {
    await discardFile(received);
  }
}

/** An earlier upload (or a received file) of the caller, good for another `neededUntil`. */
async function takeUpload(
  ctx: Ctx,
  id: string,
  { use, neededUntil, voice, only }: MediaPurpose,
): Promise<TakenMedia> {
  const row = await findMedia(ctx, id).catch((error: unknown) => {
    throw isUnknown(error) ? noUpload() : error;
  });
  requireUse(use, row.mimetype, only !== true);
  if (voice && row.mimetype !== VOICE_TYPE) {
    return withCopy(ctx, row, (copy) => takeAsVoice(ctx, copy, row.mimetype, neededUntil));
  }
  const expiresAt = expiryOf(ctx, neededUntil);
  if (expiresAt > row.expiresAt) await extend(ctx.db, { id: row.id, expiresAt });
  return toTaken(row.details === null ? await lookInto(ctx, row) : row);
}

const isUnknown = (error: unknown) => error instanceof AppError && error.code === 'NOT_FOUND';

/** What is no URL is read as an id: who gave a path or a name is told what a file may be. */
const noUpload = () =>
  new AppError('NOT_FOUND', 'There is no such media.', {
    hint: 'A file is an https URL, a `data:` URL, the id of an upload that is still kept (`POST /media`), or comes in a form.',
  });

/** Kept by an earlier release, or received: it was not inspected yet. */
async function lookInto(ctx: Ctx, row: MediaRecord): Promise<MediaRecord> {
  const details = await withCopy(ctx, row, ({ path }) =>
    ctx.mediaTools.detailsOf(path, row.mimetype, toolRun(ctx)),
  );
  await ctx.db.update(media).set({ details }).where(eq(media.id, row.id));
  return { ...row, details };
}

/** Works on a copy of a kept file, on this machine's disk. Throws NOT_FOUND when the file is gone, UNAVAILABLE. */
async function withCopy<R>(ctx: Ctx, row: MediaRecord, work: (copy: ReceivedFile) => Promise<R>): Promise<R> {
  const stream = await ctx.storage.open(row.storageKey);
  if (!stream) throw new AppError('NOT_FOUND', 'There is no such media.');
  const copy = await stageFile(ctx, stream, { bytes: row.size, setting: null });
  try {
    return await work({ ...copy, filename: row.filename });
  } finally {
    await discardFile(copy);
  }
}

/** Throws UNSUPPORTED_MEDIA when the sound cannot be converted here. */
async function takeAsVoice(
  ctx: Ctx,
  sound: ReceivedFile,
  mimetype: string,
  neededUntil: number,
): Promise<TakenMedia> {
  const output = { path: `${sound.path}.ogg` };
  try {
    const outcome = await ctx.mediaTools.toVoice(
      { input: sound.path, output: output.path, mimetype },
      toolRun(ctx),
    );
    if (outcome !== 'done') throw noVoice(outcome, mimetype);
    const made = await stageFile(ctx, createReadStream(output.path), mediaLimit(ctx.config.files));
    try {
      const voice = { ...made, filename: sound.filename };
      return toTaken(await keepReceived(ctx, voice, { mimetype: VOICE_TYPE, kind: 'outbound', neededUntil }));
    } finally {
      await discardFile(made);
    }
  } finally {
    await discardFile(output);
  }
}

function noVoice(outcome: Exclude<ProgramOutcome, 'done'>, mimetype: string): AppError {
  if (outcome === 'aborted')
    return new AppError('UNAVAILABLE', 'The request ended before its sound was converted.');
  const reasons = {
    missing: 'there is no ffmpeg here that could convert it (FFMPEG_PATH)',
    failed: 'it could not be converted: is it damaged?',
    timeout: 'to convert it takes too long',
  };
  const message = `A voice note is Ogg Opus. This sound is ${mimetype}, and ${reasons[outcome]}. Send Ogg Opus, or send it as a sound, without ptt.`;
  return new AppError('UNSUPPORTED_MEDIA', message, {
    details: { mimetype, accepted: [VOICE_TYPE], reason: outcome },
  });
}

const toTaken = (row: MediaRecord): TakenMedia => ({
  file: toMediaFile(row),
  filename: row.filename,
  details: detailsOf(row),
});
