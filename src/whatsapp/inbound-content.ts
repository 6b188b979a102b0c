/** What arrives, as the history keeps it. Everything in it was chosen by the sender and is bounded in size. */
import type { InboundExtras, LocationContent, TextContent } from './content.ts';

/** Kinds of inbound content that come with a file. */
export type InboundMediaKind = 'image' | 'video' | 'audio' | 'document' | 'sticker';

/** A file as its sender describes it; what was really downloaded is told by `state` and `id`. */
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
  mediaKey: Uint8Array;
  /** of the plain file; null when the sender does not say */
  fileSha256: Uint8Array | null;
}

interface Captioned {
  media: InboundMedia;
  caption?: string;
}

interface SharedContact {
  name: string;
  /** digits; null when the card holds no number */
  phone: string | null;
  vcard: string;
}

type Body =
  | Omit<TextContent, 'quoted'>
  | ({ type: 'image' } & Captioned)
  /** `note`: a round video message; `gif`: plays by itself */
  | ({ type: 'video'; note?: boolean; gif?: boolean } & Captioned)
  /** `ptt`: a voice note */
  | { type: 'audio'; media: InboundMedia; ptt: boolean; seconds?: number }
  | ({ type: 'document'; filename: string } & Captioned)
  | { type: 'sticker'; media: InboundMedia; animated: boolean }
  | (Omit<LocationContent, 'quoted'> & { live?: boolean })
  /** the first card, and all of them when there are several */
  | ({ type: 'contact'; contacts?: SharedContact[] } & SharedContact)
  | { type: 'poll'; question: string; options: string[]; multiple: boolean }
  /** `options` is null while nobody but the voters can read the vote */
  | { type: 'poll_vote'; messageId: string; options: string[] | null }
  /** an empty `emoji` takes an earlier reaction back */
  | { type: 'reaction'; messageId: string; emoji: string }
  /** a tapped button or row; `selected` says which, `text` is what its sender's phone shows */
  | { type: 'reply'; text: string }
  /** an earlier message of the sender has this text (or caption) now */
  | { type: 'edit'; messageId: string; text: string }
  /** the sender took an earlier message back */
  | { type: 'delete'; messageId: string }
  /** a kind that is not read; `kind` is WhatsApp's own name of it */
  | { type: 'unsupported'; kind: string };

export type InboundContent = Body & InboundExtras & { viewOnce?: boolean };
