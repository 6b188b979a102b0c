/** The context of a message: what it answers, whom it names, where it comes from, how long it stays. */
import type { proto } from '@whiskeysockets/baileys';
import type { InboundExtras, Referral } from '../inbound-content.ts';
import { canonicalJid, parseJid } from '../jid.ts';
import { clip, MAX_URL, optionalText, positive, SHORT } from './decode-text.ts';

/** People that one message names; a group has up to 1,024 members. */
const MAX_MENTIONS = 100;
/** Characters of what is answered; phones show the first line or two. */
const MAX_PREVIEW = 300;
const MAX_JID = 80;
/** Above it nothing is a time: a year has 31,536,000 seconds, and phones offer 90 days. */
const MAX_EXPIRATION_S = 10 * 365 * 86_400;

export interface ContextOptions {
  /** whether a user JID is our own */
  isOwn: (jid: string) => boolean;
  /** one line that tells what a message says; null when it says nothing */
  preview: (message: proto.IMessage) => string | null;
}

/** Everything that is known of it, in the names that the history uses. */
export function decodeContext(info: proto.IContextInfo | null, options: ContextOptions): InboundExtras {
  if (!info) return {};
  const mentions = mentionsOf(info.mentionedJid);
  const score = positive(info.forwardingScore);
  const expiration = expirationOf(info.expiration);
  const referral = referralOf(info);
  return {
    ...quotedOf(info, options),
    ...(mentions.length > 0 ? { mentions } : {}),
    ...(info.nonJidMentions ? { mentionAll: true } : {}),
    ...(info.isForwarded || score !== null ? { forwarded: true } : {}),
    ...(score === null ? {} : { forwardingScore: score }),
    ...(referral === null ? {} : { referral }),
    ...(expiration ? { expiration } : {}),
  };
}

/** Seconds after which messages of a chat disappear, 0 for never; null when that is not said. */
export function expirationOf(value: unknown): number | null {
  const seconds = value === null || value === undefined ? Number.NaN : Number(value);
  return Number.isSafeInteger(seconds) && seconds >= 0 && seconds <= MAX_EXPIRATION_S ? seconds : null;
}

function quotedOf(info: proto.IContextInfo, { isOwn, preview }: ContextOptions): InboundExtras {
  const messageId = clip(info.stanzaId, SHORT);
  if (messageId === '') return {};
  if (!info.quotedMessage) return { quotedId: messageId };
  const author = userJidOf(info.participant);
  const fromMe = author !== null && isOwn(author);
  const shown = clip(preview(info.quotedMessage), MAX_PREVIEW);
  return {
    quotedId: messageId,
    quoted: { messageId, fromMe, author: fromMe ? null : author, preview: shown },
  };
}

function userJidOf(jid: string | null | undefined): string | null {
  if (typeof jid !== 'string' || jid.length > MAX_JID) return null;
  const kind = parseJid(jid)?.kind;
  return kind === 'phone' || kind === 'lid' ? clip(canonicalJid(jid), MAX_JID) : null;
}

function mentionsOf(jids: readonly string[] | null | undefined): string[] {
  const named = (jids ?? []).slice(0, MAX_MENTIONS).flatMap((jid) => userJidOf(jid) ?? []);
  return [...new Set(named)];
}

/** The advertisement or link that the sender came by: WhatsApp adds it to the first message of such a chat. */
function referralOf(info: proto.IContextInfo): Referral | null {
  const ad = info.externalAdReply;
  const referral: Referral = {
    ...optionalText('sourceType', ad?.sourceType, SHORT),
    ...optionalText('sourceId', ad?.sourceId, SHORT),
    ...optionalText('sourceUrl', ad?.sourceUrl, MAX_URL),
    ...optionalText('sourceApp', ad?.sourceApp, SHORT),
    ...optionalText('title', ad?.title, SHORT),
    ...optionalText('body', ad?.body, MAX_URL),
    ...optionalText('mediaUrl', ad?.mediaUrl, MAX_URL),
    ...optionalText('thumbnailUrl', ad?.thumbnailUrl ?? ad?.originalImageUrl, MAX_URL),
    ...optionalText('ctwaClid', ad?.ctwaClid, 1_024),
    ...optionalText('ref', ad?.ref, 1_024),
    ...optionalText('conversionSource', info.conversionSource, SHORT),
    ...optionalText('entryPoint', info.entryPointConversionSource, SHORT),
    ...optionalText('entryPointApp', info.entryPointConversionApp, SHORT),
  };
  return Object.keys(referral).length > 0 ? referral : null;
}
