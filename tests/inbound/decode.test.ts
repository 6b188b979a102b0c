import { proto } from '@whiskeysockets/baileys';
import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../../src/whatsapp/baileys/decode.ts';
import { readPayload } from '../../src/whatsapp/baileys/read-payload.ts';

const decode = (message: proto.IMessage) => decodeMessage(proto.Message.encode(message).finish());
const contentOf = (message: proto.IMessage) => decode(message)?.content;
const key = (id: string) => ({ remoteJid: '6281@s.whatsapp.net', fromMe: false, id });

const FILE = {
  url: 'https://mmg.whatsapp.net/v/t62/file',
  directPath: '/v/t62/file',
  mediaKey: Buffer.alloc(32, 7),
  fileSha256: Buffer.alloc(32, 9),
  fileLength: 1234,
  mimetype: 'image/png',
};
const MEDIA = {
  state: 'pending',
  mimetype: 'image/png',
  size: 1234,
  sha256: '09'.repeat(32),
};

describe('a text', () => {
  it.each<[string, proto.IMessage]>([
    ['plain', { conversation: 'hi' }],
    ['extended', { extendedTextMessage: { text: 'hi' } }],
    ['in a disappearing chat', { ephemeralMessage: { message: { extendedTextMessage: { text: 'hi' } } } }],
    ['with keys for the group', { conversation: 'hi', senderKeyDistributionMessage: { groupId: 'g' } }],
    ['with message secrets', { conversation: 'hi', messageContextInfo: { messageSecret: Buffer.alloc(32) } }],
  ])('%s', (_name, message) => {
    expect(decode(message)).toEqual({ content: { type: 'text', text: 'hi' }, media: null, vote: null });
  });

  it('that answers another message names it', () => {
    const contextInfo = { stanzaId: 'Q1', participant: '6281@s.whatsapp.net' };
    expect(contentOf({ extendedTextMessage: { text: 'yes', contextInfo } })).toEqual({
      type: 'text',
      text: 'yes',
      quotedId: 'Q1',
    });
  });

  it('is bounded, and never cut inside of a character', () => {
    const content = contentOf({ conversation: `${'a'.repeat(65_535)}😀😀` });
    expect(content).toMatchObject({ type: 'text', text: 'a'.repeat(65_535) });
  });
});

describe('a wrapped message', () => {
  const inner = { imageMessage: { ...FILE, caption: 'c' } };
  const image = { type: 'image', caption: 'c', media: MEDIA };
  it.each<[keyof proto.IMessage, object]>([
    ['ephemeralMessage', {}],
    ['viewOnceMessage', { viewOnce: true }],
    ['viewOnceMessageV2', { viewOnce: true }],
    ['viewOnceMessageV2Extension', { viewOnce: true }],
    ['documentWithCaptionMessage', {}],
    ['editedMessage', {}],
    ['lottieStickerMessage', {}],
    ['groupMentionedMessage', {}],
    ['groupStatusMessageV2', {}],
    ['associatedChildMessage', {}],
    ['botForwardedMessage', {}],
    ['questionMessage', {}],
  ])('in %s is what is inside', (wrapper, more) => {
    expect(contentOf({ [wrapper]: { message: inner } })).toEqual({ ...image, ...more });
    const deeper = { ephemeralMessage: { message: { [wrapper]: { message: inner } } } };
    expect(contentOf(deeper)).toEqual({ ...image, ...more });
  });

  it('around nothing that is known is told by the name of the wrapper', () => {
    expect(contentOf({ ephemeralMessage: { message: {} } })).toEqual({
      type: 'unsupported',
      kind: 'ephemeralMessage',
    });
  });

  it('in more wrappers than there are is no endless search', () => {
    let message: proto.IMessage = { conversation: 'deep' };
    for (let n = 0; n < 50; n++) message = { ephemeralMessage: { message } };
    expect(contentOf(message)).toEqual({ type: 'unsupported', kind: 'ephemeralMessage' });
  });
});

