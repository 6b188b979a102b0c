/** The content of a message, as the history keeps it and as an engine sends it. */

/** One of our files: an engine gets its bytes from the gateway by `id`, never by a path or a URL. */
export interface MediaFile {
  /** media.id */
  id: string;
  /** as the bytes say, not the name */
  mimetype: string;
  /** bytes */
  size: number;
  /** hex */
  sha256: string;
}

/** Details that a message tells of its file in addition to its type; unknown ones are missing. */
export interface MediaDetails {
  /** pixels, as it is shown */
  width?: number;
  height?: number;
  /** whole seconds of a sound or a film */
  seconds?: number;
  /** pages of a PDF */
  pages?: number;
  /** a picture that moves */
  animated?: boolean;
  /** a small JPEG, base64 */
  thumbnail?: string;
  /** how loud a sound is from beginning to end: 64 bytes from 0 to 100, base64 */
  waveform?: string;
}

/** Names a message that an answer or a reaction is about. */
export interface MessageKey {
  messageId: string;
  /** ours */
  fromMe: boolean;
  /** canonical JID of who wrote it; null when it is ours */
  author: string | null;
}

export interface Quoted extends MessageKey {
  /** what the recipient's phone shows of it in the answer */
  preview: string;
}

interface InContext {
  quoted?: Quoted;
  forwarded?: true;
  /** how often it was forwarded; phones mark it from 5 on */
  forwardingScore?: number;
}

interface Naming {
  /** canonical JIDs of the people whom its text names (`@` and the digits of the JID) */
  mentions?: string[];
  /** it is for everyone in its group */
  mentionAll?: true;
}

interface Once {
  /** it may be looked at, or listened to, once */
  viewOnce?: true;
}

interface InAlbum {
  /** messageId of the head of its album, which is sent before it */
  album?: string;
}

/** What phones show of a page that a text links to. */
export interface LinkPreview {
  /** as the text writes it */
  url: string;
  title: string;
  description?: string;
  /** a small JPEG, base64 */
  thumbnail?: string;
}

/** What a post to the status (story) has in addition to its content. */
export interface StatusPost {
  /** canonical JIDs of the people who are to see it */
  recipients: string[];
  /** behind a text, as `#RRGGBB` */
  background?: string;
}

interface Posting {
  status?: StatusPost;
}

export interface TextContent extends InContext, Naming, Posting {
  type: 'text';
  text: string;
  preview?: LinkPreview;
}

export interface ImageContent extends InContext, Naming, Once, Posting, InAlbum {
  type: 'image';
  media: MediaFile;
  caption?: string;
}

export interface VideoContent extends InContext, Naming, Once, Posting, InAlbum {
  type: 'video';
  media: MediaFile;
  caption?: string;
  /** it plays by itself, again and again, without sound */
  gif?: true;
  /** a round video message; it has no caption */
  note?: true;
}

export interface AudioContent extends InContext, Once {
  type: 'audio';
  media: MediaFile;
  /** a voice note */
  ptt: boolean;
  /** whole seconds, when the file says so */
  seconds?: number;
}

export interface DocumentContent extends InContext, Naming {
  type: 'document';
  media: MediaFile;
  filename: string;
  caption?: string;
}

export interface StickerContent extends InContext {
  type: 'sticker';
  media: MediaFile;
}

export interface LocationContent extends InContext {
  type: 'location';
  latitude: number;
  longitude: number;
  name?: string;
  address?: string;
}

/** `native`: as WhatsApp's own buttons or list. `text`: a numbered text that every phone shows. */
export type Rendering = 'native' | 'text';

export interface Choice {
  id: string;
  text: string;
}

/** A tap answers with `id`, opens `url`, calls `phone` or copies `code`: it has one of them. */
export interface OfferButton {
  text: string;
  id?: string;
  url?: string;
  /** E.164 digits */
  phone?: string;
  code?: string;
}

