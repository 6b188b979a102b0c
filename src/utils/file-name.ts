/** The name of a file: as its sender, its host or its type says. */

import { own } from './own.ts';
import { cleanFileName, wellFormed } from './text.ts';

/** Looked at of what a stranger calls a name. */
const MAX_INPUT = 8_192;
/** Kept of it before it is cleaned; `cleanFileName` cuts it to what file systems take. */
const MAX_KEPT = 900;
/** A longer ending is no extension. */
const MAX_EXTENSION = 16;
/** Characters that end a line, are not seen, or turn the direction of what follows. */
const UNSEEN = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** A name that came with a file, without its folders and safe to save under; null when nothing is left. */
export function receivedName(name: string): string | null {
  const text = name.slice(-MAX_INPUT);
  const last = text.slice(Math.max(text.lastIndexOf('/'), text.lastIndexOf('\\')) + 1);
  const extension = extensionOf(last);
  const short =
    last.length <= MAX_KEPT || extension === '' ? last : `${last.slice(0, MAX_KEPT)}.${extension}`;
  const clean = cleanFileName(short, '');
  return clean === '' ? null : clean;
}

/** The name that a person wrote for a document: as it is, but for what cannot be seen. */
export function writtenName(name: string): string {
  return wellFormed(name.slice(0, MAX_INPUT)).replace(UNSEEN, '').trim();
}

/** Without its dot and in the case it has; empty when there is none. */
function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  const extension = dot <= 0 ? '' : name.slice(dot + 1);
  return extension.length <= MAX_EXTENSION && /^[\p{L}\p{N}]+$/u.test(extension) ? extension : '';
}

/** Extensions of files that a server runs and does not serve. */
const PROGRAMS = new Set(['php', 'asp', 'aspx', 'ashx', 'jsp', 'do', 'action', 'cgi', 'pl', 'html', 'htm']);

/** The last part of a URL's path, decoded; null when it names no file. */
export function nameInUrl({ pathname }: URL): string | null {
  const last = pathname.slice(pathname.lastIndexOf('/') + 1).slice(0, MAX_INPUT);
  try {
    return receivedName(decodeURIComponent(last));
  } catch {
    return receivedName(last);
  }
}

/** Extensions by MIME type, for what is sent most. */
const EXTENSIONS: Record<string, string> = {
  'application/pdf': 'pdf',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
  'application/vnd.oasis.opendocument.text': 'odt',
  'application/vnd.oasis.opendocument.spreadsheet': 'ods',
  'application/zip': 'zip',
  'application/json': 'json',
  'application/epub+zip': 'epub',
  'application/rtf': 'rtf',
  'text/csv': 'csv',
  'text/plain': 'txt',
  'text/xml': 'xml',
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'audio/mpeg': 'mp3',
  'audio/ogg': 'ogg',
  'audio/ogg; codecs=opus': 'ogg',
  'audio/mp4': 'm4a',
  'video/mp4': 'mp4',
};

/**
 * What a document is called that its sender gave no name: the file's own, with an extension by its type where it has
 * none or that of the program that made it; `document.pdf` without any.
 */
export function documentName(filename: string | null, mimetype: string): string {
  const known = own(EXTENSIONS, mimetype);
  const ending = known === undefined ? '' : `.${known}`;
  if (filename === null) return `document${ending}`;
  const extension = extensionOf(filename);
  if (extension === '') return cleanFileName(`${filename}${ending}`, filename);
  const isProgram = PROGRAMS.has(extension.toLowerCase()) && known !== undefined && known !== 'txt';
  return isProgram ? `${filename.slice(0, -extension.length - 1)}${ending}` : filename;
}
