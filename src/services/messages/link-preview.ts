/** What phones show of the first link in a text: title, description and a small picture, fetched when it is queued. */
import { Parser } from 'htmlparser2';
import { cleanName } from '../../utils/text.ts';
import type { LinkPreview } from '../../whatsapp/content.ts';
import type { Ctx } from '../context.ts';
import { detectType } from '../media/detect.ts';
import { toolRun } from '../media/keep.ts';
import { discardFile, stageFile } from '../media/staging.ts';
import { holdUpload } from '../quotas.ts';

/** For the page and its picture together: a client waits for its answer as long. */
const BUDGET_MS = 5_000;
const MAX_PAGE = 4 * 1_024 * 1_024;
/** Bytes of a page that are read: heads end long before. */
const MAX_READ = 512 * 1_024;
const MAX_PICTURE = 4 * 1_024 * 1_024;
/** Tags inside one another that are read: heads have a handful, and the parser is slow among thousands. */
const MAX_DEPTH = 100;
/** Characters, as WhatsApp's own clients cut them or longer. */
const MAX_LINK = 2_048;
const MAX_TITLE = 300;
const MAX_DESCRIPTION = 600;
/** Characters of a tag's value that are looked at. */
const MAX_TAG = 8_192;

/**
 * Of the first link in the text; null when there is none, its page cannot be had in 5 s or has no title, or the tenant has as
 * many downloads under way as it may. Never rejects: the message goes without.
 */
export async function readPreview(ctx: Ctx, text: string): Promise<LinkPreview | null> {
  const url = firstLink(text);
  if (url === null) return null;
  const timeout = AbortSignal.timeout(BUDGET_MS);
  const signal = ctx.signal ? AbortSignal.any([ctx.signal, timeout]) : timeout;
  try {
    const release = await holdUpload(ctx, ctx.actor.userId);
    try {
      return await fetchPreview(ctx, url, signal);
    } finally {
      await release();
    }
  } catch {
    return null;
  }
}

async function fetchPreview(ctx: Ctx, url: string, signal: AbortSignal): Promise<LinkPreview | null> {
  const page = await readPage(ctx, url, signal);
  if (page === null) return null;
  const { title, description, picture } = page;
  const thumbnail = picture === null ? null : await readPicture(ctx, picture, signal).catch(() => null);
  return {
    url,
    title,
    ...(description === null ? {} : { description }),
    ...(thumbnail === null ? {} : { thumbnail }),
  };
}

/**
 * As the text writes it, without the marks that end a sentence; what only begins like a link is passed by. Links with
 * placeholders are no links yet, and what follows them is not the first one.
 */
