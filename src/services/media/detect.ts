/** The type of a file by its bytes. Its name only tells kinds of plain text apart. */
import { AppError } from '../../utils/errors.ts';
import { own } from '../../utils/own.ts';
import type { MediaContent } from '../../whatsapp/content.ts';
import type { Deps } from '../context.ts';
import { typeOfHead } from './inspect/type.ts';
import { readStaged, type StagedFile } from './staging.ts';
import type { ToolRun } from './tools.ts';

export type MediaUse = MediaContent['type'];

const UNKNOWN = 'application/octet-stream';
/** As much as the library looks at of most kinds. */
const SAMPLE_BYTES = 4_100;
/** Formats that hold files of many kinds: their beginning does not say which. */
const CONTAINERS = new Set(['application/zip', 'application/x-cfb']);
/** Formats that phones can show, by what the file is to be sent as; a document may be anything. */
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
const AS_DOCUMENT = ' Any file can be sent as a document: POST /message/send-document.';
const PLAIN_TEXTS: Record<string, string> = { csv: 'text/csv', json: 'application/json', xml: 'text/xml' };

/**
 * The MIME type of a whole file. Its beginning tells most kinds; what is a container of others is looked through by
 * the mediaTools. `filename` is looked at for plain text only.
 */
export async function detectType(
  { mediaTools }: Pick<Deps, 'mediaTools'>,
  file: StagedFile,
  filename: string | null,
  run: ToolRun,
): Promise<string> {
  const head = await readHead(file);
  const first = await typeOfHead(head);
  const isKnown = first !== null && !CONTAINERS.has(first);
  const mimetype = isKnown ? first : ((await mediaTools.typeOf(file.path, run)) ?? first);
  if (mimetype !== null) return mimetype;
  if (!looksLikeText(head)) return UNKNOWN;
  const extension = filename?.split('.').at(-1)?.toLowerCase() ?? '';
  return own(PLAIN_TEXTS, extension) ?? 'text/plain';
}

async function readHead(file: StagedFile): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of readStaged(file, SAMPLE_BYTES)) pieces.push(piece);
  return Buffer.concat(pieces);
}

function looksLikeText(sample: Buffer): boolean {
  if (sample.includes(0)) return false;
  // The sample may end inside a character.
  const text = new TextDecoder('utf-8').decode(sample, { stream: true });
  return !text.includes('\ufffd');
}

/**
 * Throws UNSUPPORTED_MEDIA when phones cannot show such a file as that kind of message. `orDocument`: it could be sent as a
 * document instead, and the hint says so.
 */
export function requireUse(use: MediaUse, mimetype: string, orDocument: boolean): void {
  if (use === 'document') return;
  const accepted = ACCEPTED[use];
  if (accepted.includes(mimetype)) return;
  throw new AppError('UNSUPPORTED_MEDIA', `The file is ${mimetype}, which cannot be sent as ${use}.`, {
    details: { mimetype, accepted },
    hint: `Send one of ${accepted.join(', ')}.${orDocument ? AS_DOCUMENT : ''}`,
  });
}
