/** A message stanza and its payload -> the message as the gateway gets it. */

import { type BinaryNode, getBinaryNodeChildren, unpadRandomMax16 } from '@whiskeysockets/baileys';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../utils/clock.ts';
import { DAY_MS } from '../../utils/durations.ts';
import type { ChatSetting, InboundMessage, Person } from '../engine.ts';
import type { InboundContent } from '../inbound-content.ts';
import {
  canonicalJid,
  isBroadcastListJid,
  isChannelJid,
  isPostedJid,
  isSharedJid,
  jidsOf,
  lidJid,
  lidOf,
  type ParsedJid,
  parseJid,
  phoneJid,
  phoneOf,
} from '../jid.ts';
import type { Contacts } from './contacts.ts';
import { clip, SHORT } from './decode-text.ts';
import type { SealedVote } from './decode-vote.ts';
import { type GroupKey, type ReadPayload, readPayload, unreadable } from './read-payload.ts';

export interface ReadOptions {
  clock: Clock;
  contacts: Contacts;
  /** our own user, in both spellings (digits) */
  me: () => { phone: string | null; lid: string | null };
}

/** A message, and what is still to be done with it. */
export interface Received {
  /** null when only the setting of its chat is reported */
  message: InboundMessage | null;
  vote: SealedVote | null;
  /** user JIDs of who wrote it */
  voters: readonly string[];
  /** canonical JID of the chat */
  chat: string;
  /** how the chat is set, when the message says it */
  setting: ChatSetting | null;
}

export interface ReadStanza {
  /** null for what is no message of a conversation: protocol, keys only */
  received: Received | null;
  /** the key of its author in a group, which opens what comes next; null when there is none in it */
  groupKey: GroupKey | null;
}

/** WhatsApp began in 2009: an earlier time is a wrong clock's. */
const FIRST_MS = Date.UTC(2009, 0, 1);
/** A list has at most 256 people. */
const MAX_LISTED = 1_000;

type Attributes = BinaryNode['attrs'];
type Named = Attributes & { id: string; from: string };

/**
 * Reads a decrypted stanza, of somebody else or of our other device. Never throws for anything that the sender has
 * chosen.
 */
export function readStanza(stanza: BinaryNode, padded: Uint8Array, options: ReadOptions): ReadStanza {
  const attrs = ofConversation(stanza.attrs, options);
  const { from: place } = stanza.attrs;
  const whose = whoseOf(attrs, options);
  const read = readPadded(padded, {
    isOwn: (jid) => whose.ownJids.includes(jid),
    country: countryOf(options.me().phone),
    isOurs: whose.isOurs,
    isPart: sealedIn(stanza) > 1,
    group: place !== undefined && isSharedJid(place) ? place : undefined,
  });
  const { groupKey } = read;
  const isKept = whose.author !== null && (read.decoded !== null || read.setting !== null);
  if (!isNamed(attrs) || attrs.category === 'peer' || !isKept) return { received: null, groupKey };
  const received = whose.isOurs
    ? describeOurs(attrs, read, whose.ownJids, options)
    : describe(attrs, read, options);
  return { received, groupKey };
}

/** Reads a post of a channel, which has no author; null for what is no message. Never throws, as `readStanza`. */
export function readPost(stanza: BinaryNode, payload: Uint8Array, options: ReadOptions): Received | null {
  const { attrs } = stanza;
  if (!isNamed(attrs)) return null;
  const ownJids = jidsOf(options.me());
  const { decoded } = readPayload(payload, {
    isOwn: (jid) => ownJids.includes(jid),
    country: countryOf(options.me().phone),
    isPost: true,
  });
  if (decoded === null) return null;
  return isFromUs(stanza, options)
    ? describeOurs(attrs, { decoded, setting: null, sentTo: null }, ownJids, options)
    : describe(attrs, { decoded, setting: null }, options);
}

const sealedIn = ({ content }: BinaryNode) =>
  Array.isArray(content) ? content.filter(({ tag }) => tag === 'enc').length : 0;

/** A message of somebody else of which only the stanza is known; null for what our other device has sent. */
export function describeUnread(
  stanza: BinaryNode,
  content: InboundContent,
  options: ReadOptions,
): Received | null {
  const attrs = ofConversation(stanza.attrs, options);
  const { author, isOurs } = whoseOf(attrs, options);
  if (!isNamed(attrs) || author === null || isOurs) return null;
  return describe(attrs, { decoded: { content, media: null, vote: null }, setting: null }, options);
}

