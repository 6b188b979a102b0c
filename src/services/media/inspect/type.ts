/** The type of a file by its bytes, in this service's names. */
import { fileTypeFromBuffer, fileTypeFromFile } from 'file-type';
import { own } from '../../../utils/own.ts';

/** The library's names for the same thing. */
const SYNONYMS: Record<string, string> = {
  'audio/x-m4a': 'audio/mp4',
  'video/x-m4v': 'video/mp4',
  'audio/opus': 'audio/ogg; codecs=opus',
  'audio/vnd.wave': 'audio/wav',
  'audio/x-flac': 'audio/flac',
};

/** Null when the whole file says nothing. Its time is not bounded: for a helper process. */
export async function typeOfFile(path: string): Promise<string | null> {
  return nameOf(await fileTypeFromFile(path).catch(() => undefined));
}

/** Null when the beginning says nothing. */
export async function typeOfHead(head: Uint8Array): Promise<string | null> {
  return nameOf(await fileTypeFromBuffer(head).catch(() => undefined));
}

function nameOf(found: { mime: string } | undefined): string | null {
  return found === undefined ? null : (own(SYNONYMS, found.mime) ?? found.mime);
}
