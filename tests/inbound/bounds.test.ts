import { proto } from '@whiskeysockets/baileys';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanFileName } from '../../src/utils/text.ts';
import { decodeMessage } from '../../src/whatsapp/baileys/decode.ts';
import { MAX_PAYLOAD_BYTES, readPayload, withinTime } from '../../src/whatsapp/baileys/read-payload.ts';
import type { InboundContent } from '../../src/whatsapp/inbound-content.ts';

const OPTIONS = { isOwn: () => false, country: 'ID' };
/** Far above what reading takes, far below what a pattern that is not linear took: 2 s for one such card. */
const MAX_MS = 500;

const read = (message: proto.IMessage, group?: string) =>
  readPayload(proto.Message.encode(message).finish(), { ...OPTIONS, group });
const contentOf = (message: proto.IMessage) => read(message).decoded?.content;

/** The least of three times, so that a busy machine does not count. */
function bestOf3(work: () => unknown): number {
  const times = [1, 2, 3].map(() => {
    const from = performance.now();
    work();
    return performance.now() - from;
  });
  return Math.min(...times);
}

describe('a message that was made to be slow', () => {
  const many = (text: string, length: number) => text.repeat(length / text.length);
  const card = (vcard: string) => ({ displayName: 'x', vcard });
  const worst: [string, proto.IMessage][] = [
    ['a card of line ends', { contactMessage: card(many('TEL\r', 64_000)) }],
    ['a card of semicolons', { contactMessage: card(many('TEL;waid=', 63_000)) }],
    ['a card of folded lines', { contactMessage: card(many('\n ', 64_000)) }],
    ['a card of numbers', { contactMessage: card(many('TEL:+1 (2) 3-4\n', 60_000)) }],
    [
      'a hundred such cards',
      { contactsArrayMessage: { contacts: Array.from({ length: 100 }, () => card(many('TEL\r', 2_400))) } },
    ],
    ['a text of half characters', { conversation: many('\uD800', 80_000) }],
    ['a name of dots', { documentMessage: { fileName: many('. ', 100_000) } }],
    [
      'a form of brackets',
      { interactiveResponseMessage: { nativeFlowResponseMessage: { paramsJson: many('[', 200_000) } } },
    ],
    [
      'a form that is deep',
      {
        interactiveResponseMessage: {
          nativeFlowResponseMessage: { paramsJson: `{"a":${many('[', 5_000)}${many(']', 5_000)}}` },
        },
      },
    ],
    [
      'a hundred thousand mentions',
      { extendedTextMessage: { text: 'x', contextInfo: { mentionedJid: Array(40_000).fill('1@lid') } } },
    ],
    [
      'options without end',
      { pollCreationMessage: { name: 'q', options: Array(60_000).fill({ optionName: 'a' }) } },
    ],
    [
      'rows without end',
      { listMessage: { sections: Array(400).fill({ rows: Array(80).fill({ title: 'a' }) }) } },
    ],
    [
      'an answer to a card of line ends',
      {
        extendedTextMessage: {
          text: 'x',
          contextInfo: { stanzaId: 'a', quotedMessage: { contactMessage: card(many('TEL\r', 64_000)) } },
        },
      },
    ],
  ];

  it.each(worst)('is read at once: %s', (_name, message) => {
    const payload = proto.Message.encode(message).finish();
    expect(bestOf3(() => readPayload(payload, OPTIONS))).toBeLessThan(MAX_MS);
    const { decoded } = readPayload(payload, OPTIONS);
    expect(JSON.stringify(decoded?.content).length).toBeLessThan(400_000);
  });

  it('keeps a few KB of a card without its picture, and the number behind it', () => {
    const vcard = `BEGIN:VCARD\nFN:Eve\nPHOTO;BASE64:${'A'.repeat(60_000)}\n ${'B'.repeat(70)}\nTEL;waid=628123456789:+62 812\nEND:VCARD`;
    expect(contentOf({ contactMessage: card(vcard) })).toMatchObject({
      type: 'contact',
      phone: '628123456789',
      vcard: 'BEGIN:VCARD\nFN:Eve\nTEL;waid=628123456789:+62 812\nEND:VCARD',
    });
    const long = contentOf({ contactMessage: card(`NOTE:${'x'.repeat(50_000)}\nTEL:+628123456789\n`) });
    expect(long).toMatchObject({ phone: '628123456789', vcard: 'TEL:+628123456789\n' });
  });

  it('of many cards keeps fifty, and says how many there were', () => {
    const contacts = Array.from({ length: 80 }, (_, i) => ({
      displayName: `n${i}`,
      vcard: 'TEL:+628123456789',
    }));
    const content = contentOf({ contactsArrayMessage: { contacts } });
    expect(content).toMatchObject({ type: 'contact', omitted: 30 });
    expect(content && 'contacts' in content ? content.contacts : []).toHaveLength(50);
  });
});