export function firstLink(text: string): string | null {
  const start = /https?:\/\//gi;
  for (let found = start.exec(text); found !== null; found = start.exec(text)) {
    const at = found.index;
    const [written = ''] = text.slice(at, at + MAX_LINK + 1).split(/[\s<>"{}|\\^`]/, 1);
    const end = at + written.length;
    if (written.length > MAX_LINK || /^[{|]/.test(text.slice(end, end + 1))) return null;
    const url = withoutMarks(written);
    if (URL.canParse(url)) return url;
    start.lastIndex = Math.max(start.lastIndex, end);
  }
  return null;
}

const MARKS = ".,;:!?'*_~)]";
/** Marks at the end that are looked at. */
const MAX_MARKS = 20;
const OPENS: Readonly<Record<string, string>> = { ')': '(', ']': '[' };

/** A bracket at its end belongs to the link when the link has opened it. */
function withoutMarks(written: string): string {
  let url = written;
  for (let cut = 0; cut < MAX_MARKS; cut++) {
    const last = url.at(-1) ?? ' ';
    const opens = OPENS[last];
    const isOwn = opens !== undefined && countOf(url, opens) >= countOf(url, last);
    if (isOwn || !MARKS.includes(last)) break;
    url = url.slice(0, -1);
  }
  return url;
}

const countOf = (text: string, mark: string) => text.split(mark).length - 1;

interface Page {
  title: string;
  description: string | null;
  /** its URL */
  picture: string | null;
}

async function readPage(ctx: Ctx, link: string, signal: AbortSignal): Promise<Page | null> {
  const { stream, contentType, url } = await ctx.outgoing.guarded.download(link, {
    maxBytes: MAX_PAGE,
    timeoutMs: BUDGET_MS,
    // Where private addresses are allowed, there are no certificates.
    httpsOnly: !ctx.config.allowPrivateUrls,
    signal,
  });
  try {
    if (!/^(?:text\/html|application\/xhtml\+xml)\b/i.test(contentType ?? '')) return null;
    return pageOf(await readHead(stream, decoderOf(contentType)), url);
  } finally {
    stream.destroy();
  }
}

/** In the encoding that the host names; UTF-8 where it names none that is known. */
function decoderOf(contentType: string | null) {
  const [, label = 'utf-8'] = /charset="?([\w-]{1,40})/i.exec(contentType ?? '') ?? [];
  try {
    return new TextDecoder(label);
  } catch {
    return new TextDecoder();
  }
}

/** The names and values of the tags that pages describe themselves by. */
type Described = Map<string, string>;

/** Reads piece by piece until the head ends, or is none. */
async function readHead(
  stream: AsyncIterable<Buffer>,
  decoder: ReturnType<typeof decoderOf>,
): Promise<Described> {
  const found: Described = new Map();
  const add = (name: string, value: string) => {
    if (!found.has(name) && value.trim() !== '') found.set(name, value.trim());
  };
  let title: string | null = null;
  let ended = false;
  let depth = 0;
  const end = () => {
    ended = true;
    parser.pause();
  };
  const parser = new Parser({
    onopentag(tag, { name, property, content }) {
      depth++;
      if (tag === 'title') title = '';
      if (tag === 'body' || depth > MAX_DEPTH) end();
      const named = (property ?? name)?.toLowerCase();
      if (tag === 'meta' && named !== undefined && WANTED.has(named)) add(named, content ?? '');
    },
    ontext(text) {
      if (title !== null && title.length <= MAX_TITLE) title += text;
    },
    onclosetag(tag) {
      depth--;
      if (tag === 'title' && title !== null) add('title', title);
      if (tag === 'title') title = null;
      if (tag === 'head') end();
    },
  });
  let read = 0;
  for await (const piece of stream) {
    parser.write(decoder.decode(piece, { stream: true }));
    read += piece.length;
    if (ended || read >= MAX_READ) break;
  }
  return found;
}

const TITLES = ['og:title', 'twitter:title', 'title'];
const DESCRIPTIONS = ['og:description', 'twitter:description', 'description'];
const PICTURES = ['og:image:secure_url', 'og:image', 'og:image:url', 'twitter:image'];
const WANTED: ReadonlySet<string> = new Set([...TITLES, ...DESCRIPTIONS, ...PICTURES]);

function pageOf(found: Described, base: URL): Page | null {
  const first = (names: readonly string[]) =>
    names.map((name) => found.get(name)).find((value) => value !== undefined) ?? null;
  const line = (names: readonly string[], max: number) =>
    cleanName((first(names) ?? '').slice(0, MAX_TAG).replace(/\s+/g, ' '), max);
  const title = line(TITLES, MAX_TITLE);
  if (title === null) return null;
  const description = line(DESCRIPTIONS, MAX_DESCRIPTION);
  const picture = first(PICTURES);
  return {
    title,
    description,
    picture: picture !== null && URL.canParse(picture, base.href) ? new URL(picture, base).href : null,
  };
}

/** A small JPEG of it, base64; null for what is no picture. */
async function readPicture(ctx: Ctx, url: string, signal: AbortSignal): Promise<string | null> {
  const { stream } = await ctx.outgoing.guarded.download(url, {
    maxBytes: MAX_PICTURE,
    timeoutMs: BUDGET_MS,
    httpsOnly: !ctx.config.allowPrivateUrls,
    signal,
  });
  const file = await stageFile(ctx, stream, { bytes: MAX_PICTURE, setting: null });
  try {
    const run = { ...toolRun(ctx), signal };
    const mimetype = await detectType(ctx, file, null, run);
    if (!mimetype.startsWith('image/')) return null;
    return (await ctx.mediaTools.detailsOf(file.path, mimetype, run)).thumbnail ?? null;
  } finally {
    await discardFile(file);
  }
}