describe('a kind that is newer than this release', () => {
  const options = { isOwn: () => false, country: 'ID' };
  const read = (bytes: number[]) => readPayload(Buffer.from(bytes), options).decoded?.content ?? null;
  /** field 2000, some bytes */
  const NEW = [0x82, 0x7d, 0x03, 0x08, 0x01, 0x10];

  it('is told by the number of its field', () => {
    expect(read(NEW)).toEqual({ type: 'unsupported', kind: 'field 2000' });
  });

  const bytesOf = (message: proto.IMessage) => [...proto.Message.encode(message).finish()];
  const told = { type: 'unsupported', kind: 'field 2000' };

  it('is not seen in a message that is known, in an empty one, or in the keys beside a message', () => {
    expect(read([...bytesOf({ conversation: 'hi' }), ...NEW])).toEqual({ type: 'text', text: 'hi' });
    expect(read([])).toBe(null);
    const keys = bytesOf({ senderKeyDistributionMessage: { groupId: 'g' } });
    expect(read(keys)).toBe(null);
    const part = readPayload(Buffer.from([...keys, ...NEW]), { ...options, isPart: true });
    expect(part.decoded).toBe(null);
  });

  it('is told beside what says nothing', () => {
    expect(read([...bytesOf({ senderKeyDistributionMessage: { groupId: 'g' } }), ...NEW])).toEqual(told);
    expect(read([...bytesOf({ messageContextInfo: { messageSecret: Buffer.alloc(32) } }), ...NEW])).toEqual(
      told,
    );
  });

  /** The same message with NEW inside of the innermost one, which must be the last field at each level. */
  const withNew = (name: 'deviceSentMessage' | 'ephemeralMessage', before: number[], inside: number[]) => {
    const message = [...inside, ...NEW];
    const wrapped =
      name === 'deviceSentMessage' ? [0x12, message.length, ...message] : [0x0a, message.length, ...message];
    // Fields 31 and 40 of proto.Message.
    const tag = name === 'deviceSentMessage' ? [0xfa, 0x01] : [0xc2, 0x02];
    return [...before, ...tag, wrapped.length, ...wrapped];
  };
  const context = bytesOf({ messageContextInfo: { deviceListMetadataVersion: 2 } });

  it('is told inside of what our own devices wrap, and of other wrappers', () => {
    const ours = { ...options, isOurs: true };
    const own = withNew('deviceSentMessage', context, context);
    expect(readPayload(Buffer.from(own), ours).decoded?.content).toEqual(told);
    expect(read(withNew('ephemeralMessage', context, context))).toEqual(told);
    const both = withNew('ephemeralMessage', [], context);
    const sent = [0xfa, 0x01, both.length + 2, 0x12, both.length, ...both];
    expect(readPayload(Buffer.from(sent), ours).decoded?.content).toEqual(told);
  });
});

describe('a message with a file', () => {
  it.each<[string, proto.IMessage, object]>([
    ['image', { imageMessage: { ...FILE, caption: 'c' } }, { type: 'image', caption: 'c' }],
    ['video', { videoMessage: { ...FILE, caption: 'c' } }, { type: 'video', caption: 'c' }],
    ['gif', { videoMessage: { ...FILE, gifPlayback: true } }, { type: 'video', gif: true }],
    ['video note', { ptvMessage: FILE }, { type: 'video', note: true }],
    ['audio', { audioMessage: { ...FILE, seconds: 3 } }, { type: 'audio', ptt: false, seconds: 3 }],
    ['voice note', { audioMessage: { ...FILE, ptt: true } }, { type: 'audio', ptt: true }],
    [
      'document',
      { documentMessage: { ...FILE, fileName: 'a.pdf' } },
      { type: 'document', filename: 'a.pdf' },
    ],
    [
      'document with a caption',
      {
        documentWithCaptionMessage: {
          message: { documentMessage: { ...FILE, caption: 'c', fileName: 'a.pdf' } },
        },
      },
      { type: 'document', filename: 'a.pdf', caption: 'c' },
    ],
    ['sticker', { stickerMessage: FILE }, { type: 'sticker', animated: false }],
    [
      'moving sticker',
      { lottieStickerMessage: { message: { stickerMessage: { ...FILE, isAnimated: true } } } },
      { type: 'sticker', animated: true },
    ],
    [
      'view once',
      { viewOnceMessageV2: { message: { imageMessage: FILE } } },
      { type: 'image', viewOnce: true },
    ],
    ['view once, new', { imageMessage: { ...FILE, viewOnce: true } }, { type: 'image', viewOnce: true }],
  ])('%s', (_name, message, expected) => {
    const decoded = decode(message);
    expect(decoded?.content).toEqual({ media: MEDIA, ...expected });
    expect(decoded?.media).toMatchObject({ url: FILE.url, directPath: FILE.directPath });
    expect(Buffer.from(decoded?.media?.mediaKey ?? [])).toEqual(FILE.mediaKey);
  });

  it('keeps its key out of what is stored', () => {
    const stored = JSON.stringify(contentOf({ imageMessage: FILE }));
    expect(stored).not.toContain(FILE.mediaKey.toString('base64'));
    expect(stored).not.toContain('mmg.whatsapp.net');
  });

  it.each<[string, object]>([
    ['without a key', { mediaKey: null }],
    ['with half a key', { mediaKey: Buffer.alloc(16) }],
    ['without a place', { url: null, directPath: null }],
  ])('%s is a message whose file is gone', (_name, change) => {
    const decoded = decode({ imageMessage: { ...FILE, ...change, caption: 'c' } });
    expect(decoded?.media).toBeNull();
    expect(decoded?.content).toMatchObject({
      type: 'image',
      caption: 'c',
      media: { state: 'failed', error: 'gone' },
    });
  });
});

