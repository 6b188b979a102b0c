import { deflateSync } from 'node:zlib';
import { proto } from '@whiskeysockets/baileys';
import { lidJid, lidOf, pnJid } from './jids.ts';
import { uploadMedia } from './media-read.ts';
import { unixSeconds } from './nodes.ts';
import type { World } from './world.ts';

const { HistorySyncType } = proto.HistorySync;

/** A chat that a phone had before a device was linked. */
export interface PastChat {
  phone: string;
  /** As the phone's address book has it. */
  name?: string | undefined;
  /** The bytes of the privacy token that this person gave, in hex. */
  token?: string | undefined;
  /** The chat is under the person's LID; under the number when false. */
  byLid?: boolean | undefined;
  /** Old messages in it. */
  messages?: number | undefined;
}

/** The history that a phone gives a device that links it. */
export interface PhoneHistory {
  phone: string;
  chats: PastChat[];
  /** Pieces inside of messages, the first of them the bootstrap; 1 unless told otherwise. */
  inline?: number | undefined;
  /** Pieces as files that are to be downloaded, after those; 0 unless told otherwise. */
  files?: number | undefined;
  /** Names that people gave themselves, by phone, in a piece of their own. */
  pushNames?: Record<string, string> | undefined;
}

/** The notifications of that history, in the order that a phone sends them. A phone without one has an empty one. */
export async function notificationsOf(
  world: World,
  phone: string,
): Promise<proto.Message.IHistorySyncNotification[]> {
  const { chats = [], inline = 1, files = 0, pushNames } = world.histories.get(phone) ?? {};
  const pieces = inline + files;
  const made: proto.Message.IHistorySyncNotification[] = [];
  for (let piece = 0; piece < pieces; piece += 1) {
    const syncType = piece === 0 ? HistorySyncType.INITIAL_BOOTSTRAP : HistorySyncType.RECENT;
    const own = chats.filter((_chat, at) => at % pieces === piece);
    const history = { syncType, conversations: own.map((chat) => conversationOf(phone, chat)) };
    const progress = Math.floor((100 * (piece + 1)) / pieces);
    made.push(await notify(world, { ...history, progress, chunkOrder: piece + 1 }, piece >= inline));
  }
  if (inline === 1 && files === 0) {
    made.push(await notify(world, { syncType: HistorySyncType.RECENT, progress: 100, chunkOrder: 1 }, false));
  }
  if (pushNames) {
    const pushnames = Object.entries(pushNames).map(([one, pushname]) => ({ id: pnJid(one), pushname }));
    made.push(await notify(world, { syncType: HistorySyncType.PUSH_NAME, pushnames }, false));
  }
  return made;
}

function conversationOf(owner: string, chat: PastChat): proto.IConversation {
  const [pn, lid] = [pnJid(chat.phone), lidJid(chat.phone)];
  const at = Number(unixSeconds());
  return {
    id: chat.byLid ? lid : pn,
    ...(chat.byLid ? { pnJid: pn } : { lidJid: lid }),
    ...(chat.name === undefined ? {} : { name: chat.name }),
    conversationTimestamp: at,
    ...(chat.token === undefined ? {} : { tcToken: Buffer.from(chat.token, 'hex'), tcTokenTimestamp: at }),
    messages: Array.from({ length: chat.messages ?? 0 }, (_none, n) => ({
      message: {
        key: { id: `${lidOf(owner)}-${n}`, remoteJid: pn, fromMe: n % 2 === 0 },
        message: { conversation: `an old message, the ${n}th ${'of many '.repeat(20)}` },
        messageTimestamp: at - n,
      },
    })),
  };
}

async function notify(
  world: World,
  history: proto.IHistorySync & { syncType: proto.HistorySync.HistorySyncType },
  asFile: boolean,
): Promise<proto.Message.IHistorySyncNotification> {
  const { syncType, progress = 100, chunkOrder = 1 } = history;
  const packed = deflateSync(proto.HistorySync.encode(history).finish());
  const common = { syncType, progress, chunkOrder };
  if (!asFile) return { ...common, initialHistBootstrapInlinePayload: packed };
  const { url: _url, ...file } = await uploadMedia(world, packed, 'md-msg-hist');
  return { ...common, ...file };
}
