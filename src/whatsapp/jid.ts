/** WhatsApp addresses. Phones and LIDs are bare digits in our data; a JID adds the server they live on. */

export interface ParsedJid {
  /** the digits (or the group's number) before the `@`, without the device */
  user: string;
  kind: 'phone' | 'lid' | 'group' | 'other';
  /** 0 is the phone itself */
  device: number;
}

const PHONE_SERVERS = new Set(['s.whatsapp.net', 'c.us', 'hosted']);
const LID_SERVERS = new Set(['lid', 'hosted.lid']);

/** Takes `user[_agent][:device]@server` apart; null for what is no JID. */
export function parseJid(jid: string | null | undefined): ParsedJid | null {
  const match = /^([^@:_]+)(?:_\d+)?(?::(\d+))?@(.+)$/.exec(jid ?? '');
  const [, user, device, server] = match ?? [];
  if (user === undefined || server === undefined) return null;
  return { user, kind: kindOf(server), device: Number(device ?? 0) };
}

function kindOf(server: string): ParsedJid['kind'] {
  if (PHONE_SERVERS.has(server)) return 'phone';
  if (LID_SERVERS.has(server)) return 'lid';
  return server === 'g.us' ? 'group' : 'other';
}

/** An address with its server in small letters, as WhatsApp writes it; every other text as it is. */
export function withPlainServer(text: string): string {
  return text.replace(/@[a-z.]{1,30}$/i, (server) => server.toLowerCase());
}

/** `628…@s.whatsapp.net` from E.164 digits. */
export function phoneJid(phone: string): string {
  return `${phone}@s.whatsapp.net`;
}

/** `…@lid` from a LID's digits; a LID that is a JID already stays one. */
export function lidJid(lid: string): string {
  return `${lid.split('@')[0]?.split(':')[0]}@lid`;
}

/** Every address that a person goes by, of the digits that are known; the phone's first. */
export function jidsOf({ phone, lid }: { phone: string | null; lid: string | null }): string[] {
  return [...(phone === null ? [] : [phoneJid(phone)]), ...(lid === null ? [] : [lidJid(lid)])];
}

/** The address without its device and in one spelling; what is no user or group comes back unchanged. */
export function canonicalJid(jid: string): string {
  const parsed = parseJid(jid);
  if (parsed?.kind === 'phone') return phoneJid(parsed.user);
  if (parsed?.kind === 'lid') return lidJid(parsed.user);
  return jid;
}

/** E.164 digits of a phone's JID; null for every other address. */
export function phoneOf(jid: string | null | undefined): string | null {
  const parsed = parseJid(jid);
  return parsed?.kind === 'phone' ? parsed.user : null;
}

/** Digits of a LID's JID; null for every other address. */
export function lidOf(jid: string | null | undefined): string | null {
  const parsed = parseJid(jid);
  return parsed?.kind === 'lid' ? parsed.user : null;
}

export function isGroupJid(jid: string | null | undefined): boolean {
  return parseJid(jid)?.kind === 'group';
}

/** Where status posts (stories) go: one chat for all who are to see them. */
export const STATUS_JID = 'status@broadcast';

/** How the address of a channel (WhatsApp's newsletters) ends. */
export const CHANNEL_SERVER = '@newsletter';
const CHANNEL = /^\d{5,25}@newsletter$/;

/** Whether this is the address of a channel. */
export function isChannelJid(jid: string): boolean {
  return CHANNEL.test(jid);
}

const BROADCAST_LIST = /^\d{1,30}@broadcast$/;

/**
 * Whether this is a list of people to whom its owner writes at once. Whoever gets such a message sees it in the chat with
 * its author, as whatsmeow has it (`types.MessageSource.IsIncomingBroadcast`); to its owner the list is the place of it.
 */
export function isBroadcastListJid(jid: string): boolean {
  return BROADCAST_LIST.test(jid);
}

/** A place where posts go one way, so that it is no conversation: the status, a channel, or a list of people. */
export function isPostedJid(jid: string): boolean {
  return jid === STATUS_JID || isChannelJid(jid) || isBroadcastListJid(jid);
}

/** A chat of no single person: a group, or a place of posts. */
export function isSharedJid(jid: string): boolean {
  return isPostedJid(jid) || isGroupJid(jid);
}
