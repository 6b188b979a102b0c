/** Names of files as people see them: never a path, never longer than a column, never cut inside a character. */
import { basename } from 'node:path';

/** As `media.filename` and a message's own field hold. */
const MAX_LENGTH = 255;
/** Looked at of what a stranger calls a name. */
const MAX_INPUT = 8_192;
/** A longer ending is no extension. */
const MAX_EXTENSION = 16;
/** Control characters, and those that reorder, hide or join text: a name must read as it is. */
const UNSEEN = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;
/** Joins the parts of one emoji; between other characters it is unseen. */
const EMOJI_JOINER = /(?<=\p{Extended_Pictographic}\ufe0f?)\u200d(?=\p{Extended_Pictographic})/gu;

/**
 * A file's name without folders and unseen characters, half characters as U+FFFD, at most 255 long; a name that is too
 * long keeps its extension. Null when nothing is left.
 */
export function cleanFileName(name: string): string | null {
  const last = basename(name.slice(-MAX_INPUT).replaceAll('\\', '/'));
  const clean = cleanText(last);
  return clean === '' || clean === '.' || clean === '..' ? null : cutFileName(clean);
}

/** The name that a person wrote for a file: it may hold a slash, which is no folder. At most 255 long. */
export function cleanTitle(title: string): string {
  return cutFileName(cleanText(title.slice(0, MAX_INPUT)));
}

function cleanText(text: string): string {
  const joined = text.replace(/\p{Surrogate}/gu, '\ufffd').replace(EMOJI_JOINER, '\u0000');
  const seen = joined.replace(UNSEEN, (unseen) => (unseen === '\u0000' ? '\u200d' : ''));
  return seen.trim();
}

/** Cuts whole characters as a person counts them, in front of the extension. */
function cutFileName(name: string): string {
  if (name.length <= MAX_LENGTH) return name;
  const extension = extensionOf(name);
  const ending = extension === '' ? '' : `.${extension}`;
  const room = MAX_LENGTH - ending.length;
  let end = 0;
  // One character that is longer than all the room is no character.
  for (const { index, segment } of new Intl.Segmenter().segment(name.slice(0, room + MAX_LENGTH))) {
    if (index + segment.length > room) break;
    end = index + segment.length;
  }
  return `${name.slice(0, end).trimEnd()}${ending}`;
}

/** Without its dot and in the case it has; empty when there is none. */
function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  const extension = dot <= 0 ? '' : name.slice(dot + 1);
  return /^[\p{L}\p{N}]+$/u.test(extension) && extension.length <= MAX_EXTENSION ? extension : '';
}

/** What a server runs, not what it serves. */
const PROGRAMS = new Set(['php', 'asp', 'aspx', 'ashx', 'jsp', 'do', 'action', 'cgi', 'pl', 'html', 'htm']);

/** The last part of a URL's path, decoded; null when it names no file. */
export function nameInUrl({ pathname }: URL): string | null {
  const last = pathname.slice(pathname.lastIndexOf('/') + 1).slice(0, MAX_INPUT);
  try {
    return cleanFileName(decodeURIComponent(last));
  } catch {
    return cleanFileName(last);
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
  const known = EXTENSIONS[mimetype];
  const ending = known === undefined ? '' : `.${known}`;
  if (filename === null) return `document${ending}`;
  const extension = extensionOf(filename);
  if (extension === '') return cutFileName(`${filename}${ending}`);
  const isProgram = PROGRAMS.has(extension.toLowerCase()) && known !== undefined && known !== 'txt';
  return isProgram ? cutFileName(`${filename.slice(0, -extension.length - 1)}${ending}`) : filename;
}
