import { AppError } from '../../utils/errors.ts';
import { toPlainText } from '../../utils/phone/characters.ts';
import { MAX_WRITTEN } from '../../utils/phone/written.ts';
import { normalizeGroup, normalizePhone } from '../../utils/phone.ts';
import {
  isBroadcastListJid,
  isChannelJid,
  isGroupJid,
  lidJid,
  lidOf,
  phoneJid,
  STATUS_JID,
  withPlainServer,
} from '../../whatsapp/jid.ts';

/** Digits of a LID that opt-outs can keep; those of WhatsApp have about 15. */
export const LID = /^\d{5,19}$/;

/** A number or address in plain characters, its server in small letters. */
function toPlainAddress(written: string): string {
  return written.length > MAX_WRITTEN ? written : withPlainServer(toPlainText(written));
}

/** The other side of a message: its canonical JID, and the digits behind it where they are known. */
export interface Peer {
  peer: string;
  phone: string | null;
  lid: string | null;
}

/**
 * The recipient that a client means: a group (`isGroup`, or `…@g.us`), a LID (`…@lid`) or a phone number in any usual spelling. A
 * username (`@name`) is refused with what to write instead (`details.reason` is `username`). Once the engine can look names
 * up, this is where one becomes a peer: a name is no identity, because its owner can give it up, so that it has to become a
 * LID or a number before anything is kept under it. Throws INVALID_NUMBER.
 */
export function toPeer(to: string, isGroup: boolean | undefined, defaultCountry: string): Peer {
  const text = toPlainAddress(to);
  if (isGroup === true || isGroupJid(text)) return { peer: normalizeGroup(text), phone: null, lid: null };
  const lid = lidOf(text);
  if (lid !== null) {
    if (!LID.test(lid)) throw new AppError('INVALID_NUMBER', 'This is not a LID.');
    return { peer: lidJid(lid), phone: null, lid };
  }
  const phone = normalizePhone(text, defaultCountry);
  return { peer: phoneJid(phone), phone, lid: null };
}

/** The channel that a client means; null for every other recipient. Throws INVALID_NUMBER for what can be no channel. */
export function channelOf(to: string): Peer | null {
  const text = toPlainAddress(to);
  if (!text.endsWith('@newsletter')) return null;
  if (!isChannelJid(text)) {
    throw new AppError('INVALID_NUMBER', 'This is not the address of a channel, which is …@newsletter.');
  }
  return { peer: text, phone: null, lid: null };
}

/**
 * The other side of kept messages, as filters name it: a recipient, a channel, the status, or a list of people. Throws
 * INVALID_NUMBER.
 */
export function toOtherSide(written: string, defaultCountry: string): Peer {
  const text = toPlainAddress(written);
  if (text === STATUS_JID || isBroadcastListJid(text)) return { peer: text, phone: null, lid: null };
  return channelOf(written) ?? toPeer(written, undefined, defaultCountry);
}
