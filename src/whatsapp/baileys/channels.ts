/** Channels (newsletters), as WhatsApp's GraphQL queries tell of them. */
import {
  type BinaryNode,
  getBinaryNodeChild,
  proto,
  S_WHATSAPP_NET,
  type WASocket,
} from '@whiskeysockets/baileys';
import { isChannelJid } from '../jid.ts';
import { CHANNEL_ROLES, type Channel, type ChannelRole } from '../requests.ts';
import { refusalCode } from './ask-in-parts.ts';
import type { EncodedContent } from './encode.ts';

/** WhatsApp's numbers of the two queries, as whatsmeow (newsletter.go) and Baileys (Mex.js) have them. */
const LIST_QUERY = '6388546374527196';
const INFO_QUERY = '6563316087068696';

/** WhatsApp lets an account follow more than anybody does; what lies behind these is not read. */
const MAX_CHANNELS = 2_000;
const MAX_NAME = 200;
const MAX_DESCRIPTION = 4_096;
const INVITE = /^[A-Za-z0-9_-]{5,64}$/;
/** Codes of an answer about a channel that is not there, or not for us. */
const CHANNEL_GONE_CODES: ReadonlySet<number> = new Set([403, 404, 410]);

type Socket = Pick<WASocket, 'query' | 'generateMessageTag'>;

/** WhatsApp has answered such a query with errors; `data` is the code of the first, as with Baileys' failures. */
class QueryRefused extends Error {
  override name = 'QueryRefused';
  readonly data: number;

  constructor(code: number) {
    super(`WhatsApp refused the query with ${code}`);
    this.data = code;
  }
}

/** The channels that the account has made or follows, by name. Rejects when the query fails. */
export async function listChannels(sock: Socket): Promise<Channel[]> {
  const list: unknown = (await ask(sock, LIST_QUERY, {})).xwa2_newsletter_subscribed;
  if (!Array.isArray(list)) throw new Error('the list of channels cannot be read');
  return list
    .slice(0, MAX_CHANNELS)
    .flatMap((told) => readChannel(told) ?? [])
    .sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
}

/** A channel with our role in it; null when WhatsApp knows none, or shows it to us no more. Rejects when the query fails. */
export async function findChannel(sock: Socket, jid: string): Promise<Channel | null> {
  try {
    const told = await ask(sock, INFO_QUERY, {
      fetch_creation_time: true,
      fetch_full_image: false,
      fetch_viewer_metadata: true,
      input: { key: jid, type: 'JID' },
    });
    return readChannel(told.xwa2_newsletter);
  } catch (error) {
    if (CHANNEL_GONE_CODES.has(refusalCode(error) ?? 0)) return null;
    throw error;
  }
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

async function ask(sock: Socket, queryId: string, variables: object): Promise<Record<string, unknown>> {
  const content = Buffer.from(JSON.stringify({ variables }));
  const answer = await sock.query({
    tag: 'iq',
    attrs: { id: sock.generateMessageTag(), type: 'get', to: S_WHATSAPP_NET, xmlns: 'w:mex' },
    content: [{ tag: 'query', attrs: { query_id: queryId }, content }],
  });
  const result = getBinaryNodeChild(answer, 'result')?.content;
  if (!result || Array.isArray(result)) throw new Error('the answer has no result');
  const { data, errors } = Object(JSON.parse(Buffer.from(result).toString()));
  if (Array.isArray(errors) && errors.length > 0) {
    throw new QueryRefused(Number(Object(Object(errors[0]).extensions).error_code) || 400);
  }
  return Object(data);
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
  return typeof text === 'string' && text !== '' ? text.slice(0, max) : null;
}

function roleOf(told: unknown): ChannelRole | null {
  const name = typeof told === 'string' ? told.toLowerCase() : '';
  return CHANNEL_ROLES.find((role) => role === name) ?? null;
}
