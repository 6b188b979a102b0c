/** What a file is, by its bytes. Its name only tells kinds of plain text apart. */
import { fileTypeFromFile } from 'file-type';
import { parseFile } from 'music-metadata';
import { AppError } from '../../utils/errors.ts';
import type { MediaContent } from '../../whatsapp/content.ts';
import { readStaged, type StagedFile } from './staging.ts';

export type MediaUse = MediaContent['type'];

const UNKNOWN = 'application/octet-stream';
const SAMPLE_BYTES = 4_096;
/** What phones can show, by what the file is to be sent as; a document may be anything. */
const ACCEPTED: Record<Exclude<MediaUse, 'document'>, readonly string[]> = {
  image: ['image/jpeg', 'image/png', 'image/webp', 'image/gif'],
  video: ['video/mp4', 'video/3gpp', 'video/quicktime'],
  audio: [
    'audio/ogg',
    'audio/ogg; codecs=opus',
    'audio/mpeg',
    'audio/mp4',
    'audio/aac',
    'audio/amr',
    'audio/wav',
    'audio/flac',
  ],
  sticker: ['image/webp'],
};
/** The library's names for the same thing. */
const SYNONYMS: Record<string, string> = {
  'audio/x-m4a': 'audio/mp4',
  'video/x-m4v': 'video/mp4',
  'audio/opus': 'audio/ogg; codecs=opus',
  'audio/vnd.wave': 'audio/wav',
  'audio/x-flac': 'audio/flac',
};
const PLAIN_TEXTS: Record<string, string> = { csv: 'text/csv', json: 'application/json', xml: 'text/xml' };

/** The MIME type of a whole file. `filename` is looked at for plain text only. */
export async function detectType(file: StagedFile, filename: string | null): Promise<string> {
  const found = await fileTypeFromFile(file.path).catch(() => undefined);
  const mimetype = found && (SYNONYMS[found.mime] ?? found.mime);
  if (mimetype) return mimetype;
  if (!(await looksLikeText(file))) return UNKNOWN;
  const extension = filename?.split('.').at(-1)?.toLowerCase() ?? '';
  return PLAIN_TEXTS[extension] ?? 'text/plain';
}

async function looksLikeText(file: StagedFile): Promise<boolean> {
  const pieces: Buffer[] = [];
  for await (const piece of readStaged(file, SAMPLE_BYTES)) pieces.push(piece);
  const sample = Buffer.concat(pieces);
  if (sample.includes(0)) return false;
  // The sample may end inside a character.
  const text = new TextDecoder('utf-8').decode(sample, { stream: true });
  return !text.includes('\ufffd');
}

/** Throws UNSUPPORTED_MEDIA when phones cannot show such a file as that kind of message. */
export function requireUse(use: MediaUse, mimetype: string): void {
  if (use === 'document') return;
  const accepted = ACCEPTED[use];
  if (accepted.includes(mimetype)) return;
  throw new AppError('UNSUPPORTED_MEDIA', `The file is ${mimetype}, which cannot be sent as ${use}.`, {
    details: { mimetype, accepted },
  });
}

/** Whole seconds of a sound, at least 1; undefined when the file does not say. */
export async function readSeconds(path: string, mimetype: string): Promise<number | undefined> {
  try {
    const { format } = await parseFile(path, { duration: mimetype !== 'audio/mpeg', skipCovers: true });
    return format.duration === undefined ? undefined : Math.max(1, Math.round(format.duration));
  } catch {
    return undefined;
  }
}
