/** Real messages, changed at random and sent through the emulator: whatever comes, it is answered. */
import { proto } from '@whiskeysockets/baileys';
import { expect } from 'vitest';
import type { Emulator } from 'wa-emulator';
import { readPayload } from '../../src/whatsapp/baileys/read-payload.ts';
import { computedMs } from './computed.ts';
import { createRandom } from './random.ts';
import { until } from './until.ts';

const MAX_HOLD_MS = 50;
const PEOPLE = 12;
/** Stanzas on their way at one time. */
const IN_FLIGHT = 50;

const key = { remoteJid: '6281@s.whatsapp.net', fromMe: false, id: 'K1' };
const contextInfo = {
  stanzaId: 'Q1',
  participant: '628@s.whatsapp.net',
  quotedMessage: { conversation: 'before' },
  mentionedJid: ['6281@s.whatsapp.net', '12345@lid'],
  expiration: 86_400,
  isForwarded: true,
  forwardingScore: 3,
  externalAdReply: { title: 'ad', sourceUrl: 'https://example.com', ctwaClid: 'c' },
};
const file = {
  url: 'https://mmg.whatsapp.net/x',
  directPath: '/x',
  mediaKey: Buffer.alloc(32, 1),
  fileLength: 10,
};
/** A whole key of a group, for a chat that its author has written down. */
const groupKey = (groupId: string): proto.IMessage => {
  const fields = { id: 1, iteration: 0, chainKey: Buffer.alloc(32, 1), signingKey: Buffer.alloc(33, 5) };
  const bytes = proto.SenderKeyDistributionMessage.encode(fields).finish();
  const axolotlSenderKeyDistributionMessage = Buffer.concat([Buffer.from([0x33]), bytes]);
  return {
    conversation: 'x',
    senderKeyDistributionMessage: { groupId, axolotlSenderKeyDistributionMessage },
  };
};
const vcard = 'BEGIN:VCARD\nVERSION:3.0\nFN:Eve\nitem1.TEL;type=CELL;waid=628111:+62 811-1\nEND:VCARD';

/** One of each kind that is read, and of some that are not. */
const REAL: readonly proto.IMessage[] = [
  { conversation: 'hello 👋' },
  { extendedTextMessage: { text: 'hello', contextInfo } },
  { ephemeralMessage: { message: { imageMessage: { ...file, caption: 'c', contextInfo } } } },
  { viewOnceMessageV2: { message: { videoMessage: { ...file, seconds: 3 } } } },
  { documentWithCaptionMessage: { message: { documentMessage: { ...file, fileName: 'a/b.pdf' } } } },
  { audioMessage: { ...file, ptt: true, seconds: 2 } },
  { stickerMessage: { ...file, isAnimated: true } },
  { locationMessage: { degreesLatitude: -6.2, degreesLongitude: 106.8, name: 'n' } },
  {
    contactsArrayMessage: {
      contacts: [
        { displayName: 'a', vcard },
        { displayName: 'b', vcard },
      ],
    },
  },
  {
    pollCreationMessageV3: {
      name: 'q',
      options: [{ optionName: 'a' }, { optionName: 'b' }],
      selectableOptionsCount: 1,
    },
  },
  {
    pollUpdateMessage: {
      pollCreationMessageKey: key,
      vote: { encPayload: Buffer.alloc(40), encIv: Buffer.alloc(12) },
    },
  },
  { reactionMessage: { key, text: '👍' } },
  { protocolMessage: { key, type: 14, editedMessage: { conversation: 'new' } } },
  { protocolMessage: { type: 3, ephemeralExpiration: 86_400 } },
  {
    interactiveResponseMessage: {
      body: { text: 'x' },
      nativeFlowResponseMessage: { name: 'flow', paramsJson: '{"a":{"b":[1]}}' },
    },
  },
  { listMessage: { title: 't', sections: [{ title: 's', rows: [{ rowId: 'r', title: 'row' }] }] } },
  {
    interactiveMessage: {
      body: { text: 'b' },
      nativeFlowMessage: { buttons: [{ name: 'cta_url', buttonParamsJson: '{"url":"https://x"}' }] },
    },
  },
  {
    templateMessage: {
      hydratedTemplate: { hydratedContentText: 't', hydratedButtons: [{ urlButton: { url: 'x' } }] },
    },
  },
  { orderMessage: { orderId: 'o', itemCount: 2, totalAmount1000: 5_000, totalCurrencyCode: 'IDR' } },
  { productMessage: { product: { productId: 'p', title: 't', priceAmount1000: 1_000 } } },
  { eventMessage: { name: 'e', startTime: 1_790_000_000, contextInfo } },
  {
    senderKeyDistributionMessage: {
      groupId: 'g@g.us',
      axolotlSenderKeyDistributionMessage: Buffer.alloc(20),
    },
  },
  ...['g@g.us', 'status@broadcast', '628590000001@s.whatsapp.net', 'x', `${'1'.repeat(300)}@g.us`].map(
    groupKey,
  ),
];

