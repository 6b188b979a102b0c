/** Channels (newsletters): who runs and follows them, what is posted to them, and the queries about them. */
import { randomBytes, randomInt } from 'node:crypto';
import { type BinaryNode, proto } from '@whiskeysockets/baileys';
import { type PlainFile, readContent } from './content.ts';
import { ControlError } from './control-error.ts';
import type { Device } from './devices.ts';
import { handleOf } from './media.ts';
import { readPlainFile } from './media-read.ts';
import { bytesOf, child } from './nodes.ts';
import type { Store } from './store.ts';
import type { Received } from './types.ts';
import type { World } from './world.ts';

/** Names of WhatsApp's queries, as public clients have them. */
const LIST_QUERY = '6388546374527196';
const INFO_QUERY = '6563316087068696';
/** Error of an acknowledgement: who posts may not. */
const FORBIDDEN = 403;

/** A channel as the control API shows it. */
export interface Channel {
  /** `…@newsletter` */
  id: string;
  name: string;
  description: string;
  /** Phone number of who has made it. */
  owner: string;
  admins: string[];
  followers: string[];
  verified: boolean;
  /** End of its link. */
  invite: string;
  createdAt: string;
}

/** A new channel. */
export interface ChannelInput {
  name: string;
  owner: string;
  description?: string | undefined;
  admins?: string[] | undefined;
  followers?: string[] | undefined;
  verified?: boolean | undefined;
}

/** The channels of the emulated network. */
export interface Channels {
  create(input: ChannelInput): Channel;
  get(id: string): Channel | undefined;
  list(): Channel[];
  /** False when there is none. */
  remove(id: string): boolean;
  /** The place of a post among those of its channel; the same for the same post. */
  number(id: string, messageId: string): number;
  reset(): void;
}

/** The channels, filled from what `store` kept. */
export function createChannels(store: Store): Channels {
  const channels = new Map<string, Channel>();
  const posts = new Map<string, Map<string, number>>();
  for (const [, text] of store.entries('channel|')) {
    const kept = JSON.parse(text) as Channel; // only `create` writes these
    channels.set(kept.id, kept);
  }
  return {
    create({ name, owner, description = '', admins = [], followers = [], verified = false }) {
      const channel: Channel = {
        id: `1203634${randomInt(1e10, 9e10)}@newsletter`,
        ...{ name, description, owner, admins, followers, verified },
        invite: randomBytes(16).toString('base64url'),
        createdAt: new Date().toISOString(),
      };
      channels.set(channel.id, channel);
      store.set(`channel|${channel.id}`, JSON.stringify(channel));
      return channel;
    },
    get: (id) => channels.get(id),
    list: () => [...channels.values()],
    remove(id) {
      store.delete(`channel|${id}`);
      return channels.delete(id);
    },
    number(id, messageId) {
      const known = posts.get(id) ?? new Map<string, number>();
      posts.set(id, known);
      const number = known.get(messageId) ?? known.size + 100;
      known.set(messageId, number);
      return number;
    },
    reset() {
      channels.clear();
      posts.clear();
      store.clear('channel|');
    },
  };
}

function roleOf({ owner, admins, followers }: Channel, phone: string): string {
  if (phone === owner) return 'OWNER';
  if (admins.includes(phone)) return 'ADMIN';
  return followers.includes(phone) ? 'SUBSCRIBER' : 'GUEST';
}

/** A channel that `from` runs and `to` has or follows, for a post. Throws a ControlError. */
export function findChannel(
  world: World,
  id: string,
  { to, from }: { to: string; from: string },
): { id: string; participants: string[]; addressing: 'lid' } {
  const channel = world.channels.get(id);
  if (!channel) throw new ControlError(404, `group: there is no ${id}`);
  if (!['OWNER', 'ADMIN'].includes(roleOf(channel, from)) || roleOf(channel, to) === 'GUEST') {
    throw new ControlError(400, 'group: the sender must run the channel, and the session follow it');
  }
  return { id, participants: [to, from], addressing: 'lid' };
}

