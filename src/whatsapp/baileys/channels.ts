/** Channels (newsletters), as WhatsApp's GraphQL queries tell of them. */
import {
  type BinaryNode,
  getBinaryNodeChild,
  proto,
  S_WHATSAPP_NET,
  type WASocket,
} from '@whiskeysockets/baileys';
import { inBatches } from '../../db/batches.ts';
import { AppError } from '../../utils/errors.ts';
import { isChannelJid } from '../jid.ts';
import { CHANNEL_ROLES, type Channel, type ChannelRole } from '../requests.ts';
import { refusalCode } from './ask-in-parts.ts';
import { clip } from './decode-text.ts';
import type { EncodedContent } from './encode.ts';

/** WhatsApp's numbers of the two queries, as whatsmeow (newsletter.go) and Baileys (Mex.js) have them. */
const LIST_QUERY = '6388546374527196';
const INFO_QUERY = '6563316087068696';

/** WhatsApp lets an account follow more than anybody does; what lies behind these is not read. */
const MAX_CHANNELS = 2_000;
/** Channels that are read in one turn of the event loop. */
const READ_AT_ONCE = 200;
/** An answer that is longer would hold the event loop while it is read. */
const MAX_ANSWER_BYTES = 4 * 1024 ** 2;
/** One for all: to make one takes longer than to compare. */
const BY_NAME = new Intl.Collator();
const MAX_NAME = 200;
const MAX_DESCRIPTION = 2_048;
const INVITE = /^[A-Za-z0-9_-]{5,64}$/;
/** Codes of an answer about a channel that is not there, or not for us. */
const CHANNEL_GONE_CODES: ReadonlySet<number> = new Set([403, 404, 410]);

/** What guard.ts answers in the place of a server that does not, and of one that is asked too often. */
const NOT_OF_THE_QUERY: ReadonlySet<number> = new Set([408, 429]);

type Socket = Pick<WASocket, 'query' | 'generateMessageTag'>;

/**
 * WhatsApp has answered, but not what was asked: it refused the query, has given its number up, or says it in another way now. `data`
 * is the code of a refusal, as with Baileys' failures.
 */
export class UnclearAnswer extends Error {
  override name = 'UnclearAnswer';
  readonly data: number | null;

  constructor(code: number | null) {
    super(code === null ? 'the answer cannot be read' : `WhatsApp refused the query with ${code}`);
    this.data = code;
  }
}

/**
 * The channels that the account has made or follows, by name, up to 2,000. Rejects when the query fails, with UnclearAnswer too,
 * and with UNAVAILABLE and `details.reason` `too_long` for an answer of more than 4 MB.
 */
export async function listChannels(sock: Socket): Promise<{ channels: Channel[]; truncated: boolean }> {
  const { data, code, tooLong } = await ask(sock, LIST_QUERY, {});
  if (tooLong) {
    throw new AppError('UNAVAILABLE', "WhatsApp's list of channels is longer than 4 MB, and is not read.", {
      details: { reason: 'too_long', maxBytes: MAX_ANSWER_BYTES },
    });
  }
  const list = data.xwa2_newsletter_subscribed;
  if (code !== null || !Array.isArray(list)) throw new UnclearAnswer(code);
  const channels: Channel[] = [];
  for await (const piece of inBatches(list.slice(0, MAX_CHANNELS), READ_AT_ONCE)) {
    channels.push(...piece.flatMap((told) => readChannel(told) ?? []));
  }
  channels.sort((a, b) => BY_NAME.compare(a.name, b.name) || (a.id < b.id ? -1 : 1));
  return { channels, truncated: list.length > MAX_CHANNELS };
}

/**
 * A channel with our role in it; null when WhatsApp says that it knows none, or shows it to us no more. Rejects with UnclearAnswer
 * when its answer does not tell, and when the query fails.
 */