describe('a person, a place, a choice', () => {
  const vcard = 'BEGIN:VCARD\nVERSION:3.0\nFN:Eve\nTEL;type=CELL;waid=628111:+62 811-1\nEND:VCARD';
  it.each<[string, proto.IMessage, object]>([
    [
      'location',
      {
        locationMessage: { degreesLatitude: -6.2, degreesLongitude: 106.8, name: 'Office', address: 'Jl. 1' },
      },
      { type: 'location', latitude: -6.2, longitude: 106.8, name: 'Office', address: 'Jl. 1' },
    ],
    [
      'live location',
      { liveLocationMessage: { degreesLatitude: 1, degreesLongitude: 2 } },
      { type: 'location', latitude: 1, longitude: 2, live: true },
    ],
    [
      'contact',
      { contactMessage: { displayName: 'Eve', vcard } },
      { type: 'contact', name: 'Eve', phone: '628111', vcard },
    ],
    [
      'contact without a WhatsApp number',
      { contactMessage: { displayName: 'Eve', vcard: 'TEL:+62 811-1\n' } },
      { type: 'contact', name: 'Eve', phone: '628111', vcard: 'TEL:+62 811-1\n' },
    ],
    [
      'several contacts',
      {
        contactsArrayMessage: {
          contacts: [
            { displayName: 'A', vcard: '' },
            { displayName: 'B', vcard: '' },
          ],
        },
      },
      {
        type: 'contact',
        name: 'A',
        phone: null,
        vcard: '',
        contacts: [
          { name: 'A', phone: null, vcard: '' },
          { name: 'B', phone: null, vcard: '' },
        ],
      },
    ],
    [
      'poll',
      {
        pollCreationMessageV3: {
          name: 'Q?',
          options: [{ optionName: 'a' }, { optionName: 'b' }],
          selectableOptionsCount: 1,
        },
      },
      { type: 'poll', question: 'Q?', options: ['a', 'b'], multiple: false },
    ],
    [
      'poll vote',
      {
        pollUpdateMessage: {
          pollCreationMessageKey: key('P1'),
          vote: { encPayload: Buffer.alloc(8), encIv: Buffer.alloc(12) },
        },
      },
      { type: 'poll_vote', messageId: 'P1', options: null },
    ],
    [
      'answer to an event',
      {
        encEventResponseMessage: {
          eventCreationMessageKey: key('E1'),
          encPayload: Buffer.alloc(8),
          encIv: Buffer.alloc(12),
        },
      },
      { type: 'event_response', messageId: 'E1', response: null, guests: 0 },
    ],
    [
      'reaction',
      { reactionMessage: { key: key('R1'), text: '👍' } },
      { type: 'reaction', messageId: 'R1', emoji: '👍' },
    ],
    [
      'reaction taken back',
      { reactionMessage: { key: key('R1'), text: '' } },
      { type: 'reaction', messageId: 'R1', emoji: '' },
    ],
    [
      'tapped button',
      {
        buttonsResponseMessage: {
          selectedButtonId: 'yes',
          selectedDisplayText: 'Yes',
          contextInfo: { stanzaId: 'B1' },
        },
      },
      { type: 'reply', text: 'Yes', selected: { id: 'yes', text: 'Yes' }, quotedId: 'B1' },
    ],
    [
      'tapped template button',
      { templateButtonReplyMessage: { selectedId: 'yes', selectedDisplayText: 'Yes' } },
      { type: 'reply', text: 'Yes', selected: { id: 'yes', text: 'Yes' } },
    ],
    [
      'chosen row',
      { listResponseMessage: { title: 'Row', singleSelectReply: { selectedRowId: 'r1' } } },
      { type: 'reply', text: 'Row', selected: { id: 'r1', text: 'Row' } },
    ],
    [
      'native flow answer',
      {
        interactiveResponseMessage: {
          body: { text: 'Yes' },
          nativeFlowResponseMessage: { paramsJson: '{"id":"yes"}' },
        },
      },
      { type: 'reply', text: 'Yes', selected: { id: 'yes', text: 'Yes' } },
    ],
    [
      'native flow answer that is no JSON',
      {
        interactiveResponseMessage: { body: { text: 'Yes' }, nativeFlowResponseMessage: { paramsJson: '{' } },
      },
      { type: 'reply', text: 'Yes' },
    ],
  ])('%s', (_name, message, expected) => {
    expect(contentOf(message)).toEqual(expected);
  });
});

