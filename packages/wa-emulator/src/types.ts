/** A time in ISO 8601, UTC, with milliseconds. */
type IsoTime = string;

/** The kinds a received message is listed as. */
type MessageType =
  | 'text'
  | 'image'
  | 'video'
  | 'audio'
  | 'ptt'
  | 'document'
  | 'sticker'
  | 'location'
  | 'contact'
  | 'poll'
  | 'event'
  | 'reaction'
  | 'pin'
  | 'album'
  | 'buttons'
  | 'list'
  | 'interactive'
  | 'edit'
  | 'revoke'
  | 'unknown'
  | 'undecryptable';

/** The content that a recipient read out of a decrypted message. */
export interface Content {
  type: MessageType;
  text?: string;
  /** The colour behind the text of a status post, as `#RRGGBB`. */
  background?: string;
  caption?: string;
  fileName?: string;
  mimetype?: string;
  /** Hex SHA-256 of the file as the recipient downloaded and decrypted it. */
  fileSha256?: string;
  /** Size in bytes of that file. */
  fileSize?: number;
  /** Pixels of a picture, film or sticker, as the message says. */
  width?: number;
  height?: number;
  /** Whole seconds of a sound or film, as the message says. */
  seconds?: number;
  pageCount?: number;
  /** Of a sticker. */
  isAnimated?: boolean;
  /** The preview that a phone shows before it has the file: a JPEG, base64. */
  thumbnail?: string;
  /** The 64 bars of a voice note, base64. */
  waveform?: string;
  /** Why the file could not be downloaded or did not match its hashes. */
  mediaError?: string;
  latitude?: number;
  longitude?: number;
  /** Of a location or of the first contact. */
  name?: string;
  address?: string;
  contacts?: Array<{ name: string; phones: string[]; vcard: string }>;
  title?: string;
  footer?: string;
  buttonText?: string;
  buttons?: Array<{ id: string; text: string; kind?: string; url?: string; code?: string; phone?: string }>;
  sections?: Array<{ title: string; rows: Array<{ id: string; title: string; description?: string }> }>;
  pollName?: string;
  options?: string[];
  selectableCount?: number;
  /** Of an event; times in ISO 8601. */
  event?: {
    name: string;
    description?: string;
    startsAt: IsoTime;
    endsAt?: IsoTime;
    place?: string;
    latitude?: number;
    longitude?: number;
    joinLink?: string;
  };
  reaction?: { messageId: string; emoji: string };
  /** Of a pin. */
  pinned?: boolean;
  /** How long it is pinned, seconds. */
  pinnedSeconds?: number;
  /** The message that an edit, a deletion or a pin is about. */
  targetId?: string;
  quotedId?: string;
  quotedText?: string;
  /** Seconds after which it disappears, as its sender says. */
  expiration?: number;
  /** JIDs of the people it names. */
  mentions?: string[];
  /** It names everyone in its group. */
  mentionAll?: true;
  /** It is marked as forwarded, so often. */
  forwardingScore?: number;
  /** It may be looked at once. */
  viewOnce?: true;
  /** Of a film: it plays by itself, as a GIF. */
  gif?: true;
  /** Of a film: a round video message. */
  note?: true;
  /** Of an image or a film: the message of the album that it is one of. */
  album?: string;
  /** Of an album: how many are to come. */
  images?: number;
  videos?: number;
  /** Of a text: what is shown of the page it links to; the thumbnail is a JPEG, base64. */
  preview?: { url: string; title: string; description: string; thumbnail: string };
}

/** One message as one recipient saw it. */
export interface Received extends Content {
  id: string;
  /** Phone number of the sender. */
  from: string;
  /** Phone number of the recipient (for a group: of this member), or the channel. */
  to: string;
  /** The group it was sent to, `…@g.us`, `status@broadcast`, or the channel. */
  group?: string;
  /** Stanzas with this id that reached the recipient, unreadable ones included. */
  copies: number;
  /** A further readable copy arrived; the phone dropped it and shows the message once. */
  duplicate?: true;
  /** Why the newest copy could not be read; absent once the message is readable. */
  decryptError?: string;
  /** Copies the recipient refused (a reused key, an unknown session …). */
  refused?: number;
  /** Retry receipts the recipient answered with. */
  retriesAsked?: number;
  /** The owner of a session has sent it from the phone. */
  byPhone?: true;
  /** The sender's own phone could read its copy of the message. */
  ownCopy?: boolean;
  at: IsoTime;
  deliveredAt?: IsoTime;
  readAt?: IsoTime;
}

/** A message stanza as the server saw it, whatever became of it. */
export interface Stanza {
  id: string;
  from: string;
  /** A phone number, or a group's JID. */
  to: string;
  at: IsoTime;
}

/** A message that a simulated person sent to a session. */
export interface Inbound {
  id: string;
  from: string;
  to: string;
  group?: string;
  kind: string;
  /** Its text or caption. */
  words?: string;
  at: IsoTime;
  /** Sent to the client this many times (again after a reconnect or on a retry receipt). */
  sends: number;
  /** The client confirmed it with a receipt. */
  receivedAt?: IsoTime;
  /** The client confirmed the stanza with an acknowledgement: it had no use for the message. */
  confirmedAt?: IsoTime;
  /** The client marked it read. */
  readAt?: IsoTime;
  /** Retry receipts of the client. */
  retries: number;
  /** The client gave it up with this error in its acknowledgement. */
  nack?: string;
}

/** Presence, typing, receipts and answers to calls that a client sent. */
export interface Activity {
  phone: string;
  kind: 'presence' | 'chatstate' | 'receipt' | 'call';
  /** `available`, `composing`, `read`, `inactive` … */
  type: string;
  to?: string;
  ids?: string[];
  at: IsoTime;
}

/** A linked device (what a gateway calls a session) as `/sessions` lists it. */
export interface SessionInfo {
  phone: string;
  device: number;
  jid: string;
  lid: string;
  name: string;
  /** the name under which the phone lists it */
  platform: string;
  /** the program as which the phone lists it: `CHROME`, `DESKTOP`, … */
  platformType: string;
  connected: boolean;
  pairedAt: IsoTime;
  connectedAt?: IsoTime;
  preKeys: number;
  /** Stanzas that wait for the client's acknowledgement. */
  pending: number;
}

/** A group as the control API shows it. */
export interface GroupInfo {
  /** `…@g.us` */
  id: string;
  subject: string;
  creator: string;
  participants: string[];
  createdAt: IsoTime;
  /** Those of the participants who may change it. */
  admins: string[];
  description: string;
  /** Only admins write. */
  announce: boolean;
  /** Only admins change subject, description and picture. */
  locked: boolean;
  /** Seconds after which messages disappear; 0: they stay. */
  ephemeral: number;
  /** Whoever joins by the link has to be let in. */
  joinApproval: boolean;
  /** Everybody may add people. */
  membersAdd: boolean;
  inviteCode: string;
  /** Those who have asked to be let in. */
  requests: string[];
}

/** How long things take; ranges are picked from evenly. */
export interface Delays {
  receiptDelayMs: [number, number];
  readDelayMs: [number, number];
  autoRead: boolean;
}
