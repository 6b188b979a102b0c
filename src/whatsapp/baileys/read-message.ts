/** A message stanza and its payload -> the message as the gateway gets it. */

import { type BinaryNode, unpadRandomMax16 } from '@whiskeysockets/baileys';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../utils/clock.ts';
import { DAY_MS } from '../../utils/durations.ts';
import type { ChatSetting, InboundMessage } from '../engine.ts';
import { canonicalJid, isGroupJid, lidJid, lidOf, parseJid, phoneJid, phoneOf } from '../jid.ts';
import type { Contacts } from './contacts.ts';
import { clip, SHORT } from './decode-text.ts';
import type { SealedVote } from './decode-vote.ts';
import { type ReadPayload, readPayload, unreadable } from './read-payload.ts';

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
  /** null for what is no message to us: our own devices, protocol, keys only */
  received: Received | null;
  /** what Baileys still needs of the payload, padded */
  keys: Uint8Array;
  /** whether there are any: keys of a group, which open what comes next */
  hasKeys: boolean;
}

/** WhatsApp began in 2009: an earlier time is a wrong clock's. */
const FIRST_MS = Date.UTC(2009, 0, 1);

/** Reads a decrypted stanza of somebody else. Never throws for anything that the sender has chosen. */
export function readStanza(stanza: BinaryNode, padded: Uint8Array, options: ReadOptions): ReadStanza {
  const { id, from, participant, category } = stanza.attrs;
  const own = options.me();
  const read = readPadded(padded, {
    isOwn: (jid) => jid === phoneJid(own.phone ?? '') || jid === lidJid(own.lid ?? ''),
    country: countryOf(own.phone),
  });
  const { keys, hasKeys } = read;
  const author = from === undefined ? null : parseJid(isGroupJid(from) ? participant : from);
  const isTheirs = author && author.user !== own.phone && author.user !== own.lid;
  if (
    id === undefined ||
    from === undefined ||
    category === 'peer' ||
    !isTheirs ||
    !(read.decoded || read.setting)
  ) {
    return { received: null, keys, hasKeys };
  }
  return { received: describe({ ...stanza.attrs, id, from }, read, options), keys, hasKeys };
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

function describe(
  attrs: BinaryNode['attrs'] & { id: string; from: string },
  { decoded, setting }: ReadPayload,
  { clock, contacts }: ReadOptions,
): Received {
  const { id, from, participant } = attrs;
  const isGroup = isGroupJid(from);
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
  const mentions = content?.mentions?.map((jid) => contacts.canonical(jid));
  const message: InboundMessage | null = content
    ? {
        messageId: id,
        chat,
        participant: isGroup ? person : null,
        author: participant === undefined ? null : canonicalJid(participant),
        phone: isGroup ? null : phone,
        lid: isGroup ? null : lid,
        pushName: attrs.notify === undefined ? null : clip(attrs.notify, SHORT),
        content: mentions ? { ...content, mentions } : content,
        media: decoded?.media ?? null,
        at: timeOf(attrs.t, clock.now()),
      }
    : null;
  const voters = [...(phone ? [phoneJid(phone)] : []), ...(lid ? [lidJid(lid)] : [])];
  return { message, vote: decoded?.vote ?? null, voters, chat, setting };
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
