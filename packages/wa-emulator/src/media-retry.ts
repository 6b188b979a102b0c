/** Files that the server has no more, and what the phone answers when a device asks for one again. */
import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { type BinaryNode, proto } from '@whiskeysockets/baileys';
import { ControlError } from './control-error.ts';
import type { Device } from './devices.ts';
import { pnJid } from './jids.ts';
import { child, node, unixSeconds } from './nodes.ts';
import type { World } from './world.ts';

const MAX_FILES = 2_000;
const { ResultType } = proto.MediaRetryNotification;

/** What the phone does when it is asked: `has` puts the file there again, `error` refuses without a word why. */
export const PHONE_ANSWERS = ['has', 'not_found', 'error', 'silent'] as const;
export type PhoneAnswer = (typeof PHONE_ANSWERS)[number];

/** The file of a message that came in. */
export interface SentFile {
  directPath: string;
  mediaKey: Uint8Array;
  answer: PhoneAnswer;
}

/** Remembers the file of a message, if it has one. */
export function rememberFile(world: World, id: string, message: proto.IMessage): void {
  const { imageMessage, videoMessage, audioMessage, documentMessage, stickerMessage } = message;
  const file = imageMessage ?? videoMessage ?? audioMessage ?? documentMessage ?? stickerMessage;
  if (!file?.directPath || !file.mediaKey) return;
  const [oldest] = world.sentFiles.keys();
  if (world.sentFiles.size >= MAX_FILES && oldest !== undefined) world.sentFiles.delete(oldest);
  world.sentFiles.set(id, { directPath: file.directPath, mediaKey: file.mediaKey, answer: 'has' });
}

/** The media server forgets the file of a message. Throws a ControlError when there is none. */
export function expireFile(
  world: World,
  { id, phone }: { id: string; phone?: PhoneAnswer | undefined },
): void {
  const file = world.sentFiles.get(id);
  if (!file) throw new ControlError(404, `id: no message ${id} has a file`);
  world.media.expire(file.directPath);
  file.answer = phone ?? 'has';
}

/** A device asks its phone to put a file there again. */
export async function takeFileRequest(world: World, device: Device, stanza: BinaryNode): Promise<void> {
  const id = stanza.attrs.id ?? '';
  const file = world.sentFiles.get(id);
  if (file?.answer === 'silent') return;
  const rmr = node('rmr', { ...child(stanza, 'rmr')?.attrs });
  if (file?.answer === 'error') return tell(world, device, id, [node('error', { code: '0' }), rmr]);
  const again = file?.answer === 'has' ? await world.media.restore(file.directPath) : undefined;
  const answer = again
    ? { stanzaId: id, directPath: again.directPath, result: ResultType.SUCCESS }
    : { stanzaId: id, result: ResultType.NOT_FOUND };
  if (!file) return tell(world, device, id, [node('error', { code: '2' }), rmr]);
  tell(world, device, id, [seal(file.mediaKey, id, answer), rmr]);
}

function seal(mediaKey: Uint8Array, id: string, answer: proto.IMediaRetryNotification): BinaryNode {
  const key = Buffer.from(
    hkdfSync('sha256', mediaKey, Buffer.alloc(0), 'WhatsApp Media Retry Notification', 32),
  );
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(id));
  const plain = proto.MediaRetryNotification.encode(answer).finish();
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return node('encrypt', {}, [node('enc_p', {}, sealed), node('enc_iv', {}, iv)]);
}

function tell(world: World, device: Device, id: string, content: BinaryNode[]): void {
  const head = { id, from: pnJid(device.phone), type: 'mediaretry', t: unixSeconds() };
  world.outboxes.of(device).push({
    class: 'notification',
    id,
    from: device.phone,
    type: 'mediaretry',
    node: node('notification', head, content),
  });
}