describe('a payload that cannot be read', () => {
  const unknown = (reason: string) => ({ content: { type: 'unknown', reason }, media: null, vote: null });
  it.each<[string, Uint8Array, string]>([
    ['no message at all', Buffer.from('ffffffff', 'hex'), 'malformed'],
    ['cut off', Buffer.from([0x0a, 0x80]), 'malformed'],
    ['too large', Buffer.alloc(MAX_PAYLOAD_BYTES + 1), 'too_large'],
    ['nested without end', nested(20_000), 'malformed'],
  ])('is unknown: %s', (_name, payload, reason) => {
    expect(readPayload(payload, OPTIONS).decoded).toEqual(unknown(reason));
  });

  it('is broken off when it takes too long, also inside of a pattern', () => {
    const endless = () => /^(a+)+$/.test(`${'a'.repeat(60)}!`);
    expect(() => withinTime(endless, 20)).toThrow(/timed out/);
    expect(withinTime(() => 'after', 1_000)).toBe('after');
    expect(() =>
      withinTime(() => {
        throw new RangeError('own');
      }, 1_000),
    ).toThrow('own');
  });

  const key = { id: 1, iteration: 0, chainKey: Buffer.alloc(32), signingKey: Buffer.alloc(33) };
  const keyIn = (
    fields: proto.ISenderKeyDistributionMessage,
    groupId: string | null = 'g@g.us',
    chat = 'g@g.us',
  ) => {
    const bytes = proto.SenderKeyDistributionMessage.encode(fields).finish();
    const axolotlSenderKeyDistributionMessage = Buffer.concat([Buffer.from([0x33]), bytes]);
    const senderKeyDistributionMessage = { groupId, axolotlSenderKeyDistributionMessage };
    return read({ conversation: 'secret', senderKeyDistributionMessage }, chat).groupKey;
  };

  it('finds the key of a group', () => {
    expect(keyIn(key)).toMatchObject({ groupId: 'g@g.us' });
    const status = 'status@broadcast';
    expect(keyIn(key, status, status)).toMatchObject({ groupId: status });
  });

  it.each([
    ['of no group', key, null],
    ['of another group', key, 'other@g.us'],
    ['of a name without end', key, `${'1'.repeat(300)}@g.us`],
    ['without a secret', { ...key, chainKey: null }, 'g@g.us'],
    ['with a secret that is too short', { ...key, chainKey: Buffer.alloc(31) }, 'g@g.us'],
    ['without a public key', { ...key, signingKey: null }, 'g@g.us'],
    ['without a number', { ...key, id: null }, 'g@g.us'],
  ])('finds no key in one %s', (_what, fields, groupId) => {
    expect(keyIn(fields, groupId)).toBe(null);
  });

  it('finds no key in bytes that are none', () => {
    const senderKeyDistributionMessage = {
      groupId: 'g@g.us',
      axolotlSenderKeyDistributionMessage: Buffer.from('kffff', 'latin1'),
    };
    expect(read({ conversation: 'x', senderKeyDistributionMessage }, 'g@g.us').groupKey).toBe(null);
  });
});

/** A disappearing message in a disappearing message in … */
function nested(depth: number): Buffer {
  const wrap = (tag: number[], body: Buffer): Buffer => {
    const length: number[] = [];
    for (let left = body.length; ; left >>>= 7) {
      if (left < 128) {
        length.push(left);
        break;
      }
      length.push((left & 127) | 128);
    }
    return Buffer.concat([Buffer.from(tag), Buffer.from(length), body]);
  };
  let inner: Buffer = Buffer.from([0x0a, 1, 65]);
  for (let i = 0; i < depth && inner.length < 200_000; i++) inner = wrap([0xc2, 0x02], wrap([0x0a], inner));
  return inner;
}