export async function findChannel(sock: Socket, jid: string): Promise<Channel | null> {
  const { data, code } = await ask(sock, INFO_QUERY, {
    fetch_creation_time: true,
    fetch_full_image: false,
    fetch_viewer_metadata: true,
    input: { key: jid, type: 'JID' },
  });
  const told = data.xwa2_newsletter;
  if (told === null && code !== null && CHANNEL_GONE_CODES.has(code)) return null;
  const channel = code === null ? readChannel(told) : null;
  if (channel === null) throw new UnclearAnswer(code);
  return channel;
}

/** Whether WhatsApp takes posts of such a member. A role that was not told may post: the server has the last word. */
export function mayPost({ role }: Channel): boolean {
  return role !== 'subscriber' && role !== 'guest';
}

/**
 * The stanza of a post, as whatsmeow (`sendNewsletter`) makes it: everybody may follow a channel, so that nothing is encrypted.
 * Baileys' own does not say what kind of file it is.
 */
export function postStanza(
  to: string,
  id: string,
  { message, additionalAttributes }: EncodedContent,
): BinaryNode {
  const mediatype = mediaTypeOf(message);
  const content = proto.Message.encode(message).finish();
  return {
    tag: 'message',
    attrs: { to, id, type: mediatype === null ? 'text' : 'media', ...additionalAttributes },
    content: [{ tag: 'plaintext', attrs: mediatype === null ? {} : { mediatype }, content }],
  };
}

function mediaTypeOf({ imageMessage, videoMessage, ptvMessage }: proto.IMessage): string | null {
  if (imageMessage) return 'image';
  if (videoMessage) return videoMessage.gifPlayback ? 'gif' : 'video';
  return ptvMessage ? 'ptv' : null;
}

/** `code`: of the first error that the answer names; null: it names none. `tooLong`: it is not read. */
async function ask(
  sock: Socket,
  queryId: string,
  variables: object,
): Promise<{ data: Record<string, unknown>; code: number | null; tooLong: boolean }> {
  const content = Buffer.from(JSON.stringify({ variables }));
  const node: BinaryNode = {
    tag: 'iq',
    attrs: { id: sock.generateMessageTag(), type: 'get', to: S_WHATSAPP_NET, xmlns: 'w:mex' },
    content: [{ tag: 'query', attrs: { query_id: queryId }, content }],
  };
  const answer: BinaryNode = await sock.query(node).catch((error: unknown) => {
    const refused = refusalCode(error);
    throw refused === null || NOT_OF_THE_QUERY.has(refused) ? error : new UnclearAnswer(refused);
  });
  const result = getBinaryNodeChild(answer, 'result')?.content;
  const tooLong = result !== undefined && result.length > MAX_ANSWER_BYTES;
  const { data, errors } = Object(tooLong ? null : readJson(result));
  const [first] = Array.isArray(errors) ? errors : [];
  const code = first === undefined ? null : Number(Object(Object(first).extensions).error_code) || 400;
  return { data: Object(data), code, tooLong };
}

/** Null for what is no JSON. */
function readJson(content: BinaryNode['content']): unknown {
  if (!content || Array.isArray(content)) return null;
  try {
    return JSON.parse(Buffer.from(content).toString());
  } catch {
    return null;
  }
}

function readChannel(told: unknown): Channel | null {
  const { id, thread_metadata, viewer_metadata } = Object(told);
  if (typeof id !== 'string' || !isChannelJid(id)) return null;
  const { name, description, subscribers_count, verification, invite } = Object(thread_metadata);
  const followers = Number.parseInt(String(subscribers_count), 10);
  return {
    id,
    name: textOf(name, MAX_NAME) ?? '',
    description: textOf(description, MAX_DESCRIPTION),
    role: roleOf(Object(viewer_metadata).role),
    followers: followers >= 0 ? followers : null,
    verified: verification === 'VERIFIED',
    invite: typeof invite === 'string' && INVITE.test(invite) ? invite : null,
  };
}

function textOf(told: unknown, max: number): string | null {
  const { text } = Object(told);
  return typeof text === 'string' && text !== '' ? clip(text, max) : null;
}

function roleOf(told: unknown): ChannelRole | null {
  const name = typeof told === 'string' ? told.toLowerCase() : '';
  return CHANNEL_ROLES.find((role) => role === name) ?? null;
}