/** All can be put into a stanza: an empty JID (`@`) cannot, by WhatsApp's own coding. */
const WORDS = [
  '',
  'abc',
  '-1',
  '99999999999999999999',
  'status@broadcast',
  'x@newsletter',
  '1@lid',
  '\uD800',
  '\0',
  'a'.repeat(3_000),
];
const ATTRIBUTES = [
  't',
  'notify',
  'type',
  'participant',
  'recipient',
  'from',
  'addressing_mode',
  'sender_lid',
  'offline',
  'category',
];

/**
 * Sends `count` changed messages to the session of `phone` and waits until each is answered. Fails when one is answered
 * with an error or is asked for again. `look` sees each of them before.
 */
export async function sendChanged(
  emulator: Emulator,
  phone: string,
  count: number,
  seed: number,
  look: (payload: Buffer) => void = () => undefined,
): Promise<void> {
  const random = createRandom(seed);
  const upTo = (max: number) => Math.floor(random() * max);
  const one = <T>(items: readonly T[]): T | undefined => items[upTo(items.length)];
  const waiting: string[] = [];
  /** those whose attributes are the usual ones */
  const plain = new Set<string>();

  for (let n = 0; n < count; n++) {
    const payload = changeBytes(proto.Message.encode(one(REAL) ?? {}).finish(), random);
    look(payload);
    const isOdd = random() < 0.15;
    // A category of one's own phone is believed: only the server can name it.
    const name = isOdd ? (one(ATTRIBUTES.slice(0, -1)) ?? 't') : null;
    const attributes =
      name === null
        ? {}
        : { attributes: { [name]: random() < 0.2 && name !== 'from' ? null : (one(WORDS) ?? '') } };
    // Attributes say who somebody is: those that were changed belong to other people.
    const from = `6285${String((isOdd ? 2_000_000 : 1_000_000) + upTo(PEOPLE))}`;
    const padded = random() < 0.02 ? payload : Buffer.concat([payload, Buffer.from([1])]);
    const { ids } = await emulator.deliver({
      to: phone,
      from,
      kind: 'raw',
      payload: padded.toString('base64'),
      ...attributes,
    });
    waiting.push(...ids);
    if (!isOdd) plain.add(ids[0] ?? '');
    if (waiting.length >= IN_FLIGHT || n === count - 1) {
      await untilAnswered(emulator, phone, waiting);
      for (const id of waiting.splice(0)) {
        const entry = emulator.inbound({ to: phone, id })[0];
        expect(entry?.nack, JSON.stringify(entry)).toBeUndefined();
        if (plain.has(id)) expect(entry?.retries, JSON.stringify(entry)).toBe(0);
      }
    }
  }
}

/** However long all of them take on a busy machine: each may take a minute. */
async function untilAnswered(emulator: Emulator, phone: string, ids: readonly string[]): Promise<void> {
  const count = () => ids.filter((id) => isAnswered(emulator, phone, id)).length;
  for (let answered = count(); answered < ids.length; answered = count()) {
    const before = answered;
    await until(() => count() > before, 60_000, 'an answer to one more message');
  }
}

function isAnswered(emulator: Emulator, to: string, id: string): boolean {
  const entry = emulator.inbound({ to, id })[0];
  return entry?.receivedAt !== undefined || entry?.confirmedAt !== undefined || entry?.nack !== undefined;
}

/** Fails for a message that takes more than 50 ms to read. */
export function expectQuickToRead(payload: Buffer): void {
  expect(holdMs(payload), `reading ${payload.toString('base64').slice(0, 2_000)}`).toBeLessThan(MAX_HOLD_MS);
}

/** How long it takes to read, and again when that was long: the first time, code is compiled. */
function holdMs(payload: Uint8Array): number {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 4 && least >= MAX_HOLD_MS / 2; tries++) {
    const from = computedMs();
    readPayload(payload, { isOwn: () => false, country: 'ID' });
    least = Math.min(least, computedMs() - from);
  }
  return least;
}

/** Bits, bytes and pieces: turned, put in, left out, repeated many times. */
function changeBytes(bytes: Uint8Array, random: () => number): Buffer {
  let changed: Buffer = Buffer.from(bytes);
  const upTo = (max: number) => Math.floor(random() * max);
  for (let changes = upTo(4); changes > 0 && changed.length > 0; changes--) {
    const [at, length] = [upTo(changed.length), 1 + upTo(8)];
    const [head, piece, tail] = [
      changed.subarray(0, at),
      changed.subarray(at, at + length),
      changed.subarray(at + length),
    ];
    const choice = upTo(5);
    if (choice === 0) changed[at] = upTo(256);
    if (choice === 1) changed = Buffer.concat([head, tail]);
    if (choice === 2) changed = Buffer.concat([head, piece, piece, tail]);
    if (choice === 3) changed = Buffer.from(head);
    if (choice === 4)
      changed = Buffer.concat([head, ...Array.from({ length: upTo(2_000) }, () => piece), tail]);
  }
  return changed;
}