describe('the name of a file', () => {
  it.each([
    ['report.pdf', 'report.pdf'],
    ['../../etc/passwd', '_.._etc_passwd'],
    ['C:\\Users\\eve\\a.txt', 'C__Users_eve_a.txt'],
    ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
    ['a\u0000b\nc\td.txt', 'abcd.txt'],
    ['\u200Ehidden\uFEFF.txt', 'hidden.txt'],
    ['CON', '_CON'],
    ['nul.txt', '_nul.txt'],
    ['com1 .log', '_com1 .log'],
    ['console.log', 'console.log'],
    ['.htaccess', 'htaccess'],
    ['name.  ', 'name'],
    ['...', 'file'],
    ['', 'file'],
    ['\u202E\u0007', 'file'],
    ['half \uD83D.txt', 'half \uFFFD.txt'],
    ['laporan é.pdf', 'laporan é.pdf'],
    ['报告 2026.xlsx', '报告 2026.xlsx'],
    ['what?*<>|".doc', 'what______.doc'],
  ])('%j becomes %j', (given, clean) => {
    expect(cleanFileName(given, 'file')).toBe(clean);
  });

  it('is cut between whole characters and keeps its extension', () => {
    const family = '👨‍👩‍👧‍👦';
    const name = cleanFileName(`${family.repeat(30)}.pdf`, 'file');
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    expect(name.endsWith(`${family}.pdf`)).toBe(true);
    expect(name.replaceAll(family, '')).toBe('.pdf');
  });

  it('is clean whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (given) => {
        const name = cleanFileName(given, 'file');
        expect(name).not.toMatch(/[/\\\p{Cc}\u202A-\u202E\u2066-\u2069]|\p{Surrogate}|^\.|[. ]$/u);
        expect(name).not.toBe('');
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
        expect(cleanFileName(name, 'file')).toBe(name);
      }),
      { numRuns: 1_000 },
    );
  });

  it('of an inbound document is clean', () => {
    const content = contentOf({ documentMessage: { fileName: '../\u202Egpj.exe' } });
    expect(content).toMatchObject({ type: 'document', filename: '_gpj.exe' });
  });
});

