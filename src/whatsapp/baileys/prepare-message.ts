/** A message made ready to leave: its recipient found, its file uploaded, its content encoded. */
import { type AuthenticationCreds, proto } from '@whiskeysockets/baileys';
import { hasMedia, type Outgoing } from '../content.ts';
import type { ChatSetting, Recipient } from '../engine.ts';
import { canonicalJid, isChannelJid, isGroupJid, parseJid } from '../jid.ts';
import { type EncodedContent, encodeContent } from './encode.ts';
import type { Link } from './link-types.ts';
import { nativeHashes } from './native-hash.ts';
import { ownJid, type Prepared, prepareRecipient, type Ready } from './prepare.ts';
import { MediaGoneError, type UploadedMedia } from './uploads.ts';

type ReadyMessage = Ready & { encoded: EncodedContent };

/** The content cannot be made into a message: no attempt will change that. */
export class EncodeError extends Error {
  override name = 'EncodeError';
}

/** Rejects when a query or the upload fails (another attempt may work), or with MediaGoneError or EncodeError. */
export async function prepareMessage(
  link: Link,
  to: Recipient,
  content: Outgoing,
  messageId: string,
): Promise<ReadyMessage | Exclude<Prepared, Ready>> {
  const prepared = await prepareRecipient(link, to, content);
  if (prepared.kind !== 'ready') return prepared;
  const uploaded = await uploadOf(link, prepared.jid, content);
  const chat = await settingOf(link, prepared.jid, [to.jid]);
  try {
    const encoded = encodeFor(link, prepared.jid, content, messageId, uploaded, chat);
    // Baileys would stumble over the same in the middle of its relay.
    proto.Message.encode(proto.Message.create(encoded.message));
    return { ...prepared, encoded };
  } catch (error) {
    throw new EncodeError('the content cannot be encoded', { cause: error });
  }
}

/**
 * The message once more, for a recipient whose phone asks for it; undefined when its file is gone or it cannot be encoded
 * any more. Rejects when another attempt may work.
 */
export async function encodeAgain(
  link: Link,
  target: string,
  content: Outgoing,
  messageId: string,
): Promise<proto.IMessage | undefined> {
  const chat = await settingOf(link, target, []);
  let uploaded: UploadedMedia | null;
  try {
    uploaded = await uploadOf(link, target, content);
  } catch (error) {
    if (error instanceof MediaGoneError) return undefined;
    throw error;
  }
  try {
    return encodeFor(link, target, content, messageId, uploaded, chat).message;
  } catch {
    return undefined;
  }
}

/** Everybody may follow a channel: its files are not sealed. */
async function uploadOf(link: Link, target: string, content: Outgoing): Promise<UploadedMedia | null> {
  if (!hasMedia(content)) return null;
  const file = { kind: content.type, media: content.media, plain: isChannelJid(target) };
  return link.uploads.get(link.account, link, file);
}

function encodeFor(
  link: Link,
  target: string,
  content: Outgoing,
  messageId: string,
  uploaded: UploadedMedia | null,
  chat: ChatSetting | null,
): EncodedContent {
  const asLid = isGroupJid(target)
    ? link.groups.get(target)?.addressingMode !== 'pn'
    : parseJid(target)?.kind === 'lid';
  const me = ownJid(link.sock, asLid);
  const encoded = encodeContent(content, {
    target,
    me,
    uploaded,
    secret: secretOf(link.sock.authState.creds, messageId),
    chat,
  });
  const handle = uploaded?.handle;
  return handle === undefined ? encoded : { ...encoded, additionalAttributes: { media_id: handle } };
}

/** How the chat is set that a message goes to: a group says it itself, of others we know what their messages told. */
async function settingOf(
  { sock, groups, chats }: Link,
  target: string,
  others: readonly string[],
): Promise<ChatSetting | null> {
  if (isChannelJid(target)) return null;
  const duration = groups.get(target)?.ephemeralDuration;
  if (duration) return { expiration: duration, setAt: null };
  if (isGroupJid(target)) return chats.find([target]);
  const { lidMapping } = sock.signalRepository;
  const known = parseJid(target)?.kind === 'lid' ? await lidMapping.getPNForLID(target) : null;
  const names = [known, target, ...others].flatMap((jid) => (jid ? [canonicalJid(jid)] : []));
  return chats.find([...new Set(names)]);
}

type IdentityKey = Pick<AuthenticationCreds, 'signedIdentityKey'>;

/** Made from the session's own key and not kept anywhere: the same for every attempt, known only here. */
export function secretOf({ signedIdentityKey }: IdentityKey, messageId: string): Uint8Array {
  const key = Buffer.from(signedIdentityKey.private);
  return nativeHashes.calculateMAC(key, Buffer.from(`message secret${messageId}`));
}