/** Answers a query about channels; undefined for one about something else. */
export function answerChannels(
  world: World,
  phone: string,
  query: BinaryNode | undefined,
): object | undefined {
  const id = query?.attrs.query_id;
  if (id === LIST_QUERY) {
    const own = world.channels.list().filter((channel) => roleOf(channel, phone) !== 'GUEST');
    return { data: { xwa2_newsletter_subscribed: own.map((channel) => describe(channel, phone)) } };
  }
  if (id !== INFO_QUERY || !query) return undefined;
  const channel = world.channels.get(keyIn(query));
  return channel
    ? { data: { xwa2_newsletter: describe(channel, phone) } }
    : {
        data: { xwa2_newsletter: null },
        errors: [{ message: 'Not Found', extensions: { error_code: 404, is_retryable: false } }],
      };
}

function keyIn(query: BinaryNode): string {
  try {
    return String(JSON.parse(bytesOf(query).toString()).variables.input.key);
  } catch {
    return '';
  }
}

/** As WhatsApp does: numbers are texts, and who follows is told in numbers alone. */
function describe(channel: Channel, phone: string): object {
  const { id, name, description, admins, followers, verified, invite, createdAt } = channel;
  const text = (value: string) => ({ text: value, id: '1', update_time: '0' });
  return {
    id,
    state: { type: 'ACTIVE' },
    thread_metadata: {
      creation_time: String(Math.floor(Date.parse(createdAt) / 1000)),
      name: text(name),
      description: text(description),
      subscribers_count: String(1 + admins.length + followers.length),
      verification: verified ? 'VERIFIED' : 'UNVERIFIED',
      invite,
      handle: null,
      picture: null,
      preview: { id: '0', type: 'PREVIEW', direct_path: '' },
      settings: { reaction_codes: { value: 'ALL' } },
    },
    viewer_metadata: { mute: 'OFF', role: roleOf(channel, phone) },
  };
}

/**
 * A client posts to a channel. Answers the error of its acknowledgement, or the number that the post has there; everybody
 * can read it, so that nothing of it is encrypted.
 */
export function takePost(
  world: World,
  { phone }: Device,
  stanza: BinaryNode,
  id: string,
): { error: number } | { serverId: number } {
  const channel = world.channels.get(id);
  const plain = child(stanza, 'plaintext');
  const role = channel && roleOf(channel, phone);
  if (!plain || (role !== 'OWNER' && role !== 'ADMIN')) return { error: FORBIDDEN };
  const messageId = stanza.attrs.id ?? '';
  const read = readContent(proto.Message.decode(bytesOf(plain)));
  const entry = listPost(world, { from: phone, channel: id, id: messageId });
  if (entry.copies > 1) entry.duplicate = true;
  else if (read) show(world, entry, read, stanza);
  return { serverId: world.channels.number(id, messageId) };
}

/** The owner posts to a channel from the phone: its followers have it, and its file. */
export function showOwnPost(
  world: World,
  post: { from: string; channel: string; id: string },
  { content, plainFile }: Read,
): void {
  const entry = Object.assign(listPost(world, post), { byPhone: true } as const);
  if (plainFile) showFile(world, entry, { content, plainFile });
  else Object.assign(entry, content);
}

/** The one entry of a post, with one more copy of it. */
function listPost(world: World, { from, channel, id }: { from: string; channel: string; id: string }) {
  const { entry } = world.log.messages.open(from, channel, id, () => ({
    ...{ id, from, to: channel, group: channel, type: 'unknown' as const, copies: 0 },
    at: new Date().toISOString(),
  }));
  entry.copies += 1;
  return entry;
}

/** A file is shown when the stanza says what kind it is, and what the media server calls it. */
function show(world: World, entry: Received, { content, plainFile }: Read, stanza: BinaryNode): void {
  const kind = child(stanza, 'plaintext')?.attrs.mediatype;
  if (!plainFile || kind === undefined || stanza.attrs.media_id !== handleOf(plainFile.fileSha256)) {
    Object.assign(entry, content);
    return;
  }
  showFile(world, entry, { content, plainFile });
}

function showFile(
  world: World,
  entry: Received,
  { content, plainFile }: Read & { plainFile: PlainFile },
): void {
  const { mediaError: _notSealed, ...rest } = content;
  world.log.messages.hide(entry);
  void readPlainFile(world, plainFile).then((found) => {
    Object.assign(entry, rest, found);
    world.log.messages.show(entry);
  });
}

type Read = NonNullable<ReturnType<typeof readContent>>;
