/**
 * The phone's history as it comes at linking: who its chats are with. Messages are passed over without being decoded, and
 * the event loop turns in between, however large a piece is.
 */
import { createInflate } from 'node:zlib';
import { proto } from '@whiskeysockets/baileys';
import { yieldToEventLoop } from '../../db/event-loop.ts';
import { type Field, fieldsOf } from './wire-fields.ts';

/** A person as one piece of history tells of them. */
export interface HistoryPerson {
  /** as WhatsApp names the chat */
  jid: string;
  /** the other name of the same person */
  otherJid: string | null;
  name: string | null;
  pushName: string | null;
  hasChat: boolean;
  token: { bytes: Buffer; timestamp: number; senderTimestamp: number | null } | null;
}

/** Of one piece when it is unpacked. */
const MAX_PLAIN_BYTES = 64 * 1024 ** 2;
/** Reading goes on for this long before the event loop turns. */
const MAX_HOLD_MS = 8;
/** Fields of a chat that are passed over between two looks at the time. */
const PASSED_AT_ONCE = 100;
/** HistorySync.conversations, .pushnames and .phoneNumberToLidMappings: what tells of people. */
const CONVERSATIONS = 2;
const PEOPLE: ReadonlySet<number> = new Set([CONVERSATIONS, 7, 15]);
/**
 * Conversation.id, .name, .tcToken, .tcTokenTimestamp, .tcTokenSenderTimestamp, .displayName, .pnJid and .lidJid. Nearly all of
 * the bytes are its messages.
 */
const OF_CHAT: ReadonlySet<number> = new Set([1, 13, 21, 22, 28, 38, 39, 42]);
/** No name, address or token is as long: of one that is, nothing is read. */
const MAX_FIELD_BYTES = 4_096;

/** Unpacks a piece. Rejects for what is damaged or too large. */
export async function unpackHistory(
  packed: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Buffer> {
  const inflate = createInflate();
  const pieces: Buffer[] = [];
  let size = 0;
  const reading = (async () => {
    for await (const piece of inflate) {
      size += piece.length;
      if (size > MAX_PLAIN_BYTES) throw new Error('a piece of history is too large');
      pieces.push(piece);
    }
  })();
  const writing = (async () => {
    for await (const piece of packed) {
      if (inflate.destroyed) return;
      if (!inflate.write(piece)) await new Promise<void>((resolve) => void inflate.once('drain', resolve));
    }
    inflate.end();
  })();
  writing.catch((error: unknown) => inflate.destroy(error instanceof Error ? error : undefined));
  try {
    await reading;
    await writing;
  } finally {
    inflate.destroy();
  }
  return Buffer.concat(pieces);
}

/** Everybody in a piece, a few at a time. Throws for what is no history. */
export async function* readHistory(bytes: Buffer): AsyncGenerator<HistoryPerson[]> {
  let heldSince = performance.now();
  const isHeld = () => performance.now() - heldSince >= MAX_HOLD_MS;
  const turn = async () => {
    await yieldToEventLoop();
    heldSince = performance.now();
  };
  let batch: HistoryPerson[] = [];
  for (const field of fieldsOf(bytes)) {
    if (field.number === CONVERSATIONS) {
      const chat = new Map<number, Buffer>();
      let passed = 0;
      for (const inner of fieldsOf(insideOf(field))) {
        if (isWanted(inner, OF_CHAT)) chat.set(inner.number, wholeOf(inner));
        if (++passed % PASSED_AT_ONCE === 0 && isHeld()) await turn();
      }
      batch.push(...peopleIn(proto.HistorySync.decode(asChat([...chat.values()]))));
    } else if (isWanted(field, PEOPLE)) {
      batch.push(...peopleIn(proto.HistorySync.decode(wholeOf(field))));
    }
    if (!isHeld()) continue;
    if (batch.length > 0) yield batch;
    batch = [];
    await turn();
  }
  if (batch.length > 0) yield batch;
}

const insideOf = ({ bytes, valueStart, end }: Field): Buffer => bytes.subarray(valueStart, end);
const wholeOf = ({ bytes, start, end }: Field): Buffer => bytes.subarray(start, end);
const isWanted = ({ number, valueStart, end }: Field, wanted: ReadonlySet<number>): boolean =>
  wanted.has(number) && end - valueStart <= MAX_FIELD_BYTES;

function peopleIn({
  conversations,
  pushnames,
  phoneNumberToLidMappings,
}: proto.HistorySync): HistoryPerson[] {
  const none = { otherJid: null, name: null, pushName: null, hasChat: false, token: null };
  return [
    ...conversations.map((chat) => ({
      jid: chat.id ?? '',
      otherJid: chat.lidJid || chat.pnJid || null,
      name: chat.displayName || chat.name || null,
      pushName: null,
      hasChat: true,
      token: tokenOf(chat),
    })),
    ...pushnames.map(({ id, pushname }) => ({ ...none, jid: id ?? '', pushName: pushname || null })),
    ...phoneNumberToLidMappings.map(({ pnJid, lidJid }) => ({
      ...none,
      jid: pnJid ?? '',
      otherJid: lidJid || null,
    })),
  ];
}

function tokenOf(chat: proto.IConversation): HistoryPerson['token'] {
  const timestamp = Number(chat.tcTokenTimestamp ?? 0);
  if (!chat.tcToken?.length || timestamp <= 0) return null;
  const sent = Number(chat.tcTokenSenderTimestamp ?? 0);
  return { bytes: Buffer.from(chat.tcToken), timestamp, senderTimestamp: sent > 0 ? sent : null };
}

/** Fields of one conversation, as a whole message that holds nothing else. */
function asChat(fields: readonly Buffer[]): Buffer {
  const slim = Buffer.concat(fields);
  return Buffer.concat([Buffer.from([(CONVERSATIONS << 3) | 2]), varint(slim.length), slim]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}