export interface ButtonsContent extends InContext {
  type: 'buttons';
  text: string;
  footer?: string;
  buttons: OfferButton[];
  rendering: Rendering;
}

export interface ListRow {
  id: string;
  title: string;
  description?: string;
}

export interface ListSection {
  title?: string;
  rows: ListRow[];
}

export interface ListContent extends InContext {
  type: 'list';
  text: string;
  title?: string;
  footer?: string;
  buttonText: string;
  sections: ListSection[];
  rendering: Rendering;
}

export interface ContactCard {
  name: string;
  /** E.164 digits */
  phone: string;
}

/** The first card, and all of them when there are several. */
export interface ContactContent extends InContext, ContactCard {
  type: 'contact';
  contacts?: ContactCard[];
}

export interface PollContent extends InContext {
  type: 'poll';
  question: string;
  options: string[];
  /** more than one option may be chosen */
  multiple: boolean;
}

/** Times in ISO 8601. */
export interface EventContent extends InContext {
  type: 'event';
  name: string;
  description?: string;
  startsAt: string;
  endsAt?: string;
  place?: string;
  latitude?: number;
  longitude?: number;
  /** where it takes place online */
  joinLink?: string;
}

export interface ReactionContent {
  type: 'reaction';
  target: MessageKey;
  /** empty: takes an earlier reaction back */
  emoji: string;
  /** epoch milliseconds */
  at: number;
}

export type MediaContent = ImageContent | VideoContent | AudioContent | DocumentContent | StickerContent;
export type Content =
  | TextContent
  | MediaContent
  | LocationContent
  | ButtonsContent
  | ListContent
  | ContactContent
  | PollContent
  | EventContent
  | ReactionContent;
export type ContentType = Content['type'];

/** The head of an album: phones show the images and videos that name it as one message. */
export interface AlbumContent {
  type: 'album';
  /** how many are to come */
  images: number;
  videos: number;
}

/** Changes the text, or the caption, of our message, for everyone; whom it names stays. */
export interface EditContent extends Naming, Pick<InContext, 'quoted'> {
  type: 'edit';
  messageId: string;
  text: string;
  /** what that message is */
  of: 'text' | 'image' | 'video' | 'document';
  /** of the page that the text still links to */
  preview?: LinkPreview;
  /** epoch milliseconds */
  at: number;
}

/** Deletes our message, for everyone. */
export interface DeleteContent extends Posting {
  type: 'delete';
  messageId: string;
}

/** Pins a message of the chat for everybody in it, or ends that. */
export interface PinContent {
  type: 'pin';
  messageId: string;
  fromMe: boolean;
  /** who wrote it inside a group */
  author: string | null;
  pinned: boolean;
  /** how long; 0 of one that ends */
  seconds: number;
  /** epoch milliseconds */
  at: number;
}

export type AmendContent = EditContent | DeleteContent;
/** Everything that an engine sends: contents, the heads of albums, and what changes or marks those that were sent. */
export type Outgoing = Content | AlbumContent | AmendContent | PinContent;

/** Every type once, in the order of the documents; the compiler finds one that is missing. */
const TYPES: Record<ContentType, true> = {
  text: true,
  image: true,
  video: true,
  audio: true,
  document: true,
  location: true,
  buttons: true,
  list: true,
  contact: true,
  poll: true,
  event: true,
  sticker: true,
  reaction: true,
};
export const CONTENT_TYPES: readonly ContentType[] = typesOf(TYPES);

/** Safe because a record has no other names than its type says. */
function typesOf(types: Record<ContentType, true>): ContentType[] {
  return Object.keys(types) as ContentType[];
}

/** The choice among buttons or rows that were sent. */
export interface Reply {
  /** the message that offered the choice */
  messageId: string;
  /** of the button or row */
  id: string;
  text: string;
}

/** True for content that comes with a file. */
export function hasMedia(content: Outgoing): content is MediaContent {
  return 'media' in content;
}