/** Whether our own phone or another device of it has sent it; of a post of a channel, which names nobody, the server says so. */
export function isFromUs(stanza: BinaryNode, options: ReadOptions): boolean {
  const attrs = ofConversation(stanza.attrs, options);
  if (attrs.from !== undefined && isChannelJid(attrs.from)) return attrs.is_sender === 'true';
  return whoseOf(attrs, options).isOurs;
}

/** Whether two stanzas are of one author and in one chat, by whichever of their names. */
export function isSameOrigin(one: BinaryNode, other: BinaryNode, options: ReadOptions): boolean {
  const [a, b] = [originOf(one.attrs, options), originOf(other.attrs, options)];
  return a.group === b.group && overlap(a.author, b.author) && overlap(a.recipient, b.recipient);
}

const overlap = (one: readonly string[], other: readonly string[]) =>
  one.some((name) => other.includes(name)) || (one.length === 0 && other.length === 0);

/** With all names of the people in it; a recipient only where we have sent it. */
function originOf(given: Attributes, options: ReadOptions) {
  const attrs = ofConversation(given, options);
  const { from, participant, recipient } = attrs;
  const isGroup = from !== undefined && isSharedJid(from);
  return {
    group: isGroup ? from : null,
    author: isGroup
      ? namesOf([participant, attrs.participant_pn, attrs.participant_lid], options)
      : namesOf([from, attrs.sender_pn, attrs.sender_lid], options),
    recipient: isGroup ? [] : namesOf([recipient, recipientAlternative(attrs)], options),
  };
}

function namesOf(jids: readonly (string | undefined)[], { contacts, me }: ReadOptions): string[] {
  const lids = jids.flatMap((jid) => lidOf(jid) ?? []);
  const phones = [...jids.map(phoneOf), ...lids.map((lid) => contacts.phoneOfLid(lid))].flatMap(
    (phone) => phone ?? [],
  );
  const names = [...lids.map(lidJid), ...phones.map(phoneJid)];
  const own = jidsOf(me());
  return names.some((name) => own.includes(name)) ? [...names, ...own] : names;
}

/**
 * As a stanza of the chat in which it is seen: what somebody else has written to a list is seen in the chat with its author, what
 * we have, in that of the list.
 */
function ofConversation(attrs: Attributes, options: ReadOptions): Attributes {
  if (attrs.from === undefined || attrs.participant === undefined || !isBroadcastListJid(attrs.from))
    return attrs;
  if (isOwnUser(parseJid(attrs.participant), options)) return attrs;
  const { participant, participant_pn, participant_lid, ...others } = attrs;
  return {
    ...others,
    from: participant,
    ...(participant_pn === undefined ? {} : { sender_pn: participant_pn }),
    ...(participant_lid === undefined ? {} : { sender_lid: participant_lid }),
  };
}

const isNamed = (attrs: Attributes): attrs is Named => attrs.id !== undefined && attrs.from !== undefined;

/** Who wrote it, and whether that is our own phone or another device of it. */
function whoseOf({ from, participant }: Attributes, options: ReadOptions) {
  const own = options.me();
  const author = from === undefined ? null : parseJid(isSharedJid(from) ? participant : from);
  return { author, isOurs: isOwnUser(author, options), ownJids: jidsOf(own) };
}

function isOwnUser(jid: ParsedJid | null, options: ReadOptions): boolean {
  const own = options.me();
  return jid !== null && (jid.user === own.phone || jid.user === own.lid);
}

/** The people of a list to whom our other device has written, as the stanza names them. They know us from then on. */
export function listedPeople({ attrs, content }: BinaryNode): Person[] {
  if (attrs.from === undefined || !isBroadcastListJid(attrs.from) || !Array.isArray(content)) return [];
  const named = getBinaryNodeChildren(
    content.find(({ tag }) => tag === 'participants'),
    'to',
  ).slice(0, MAX_LISTED);
  const jids = named.flatMap(({ attrs: to }) => [to.jid, recipientAlternative(to)]);
  return jids.flatMap((jid) =>
    jid !== undefined && (phoneOf(jid) ?? lidOf(jid)) !== null
      ? [{ jid: canonicalJid(jid), name: null, pushName: null, hasChat: true }]
      : [],
  );
}

function readPadded(padded: Uint8Array, options: Parameters<typeof readPayload>[1]): ReadPayload {
  let payload: Uint8Array;
  try {
    payload = unpadRandomMax16(padded);
  } catch {
    return unreadable('malformed');
  }
  return readPayload(payload, options);
}

