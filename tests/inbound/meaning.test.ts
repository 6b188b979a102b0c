import { proto } from '@whiskeysockets/baileys';
import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../../src/whatsapp/baileys/decode.ts';

const ME = '628000@s.whatsapp.net';
const contentOf = (message: proto.IMessage, country = 'ID') =>
  decodeMessage(proto.Message.encode(message).finish(), { isOwn: (jid) => jid === ME, country })?.content;

describe('what businesses send', () => {
  it.each<[string, proto.IMessage, object]>([
    [
      'buttons',
      {
        buttonsMessage: {
          contentText: 'Coming?',
          footerText: 'f',
          buttons: [{ buttonId: 'y', buttonText: { displayText: 'Yes' } }],
        },
      },
      { type: 'buttons', text: 'Coming?', footer: 'f', buttons: [{ id: 'y', text: 'Yes' }] },
    ],
    [
      'a list',
      {
        listMessage: {
          title: 'T',
          description: 'D',
          buttonText: 'B',
          sections: [{ title: 'S', rows: [{ rowId: 'r', title: 'R', description: 'd' }] }],
        },
      },
      {
        type: 'list',
        title: 'T',
        text: 'D',
        buttonText: 'B',
        sections: [{ title: 'S', rows: [{ id: 'r', title: 'R', description: 'd' }] }],
      },
    ],
    [
      'a template',
      {
        templateMessage: {
          hydratedTemplate: {
            hydratedTitleText: 'T',
            hydratedContentText: 'C',
            hydratedButtons: [
              { quickReplyButton: { displayText: 'Q', id: 'q' } },
              { urlButton: { displayText: 'U', url: 'https://x.example' } },
              { callButton: { displayText: 'P', phoneNumber: '+62' } },
            ],
          },
        },
      },
      {
        type: 'template',
        title: 'T',
        text: 'C',
        buttons: [
          { text: 'Q', id: 'q' },
          { text: 'U', url: 'https://x.example' },
          { text: 'P', phone: '+62' },
        ],
      },
    ],
    [
      'native buttons',
      {
        interactiveMessage: {
          header: { title: 'T' },
          body: { text: 'B' },
          footer: { text: 'F' },
          nativeFlowMessage: {
            buttons: [{ name: 'cta_copy', buttonParamsJson: '{"display_text":"Copy","copy_code":"123"}' }],
          },
        },
      },
      {
        type: 'interactive',
        title: 'T',
        text: 'B',
        footer: 'F',
        buttons: [{ text: 'Copy', kind: 'cta_copy', code: '123' }],
      },
    ],
    [
      'a product',
      {
        productMessage: {
          product: {
            productId: 'p1',
            title: 'Tea',
            priceAmount1000: 12_500,
            currencyCode: 'IDR',
            url: 'https://x.example',
          },
        },
      },
      {
        type: 'product',
        productId: 'p1',
        title: 'Tea',
        price: { amount: 12.5, currency: 'IDR' },
        url: 'https://x.example',
      },
    ],
    [
      'an order',
      {
        orderMessage: {
          orderId: 'o1',
          itemCount: 2,
          message: 'please',
          totalAmount1000: 5_000_000,
          totalCurrencyCode: 'IDR',
        },
      },
      { type: 'order', orderId: 'o1', text: 'please', items: 2, total: { amount: 5_000, currency: 'IDR' } },
    ],
    [
      'an event',
      {
        eventMessage: {
          name: 'Party',
          startTime: 1_790_000_000,
          location: { name: 'Home' },
          isCanceled: true,
        },
      },
      { type: 'event', name: 'Party', startsAt: '2026-09-21T14:13:20.000Z', place: 'Home', canceled: true },
    ],
    [
      'an event at a point',
      { eventMessage: { name: 'Walk', location: { degreesLatitude: -6.5, degreesLongitude: 107 } } },
      { type: 'event', name: 'Walk', latitude: -6.5, longitude: 107 },
    ],
    [
      'an event at no point on earth',
      { eventMessage: { name: 'Walk', location: { degreesLatitude: 91, degreesLongitude: 107 } } },
      { type: 'event', name: 'Walk' },
    ],
    [
      'a form that was filled in',
      {
        interactiveResponseMessage: {
          body: { text: 'Sent' },
          nativeFlowResponseMessage: { name: 'flow', paramsJson: '{"city":"Bogor","n":{"a":1}}' },
        },
      },
      { type: 'reply', text: 'Sent', flow: { name: 'flow', params: { city: 'Bogor', n: { a: 1 } } } },
    ],
  ])('%s', (_name, message, expected) => {
    expect(contentOf(message)).toEqual(expected);
  });
});

describe('what a message says about itself', () => {
  it('whom it answers, whom it names, how it came', () => {
    const contextInfo = {
      stanzaId: 'Q1',
      participant: '628111:3@s.whatsapp.net',
      quotedMessage: { imageMessage: { caption: 'look' } },
      mentionedJid: ['628222@s.whatsapp.net', '628222:5@s.whatsapp.net', 'nobody', '12@lid'],
      nonJidMentions: 1,
      isForwarded: true,
      forwardingScore: 5,
      externalAdReply: {
        title: 'Sale',
        sourceType: 'ad',
        sourceId: '42',
        sourceUrl: 'https://fb.me/x',
        ctwaClid: 'clid',
      },
      entryPointConversionSource: 'ctwa_ad',
    };
    expect(contentOf({ extendedTextMessage: { text: 'hi', contextInfo } })).toEqual({
      type: 'text',
      text: 'hi',
      quotedId: 'Q1',
      quoted: { messageId: 'Q1', fromMe: false, author: '628111@s.whatsapp.net', preview: 'look' },
      mentions: ['628222@s.whatsapp.net', '12@lid'],
      mentionAll: true,
      forwarded: true,
      forwardingScore: 5,
      referral: {
        title: 'Sale',
        sourceType: 'ad',
        sourceId: '42',
        sourceUrl: 'https://fb.me/x',
        ctwaClid: 'clid',
        entryPoint: 'ctwa_ad',
      },
    });
  });

  it('also beside a file', () => {
    const contextInfo = { isForwarded: true, mentionedJid: ['628222@s.whatsapp.net'] };
    expect(contentOf({ imageMessage: { caption: 'c', contextInfo } })).toMatchObject({
      type: 'image',
      forwarded: true,
      mentions: ['628222@s.whatsapp.net'],
    });
  });
});

it.each([
  ['TEL:0812-3456-7890', 'ID', '6281234567890'],
  ['TEL;TYPE=CELL:+62 812-3456-7890', 'US', '6281234567890'],
  ['item1.TEL;VALUE=uri:tel:+1-415-555-2671', 'ID', '14155552671'],
  ['TEL:(415) 555-2671', 'US', '14155552671'],
  ['TEL:call me', 'ID', null],
])('the number of a card without WhatsApp is read: %s in %s', (line, country, phone) => {
  const vcard = `BEGIN:VCARD\nFN:Eve\n${line}\nEND:VCARD`;
  expect(contentOf({ contactMessage: { displayName: 'Eve', vcard } }, country)).toMatchObject({ phone });
});
