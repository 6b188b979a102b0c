/** An inbound message's content, as the history keeps it. Everything in it was chosen by the sender and is bounded in size. */
import type { Choice, ListSection, LocationContent, Quoted, Reply } from './content.ts';

/** Kinds of inbound content that come with a file. */
export type InboundMediaKind = 'image' | 'video' | 'audio' | 'document' | 'sticker';

/** A file as its sender describes it; what was really downloaded is shown by `state` and `id`. */
export interface InboundMedia {
  /** `pending` until it is in our storage; `failed` when it never will be */
  state: 'pending' | 'stored' | 'failed';
  mimetype: string;
  /** bytes; null when the sender does not say */
  size: number | null;
  /** hex of the file's SHA-256; null when the sender does not say */
  sha256: string | null;
  /** media.id, once it is stored */
  id?: string;
  /** why it failed: `too_large`, `gone`, `corrupt`, `unavailable` */
  error?: string;
}

/** Where and how to get a file. Its key is a secret: sealed at rest, in no answer and no log. */
export interface MediaSource {
  kind: InboundMediaKind;
  url: string | null;
  directPath: string | null;
  /** null: the file is not sealed, as those of channels */
  mediaKey: Uint8Array | null;
  /** of the plain file; null when the sender does not say */
  fileSha256: Uint8Array | null;
}

interface Captioned {
  media: InboundMedia;
  caption?: string;
}

export interface SharedContact {
  name: string;
  /** E.164 digits; null when the card holds no number that can be read */
  phone: string | null;
  /** without pictures, and at most a few KB of it */
  vcard: string;
}

/** A button as the sender's business offers it. */
export interface OfferedButton {
  text: string;
  /** what a tap answers with */
  id?: string;
  /** WhatsApp's own name of what it does: `quick_reply`, `cta_url`, `cta_copy` … */
  kind?: string;
  url?: string;
  /** a number to call, as it was written */
  phone?: string;
  /** a code to copy */
  code?: string;
}

interface Offer {
  title?: string;
  text: string;
  footer?: string;
  buttons: OfferedButton[];
}

export interface Price {
  /** in units of the currency */
  amount: number;
  /** ISO 4217; empty when the sender does not say */
  currency: string;
}

/** The advertisement, link or page by which the sender came, as WhatsApp tells it. */
export interface Referral {
  /** `ad`, `post` … */
  sourceType?: string;
  sourceId?: string;
  sourceUrl?: string;
  sourceApp?: string;
  title?: string;
  body?: string;
  mediaUrl?: string;
  thumbnailUrl?: string;
  /** the click's id at Meta, for its Conversions API */
  ctwaClid?: string;
  ref?: string;
  conversionSource?: string;
  entryPoint?: string;
  entryPointApp?: string;
}

/** Fields that every inbound message may carry in addition to its content. */
export interface InboundExtras {
  /** id of the message it answers */
  quotedId?: string;
  /** the same, with what the sender's phone shows of it */
  quoted?: Quoted;
  /** a button or row that was tapped, as the phone named it */
  selected?: Choice;
  /** what it chose of an earlier message that we sent; found when it is stored */
  reply?: Reply;
  /** canonical JIDs of the people it names (`@…` in its text) */
  mentions?: string[];
  /** it names everyone in its group */
  mentionAll?: boolean;
  forwarded?: boolean;
  /** how often it was forwarded; phones mark it from 5 on */
  forwardingScore?: number;
  referral?: Referral;
  /** seconds after which it disappears from its chat */
  expiration?: number;
  viewOnce?: boolean;
  /** it is one of an album: all of its images and videos name the same message, which is not stored */
  album?: string;
}

type Body =
  | { type: 'text'; text: string }
  | ({ type: 'image' } & Captioned)
  /** `note`: a round video message; `gif`: plays by itself */
  | ({ type: 'video'; note?: boolean; gif?: boolean } & Captioned)
  /** `ptt`: a voice note */
  | { type: 'audio'; media: InboundMedia; ptt: boolean; seconds?: number }
  | ({ type: 'document'; filename: string } & Captioned)
  | { type: 'sticker'; media: InboundMedia; animated: boolean }
  | (Omit<LocationContent, 'quoted' | 'forwarded' | 'forwardingScore'> & { live?: boolean })
  /** the first card, and all of them when there are several; `omitted`: how many more there were */
  | ({ type: 'contact'; contacts?: SharedContact[]; omitted?: number } & SharedContact)
  | { type: 'poll'; question: string; options: string[]; multiple: boolean }
  /** `options` is null while only the voters can read the vote */
  | { type: 'poll_vote'; messageId: string; options: string[] | null }
  /** `guests`: whom they bring along; `response` is null while it cannot be read */
  | { type: 'event_response'; messageId: string; response: EventAnswer | null; guests: number }
  /** a message of the chat was pinned for everybody, for so long, or is not any more */
  | { type: 'pin'; messageId: string; pinned: boolean; seconds?: number }
  /** an empty `emoji` takes an earlier reaction back */
  | { type: 'reaction'; messageId: string; emoji: string }
  /** a tapped button or row, or a form (`flow`); `selected` says which, `text` is what its sender's phone shows */
  | { type: 'reply'; text: string; flow?: { name: string; params: Record<string, unknown> } }
  /** what a business offers: its own buttons, a template, native buttons (`cards`: one after the other) */
  | ({ type: 'buttons' } & Offer)
  | ({ type: 'template' } & Offer)
  | ({ type: 'interactive'; cards?: Offer[] } & Offer)
  | {
      type: 'list';
      title?: string;
      text: string;
      footer?: string;
      buttonText: string;
      sections: ListSection[];
    }
  | {
      type: 'product';
      productId: string;
      title: string;
      description?: string;
      price?: Price;
      salePrice?: Price;
      retailerId?: string;
      url?: string;
      text?: string;
      footer?: string;
    }
  | { type: 'order'; orderId: string; title?: string; text?: string; items: number; total?: Price }
  /** times in ISO 8601 */
  | {
      type: 'event';
      name: string;
      description?: string;
      startsAt?: string;
      endsAt?: string;
      place?: string;
      /** of the place */
      latitude?: number;
      longitude?: number;
      joinLink?: string;
      canceled?: boolean;
    }
  /** an earlier message of the sender has this text (or caption) now */
  | { type: 'edit'; messageId: string; text: string }
  /** the sender took an earlier message back */
  | { type: 'delete'; messageId: string }
  /** a kind that is not read; `kind` is WhatsApp's own name of it */
  | { type: 'unsupported'; kind: string }
  /**
   * a message that came, and what is in it cannot be had: `malformed`, `too_large`, `too_slow` to read, `unstorable`
   * (the database refuses it for good), or `phone_only` (WhatsApp shows it on phones alone)
   */
  | { type: 'unknown'; reason: UnknownReason }
  /**
   * a message that cannot be opened yet; it is replaced when it comes again. `keys`: its sender was asked to seal it
   * again. `absent`: WhatsApp has told that there is one and not what, and our phone was asked for it
   */
  | { type: 'undecryptable'; reason: UndecryptableReason };

/** What people answer to an event. */
export const EVENT_ANSWERS = ['going', 'maybe', 'not_going'] as const;
export type EventAnswer = (typeof EVENT_ANSWERS)[number];

export type UnknownReason = 'malformed' | 'too_large' | 'too_slow' | 'unstorable' | 'phone_only';
export type UndecryptableReason = 'keys' | 'absent';

export type InboundContent = Body & InboundExtras;