/** Any value of the right shape for a protobuf field, made from the fields that the decoders look at. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\0', '\uD800', 'a'.repeat(5_000)),
);
const jid = fc.oneof(text, fc.constantFrom('1@lid', '628123@s.whatsapp.net', 'x@g.us', '@', '1:2:3@lid'));
const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(Number.NaN, -1, 2 ** 53, 253_402_300_800));
const contextInfo = fc.record(
  {
    stanzaId: text,
    participant: jid,
    mentionedJid: fc.array(jid, { maxLength: 5 }),
    isForwarded: fc.boolean(),
    forwardingScore: fc.integer({ min: 0, max: 2 ** 31 }),
    expiration: fc.integer({ min: 0, max: 2 ** 31 }),
    quotedMessage: fc.record({ conversation: text }),
    externalAdReply: fc.record({ title: text, sourceUrl: text, ctwaClid: text }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const params = fc.oneof(
  text,
  fc.json(),
  fc.constantFrom('{"id":"a","b":{"c":"\\ud800"}}', '[]', 'null', '{"__proto__":1}'),
);
const file = {
  url: text,
  directPath: text,
  mediaKey: fc.uint8Array({ maxLength: 40 }),
  mimetype: text,
  caption: text,
};
const any: { requiredKeys: never[] } = { requiredKeys: [] };
const rows = fc.array(fc.record({ rowId: text, title: text, description: text }, any), { maxLength: 3 });

const KINDS: Record<string, fc.Arbitrary<object | string>> = {
  conversation: text,
  extendedTextMessage: fc.record({ text, contextInfo }, any),
  imageMessage: fc.record({ ...file, contextInfo }, any),
  videoMessage: fc.record({ ...file, gifPlayback: fc.boolean() }, any),
  ptvMessage: fc.record(file, any),
  audioMessage: fc.record({ ...file, seconds: fc.nat(), ptt: fc.boolean() }, any),
  documentMessage: fc.record({ ...file, fileName: text, title: text }, any),
  stickerMessage: fc.record(file, any),
  locationMessage: fc.record(
    { degreesLatitude: number, degreesLongitude: number, name: text, address: text },
    any,
  ),
  liveLocationMessage: fc.record({ degreesLatitude: number, degreesLongitude: number, caption: text }, any),
  contactMessage: fc.record({ displayName: text, vcard: text }, any),
  contactsArrayMessage: fc.record(
    { contacts: fc.array(fc.record({ displayName: text, vcard: text }, any)) },
    any,
  ),
  pollCreationMessage: fc.record(
    { name: text, options: fc.array(fc.record({ optionName: text }, any)) },
    any,
  ),
  pollUpdateMessage: fc.record({ pollCreationMessageKey: fc.record({ id: text }, any) }, any),
  reactionMessage: fc.record({ key: fc.record({ id: text }, any), text }, any),
  buttonsResponseMessage: fc.record({ selectedButtonId: text, selectedDisplayText: text, contextInfo }, any),
  templateButtonReplyMessage: fc.record({ selectedId: text, selectedDisplayText: text }, any),
  listResponseMessage: fc.record(
    { title: text, singleSelectReply: fc.record({ selectedRowId: text }, any) },
    any,
  ),
  interactiveResponseMessage: fc.record(
    {
      body: fc.record({ text }, any),
      nativeFlowResponseMessage: fc.record({ name: text, paramsJson: params }, any),
    },
    any,
  ),
  buttonsMessage: fc.record(
    {
      contentText: text,
      footerText: text,
      buttons: fc.array(
        fc.record({ buttonId: text, buttonText: fc.record({ displayText: text }, any) }, any),
      ),
    },
    any,
  ),
  listMessage: fc.record(
    {
      title: text,
      description: text,
      sections: fc.array(fc.record({ title: text, rows }, any), { maxLength: 3 }),
    },
    any,
  ),
  templateMessage: fc.record(
    {
      hydratedTemplate: fc.record(
        {
          hydratedContentText: text,
          hydratedButtons: fc.array(
            fc.record({ urlButton: fc.record({ displayText: text, url: text }, any) }, any),
          ),
        },
        any,
      ),
    },
    any,
  ),
  interactiveMessage: fc.record(
    {
      header: fc.record({ title: text }, any),
      body: fc.record({ text }, any),
      nativeFlowMessage: fc.record(
        { buttons: fc.array(fc.record({ name: text, buttonParamsJson: params }, any)) },
        any,
      ),
    },
    any,
  ),
  productMessage: fc.record(
    { product: fc.record({ productId: text, title: text, priceAmount1000: fc.nat() }, any) },
    any,
  ),
  orderMessage: fc.record({ orderId: text, itemCount: fc.nat(), totalAmount1000: fc.nat() }, any),
  eventMessage: fc.record(
    { name: text, startTime: fc.nat(), endTime: fc.nat(), joinLink: text, contextInfo },
    any,
  ),
  protocolMessage: fc.record(
    {
      type: fc.nat({ max: 30 }),
      key: fc.record({ id: text }, any),
      editedMessage: fc.record({ conversation: text }),
      ephemeralExpiration: fc.nat(),
    },
    any,
  ),
};

describe('every decoder', () => {
  it.each(Object.entries(KINDS))('takes anything: %s', (kind, values) => {
    fc.assert(
      fc.property(values, (value) => {
        const content = readPayload(encode({ [kind]: value }), OPTIONS).decoded?.content;
        expectFit(content);
      }),
      { numRuns: 1_000 },
    );
  });

  it('takes any bytes, and any change of real ones', () => {
    const real = proto.Message.encode({
      extendedTextMessage: { text: 'hello', contextInfo: { stanzaId: 'a' } },
    }).finish();
    const change = fc.record({ at: fc.nat({ max: real.length - 1 }), byte: fc.nat({ max: 255 }) });
    const changed = fc.array(change, { maxLength: 4 }).map((changes) => {
      const bytes = Buffer.from(real);
      for (const { at, byte } of changes) bytes[at] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), changed), (bytes) => {
        expectFit(readPayload(bytes, OPTIONS).decoded?.content);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** What a sender of another program may put into these fields, whatever their declared types. */
function encode(fields: object): Uint8Array {
  return proto.Message.encode(proto.Message.create(fields)).finish();
}

/** What every database takes and every page shows. */
function expectFit(content: InboundContent | undefined): void {
  if (content === undefined) return;
  expect(content.type.length).toBeLessThanOrEqual(20);
  const json = JSON.stringify(content);
  expect(json.length).toBeLessThan(400_000);
  // A backslash that was sent is written twice, and escapes nothing.
  expect(json).not.toMatch(/(?<!\\)(?:\\\\)*\\(?:u0000|ud[89a-f])/i);
}

it('what is read says the same through both doors', () => {
  const message = { conversation: 'hi' };
  expect(decodeMessage(proto.Message.encode(message).finish())).toEqual(read(message).decoded);
});