describe('what happens to earlier messages', () => {
  const { Type } = proto.Message.ProtocolMessage;
  it('an edit names the message and its new text', () => {
    const protocolMessage = {
      type: Type.MESSAGE_EDIT,
      key: key('E1'),
      editedMessage: { conversation: 'new' },
    };
    const expected = { type: 'edit', messageId: 'E1', text: 'new' };
    expect(contentOf({ protocolMessage })).toEqual(expected);
    expect(contentOf({ editedMessage: { message: { protocolMessage } } })).toEqual(expected);
  });

  it('an edited caption is told as a text', () => {
    const protocolMessage = {
      type: Type.MESSAGE_EDIT,
      key: key('E1'),
      editedMessage: { imageMessage: { caption: 'new' } },
    };
    expect(contentOf({ protocolMessage })).toEqual({ type: 'edit', messageId: 'E1', text: 'new' });
  });

  it('a deletion names the message', () => {
    expect(contentOf({ protocolMessage: { type: Type.REVOKE, key: key('D1') } })).toEqual({
      type: 'delete',
      messageId: 'D1',
    });
  });
});

describe('an album', () => {
  const { MEDIA_ALBUM, MOTION_PHOTO } = proto.MessageAssociation.AssociationType;
  const one = (associationType: proto.MessageAssociation.AssociationType): proto.IMessage => ({
    imageMessage: { caption: 'one', mimetype: 'image/jpeg' },
    messageContextInfo: { messageAssociation: { associationType, parentMessageKey: key('A1') } },
  });

  it('is named by its images, whatever wraps them', () => {
    expect(contentOf(one(MEDIA_ALBUM))).toMatchObject({ type: 'image', caption: 'one', album: 'A1' });
    const { messageContextInfo = null, ...message } = one(MEDIA_ALBUM);
    const wrapped = { ephemeralMessage: { message }, messageContextInfo };
    expect(contentOf(wrapped)).toMatchObject({ type: 'image', caption: 'one', album: 'A1' });
  });

  it('is not what another association names', () => {
    expect(contentOf(one(MOTION_PHOTO))).not.toHaveProperty('album');
  });
});

describe('nothing that a person wrote', () => {
  it.each<[string, proto.IMessage]>([
    ['nothing at all', {}],
    ['keys of a group', { senderKeyDistributionMessage: { groupId: 'g' } }],
    [
      'a change of settings',
      { protocolMessage: { type: proto.Message.ProtocolMessage.Type.EPHEMERAL_SETTING } },
    ],
    ['the head of an album, whose pictures come by themselves', { albumMessage: { expectedImageCount: 2 } }],
  ])('%s is not stored', (_name, message) => {
    expect(decode(message)).toBeNull();
  });
});

describe('a kind that is not read', () => {
  it.each<[string, proto.IMessage]>([
    ['groupInviteMessage', { groupInviteMessage: { groupJid: 'g' } }],
    ['secretEncryptedMessage', { secretEncryptedMessage: { encIv: Buffer.alloc(12) } }],
  ])('keeps its name: %s', (kind, message) => {
    expect(contentOf(message)).toEqual({ type: 'unsupported', kind });
  });

  it('cannot be bytes that are no message', () => {
    expect(() => decodeMessage(Buffer.from('ffffffff', 'hex'))).toThrow();
  });
});