/** What our other device has sent or posted: the other side is whom it was sent to. Null for what goes anywhere else. */
function describeOurs(
  attrs: Named,
  { decoded, setting, sentTo }: Pick<ReadPayload, 'decoded' | 'setting' | 'sentTo'>,
  voters: readonly string[],
  { clock, contacts }: ReadOptions,
): Received | null {
  const target = isSharedJid(attrs.from) ? attrs.from : (attrs.recipient ?? sentTo);
  if (target === null) return null;
  const isShared = isSharedJid(target);
  if (!isShared && (parseJid(target)?.kind ?? 'other') === 'other') return null;
  const other = recipientAlternative(attrs);
  const lid = lidOf(target) ?? lidOf(other);
  const phone = phoneOf(target) ?? phoneOf(other) ?? (lid ? contacts.phoneOfLid(lid) : null);
  if (lid && phone) contacts.learn(lid, phone);
  const chat = isShared ? target : phone ? phoneJid(phone) : canonicalJid(target);
  const message: InboundMessage | null = decoded && {
    messageId: attrs.id,
    chat,
    participant: null,
    author: null,
    phone: isShared ? null : phone,
    lid: isShared ? null : lid,
    pushName: null,
    content: withCanonicalMentions(decoded.content, contacts),
    media: decoded.media,
    at: timeOf(attrs.t, clock.now()),
    own: true,
  };
  return { message, vote: decoded?.vote ?? null, voters, chat, setting: isPostedJid(chat) ? null : setting };
}

/** The other name of whom our other device has written to. */
export function recipientAlternative(attrs: Attributes): string | undefined {
  return attrs.recipient_pn ?? attrs.recipient_lid ?? attrs.peer_recipient_pn ?? attrs.peer_recipient_lid;
}

function withCanonicalMentions(content: InboundContent, contacts: Contacts): InboundContent {
  const mentions = content.mentions?.map((jid) => contacts.canonical(jid));
  return mentions ? { ...content, mentions } : content;
}

function describe(
  attrs: Named,
  { decoded, setting }: Pick<ReadPayload, 'decoded' | 'setting'>,
  { clock, contacts }: ReadOptions,
): Received {
  const { id, from, participant } = attrs;
  const isGroup = isSharedJid(from);
  const authorJid = isGroup ? (participant ?? from) : from;
  const alternative = isGroup
    ? (attrs.participant_pn ?? attrs.participant_lid)
    : (attrs.sender_pn ?? attrs.sender_lid);
  const lid = lidOf(authorJid) ?? lidOf(alternative);
  const phone = phoneOf(authorJid) ?? phoneOf(alternative) ?? (lid ? contacts.phoneOfLid(lid) : null);
  if (lid && phone) contacts.learn(lid, phone);
  const person = phone ? phoneJid(phone) : canonicalJid(authorJid);
  const chat = isGroup ? from : person;
  const content = decoded?.content;
  const message: InboundMessage | null = content
    ? {
        messageId: id,
        chat,
        participant: isGroup && !isChannelJid(from) ? person : null,
        author: participant === undefined ? null : canonicalJid(participant),
        phone: isGroup ? null : phone,
        lid: isGroup ? null : lid,
        pushName: attrs.notify === undefined ? null : clip(attrs.notify, SHORT),
        content: withCanonicalMentions(content, contacts),
        media: decoded?.media ?? null,
        at: timeOf(attrs.t, clock.now()),
      }
    : null;
  // Where posts go is no chat that somebody has set.
  const told = isPostedJid(from) ? null : setting;
  return { message, vote: decoded?.vote ?? null, voters: jidsOf({ phone, lid }), chat, setting: told };
}

/** Epoch milliseconds of a stanza's time; `now` for what is no number, or a time that nothing can have been sent at. */
function timeOf(seconds: string | undefined, now: number): number {
  const at = Math.round(Number(seconds) * 1_000);
  return at >= FIRST_MS && at <= now + DAY_MS ? at : now;
}

const countries = new LRUCache<string, string>({ max: 1_000 });

/** Where a number is from, and so whose national spellings its friends use (ISO 3166); Indonesia when unknown. */
function countryOf(phone: string | null): string {
  if (phone === null) return 'ID';
  const known = countries.get(phone);
  if (known !== undefined) return known;
  const country = parsePhoneNumberFromString(`+${phone}`)?.country ?? 'ID';
  countries.set(phone, country);
  return country;
}
