/**
 * What people and businesses send: in a webhook, in the answers and on the conversation's page. And, with the same receiver,
 * where a person is told of alarms, and one message from its call over its wait to its webhook.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { proto } from '@whiskeysockets/baileys';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InboundContentOutput } from '../../src/services/inbound/schemas.ts';
import { until } from '../helpers/until.ts';
import { type BrowserWorld, openBrowserWorld, type Person } from './world.ts';

const OWN = '628111222334';
let world: BrowserWorld;
let person: Person;
let receiver: Server;
interface Told {
  type: string;
  data: Record<string, unknown>;
}
/** bodies of webhooks by message */
const told = new Map<string, Told>();
/** what came to other paths of the receiver */
const posts: (Told & { path: string | undefined })[] = [];
let receiverUrl = '';

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request.setEncoding('utf8')) body += piece;
    const event = JSON.parse(body);
    if (request.url !== '/') posts.push({ ...event, path: request.url });
    else told.set(event.data.messageId, event);
    response.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  world = await openBrowserWorld({ WEBHOOK_ALLOW_PRIVATE: 'true' });
  person = await world.tenant();
  await world.link(person, 'main', OWN);
  const { port } = receiver.address() as AddressInfo;
  receiverUrl = `http://127.0.0.1:${port}/`;
  await world.api(person, 'POST', '/webhook', { url: receiverUrl, events: ['message.received'] });
}, 180_000);
afterAll(async () => {
  await world?.close();
  receiver.close();
  receiver.closeAllConnections();
});

/** As it is sealed: with the padding that phones put behind it. */
const sealed = (message: proto.IMessage) =>
  Buffer.concat([proto.Message.encode(message).finish(), Buffer.alloc(3, 3)]).toString('base64');

const CONTEXT = {
  stanzaId: 'Q1',
  participant: `${OWN}@s.whatsapp.net`,
  quotedMessage: { conversation: 'We open at nine' },
  mentionedJid: ['628222333444@s.whatsapp.net'],
  isForwarded: true,
  forwardingScore: 6,
  externalAdReply: { title: 'Autumn sale', sourceType: 'ad', sourceUrl: 'https://fb.me/x', ctwaClid: 'c' },
};
const VCARD = 'BEGIN:VCARD\nVERSION:3.0\nFN:Siti Aminah\nTEL;TYPE=CELL:0813-1111-2222\nEND:VCARD';

/** What is sent, what it becomes, and what the page shows of it in English and in Indonesian. */
const KINDS: [string, proto.IMessage, object, (string | [string, string])[]][] = [
  [
    'list',
    {
      listMessage: {
        title: 'Days',
        description: 'Choose a day',
        buttonText: 'See days',
        sections: [{ title: 'May', rows: [{ rowId: 'mon', title: 'Monday the 4th' }] }],
      },
    },
    { text: 'Choose a day', buttonText: 'See days' },
    ['Choose a day', 'Monday the 4th'],
  ],
  [
    'order',
    {
      orderMessage: {
        orderId: 'o-77',
        itemCount: 2,
        message: 'before noon',
        totalAmount1000: 25_000_000,
        totalCurrencyCode: 'IDR',
      },
    },
    { orderId: 'o-77', items: 2, total: { amount: 25_000, currency: 'IDR' } },
    ['o-77', 'before noon', ['25,000 IDR', '25.000 IDR']],
  ],
  [
    'product',
    {
      productMessage: {
        product: {
          productId: 'p-1',
          title: 'Green tea',
          priceAmount1000: 12_500_000,
          currencyCode: 'IDR',
          url: 'https://shop.example/tea',
        },
      },
    },
    { productId: 'p-1', title: 'Green tea', price: { amount: 12_500, currency: 'IDR' } },
    ['Green tea', ['12,500 IDR', '12.500 IDR'], 'https://shop.example/tea'],
  ],
  [
    'template',
    {
      templateMessage: {
        hydratedTemplate: {
          hydratedContentText: 'Your parcel is near',
          hydratedButtons: [{ urlButton: { displayText: 'Track the parcel', url: 'https://x.example/p' } }],
        },
      },
    },
    { text: 'Your parcel is near', buttons: [{ text: 'Track the parcel', url: 'https://x.example/p' }] },
    ['Your parcel is near', 'Track the parcel'],
  ],
  [
    'interactive',
    {
      interactiveMessage: {
        body: { text: 'Your voucher' },
        nativeFlowMessage: {
          buttons: [
            { name: 'cta_copy', buttonParamsJson: '{"display_text":"Copy it","copy_code":"TEA-10"}' },
          ],
        },
      },
    },
    { text: 'Your voucher', buttons: [{ text: 'Copy it', kind: 'cta_copy', code: 'TEA-10' }] },
    ['Your voucher', 'Copy it', 'TEA-10'],
  ],
  [
    'event',
    {
      eventMessage: {
        name: 'Grand opening',
        startTime: 1_790_000_000,
        location: { name: 'Bandung' },
        isCanceled: true,
      },
    },
    { name: 'Grand opening', startsAt: '2026-09-21T14:13:20.000Z', place: 'Bandung', canceled: true },
    ['Grand opening', 'Bandung', ['canceled', 'batal']],
  ],
  [
    'text',
    { extendedTextMessage: { text: 'hello @628222333444', contextInfo: CONTEXT } },
    {
      text: 'hello @628222333444',
      mentions: ['628222333444@s.whatsapp.net'],
      forwarded: true,
      forwardingScore: 6,
      quoted: { messageId: 'Q1', preview: 'We open at nine' },
      referral: { title: 'Autumn sale', sourceType: 'ad' },
    },
    ['hello @628222333444', 'We open at nine', 'Autumn sale', ['orwarded', 'eruskan'], '628222333444'],
  ],
  [
    'contact',
    { contactMessage: { displayName: 'Siti Aminah', vcard: VCARD } },
    { name: 'Siti Aminah', phone: '6281311112222' },
    ['Siti Aminah', '6281311112222'],
  ],
];

describe.each(KINDS)('%s', (type, message, expected, shown) => {
  it('arrives whole in the webhook, the answers and on the page', async () => {
    const from = `6285${String(7_000_000 + KINDS.findIndex(([kind]) => kind === type)).padStart(8, '0')}`;
    const { ids } = await world.emulator.deliver({ to: OWN, from, kind: 'raw', payload: sealed(message) });
    const messageId = String(ids[0]);
    await until(async () => told.has(messageId), 20_000);
    const data = told.get(messageId)?.data ?? {};
    expect(data).toMatchObject({ type, from: `+${from}`, session: 'main', content: { type, ...expected } });
    const answer = await world.api(person, 'GET', `/message/${messageId}`);
    const listed = await world.api(person, 'GET', `/message/list?session=main&to=%2B${from}`);
    // What is documented is all that comes.
    for (const content of [data.content, answer.body.data.content, listed.body.data[0].content]) {
      expect(content).toEqual(data.content);
      expect(InboundContentOutput.parse(content)).toEqual(content);
    }
    for (const [at, lang] of (['en', 'id'] as const).entries()) {
      const { page, problems } = await world.page({ as: person, lang });
      await page.goto(`/dashboard/messages/with/${from}?session=main`);
      const bubble = page.locator('.bubble').first();
      const text = await bubble.textContent();
      for (const words of shown)
        expect([lang, text]).toEqual([
          lang,
          expect.stringContaining(typeof words === 'string' ? words : String(words[at])),
        ]);
      expect(await world.axe(page)).toEqual([]);
      expect(problems).toEqual([]);
    }
  }, 60_000);
});

describe('a file whose columns are not known', () => {
  const csv =
    'Siapa,Kontak WA,Kota\nBudi Santoso,8571234567,Solo\nSiti,8581234567,Bogor\nDewi,8591234567,Bogor\nAyu,85291234567,Solo\n';

  it.each<['en' | 'id', Record<string, string>]>([
    [
      'en',
      {
        which: 'Which column has the numbers?',
        number: 'Number column',
        name: 'Name column',
        start: 'Start import',
        bare: 'Numbers without +',
        home: 'Local numbers without the leading 0',
        file: 'CSV file',
        done: 'completed',
      },
    ],
    [
      'id',
      {
        which: 'Kolom mana yang berisi nomor?',
        number: 'Kolom nomor',
        name: 'Kolom nama',
        start: 'Mulai impor',
        bare: 'Nomor tanpa +',
        home: 'Nomor lokal tanpa 0 di depan',
        file: 'File CSV',
        done: 'selesai',
      },
    ],
  ])(
    'is asked about on the page and goes on: %s',
    async (lang, words) => {
      const made = await world.api(person, 'POST', '/session/main/broadcast/lists', {
        name: `Mapping ${lang}`,
      });
      const listId = made.body.data.id;
      const { page, problems } = await world.page({ as: person, lang });
      const word = (key: string) => String(words[key]);
      await page.goto(`/dashboard/broadcast/lists/${listId}/import`);
      await page
        .getByLabel(word('file'))
        .setInputFiles({ name: 'orang.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
      await page.getByRole('button', { name: word('start') }).click();
      await page.getByRole('heading', { name: word('which') }).waitFor();
      await page.getByRole('cell', { name: 'Budi Santoso' }).waitFor();
      expect(await world.axe(page)).toEqual([]);
      await page.getByLabel(word('number')).selectOption({ label: '2: Kontak WA' });
      await page.getByLabel(word('name')).selectOption({ label: '1: Siapa' });
      await page.getByLabel(word('bare')).selectOption({ label: word('home') });
      await page.getByRole('button', { name: word('start') }).click();
      await page.getByText(word('done'), { exact: true }).waitFor();
      const contacts = await world.api(person, 'GET', `/session/main/broadcast/lists/${listId}/contacts`);
      const found = contacts.body.data.map(({ number, name, fields }: Record<string, unknown>) => [
        number,
        name,
        fields,
      ]);
      expect(found).toEqual([
        ['6285291234567', 'Ayu', { Kota: 'Solo' }],
        ['628571234567', 'Budi Santoso', { Kota: 'Solo' }],
        ['628581234567', 'Siti', { Kota: 'Bogor' }],
        ['628591234567', 'Dewi', { Kota: 'Bogor' }],
      ]);
      expect(problems).toEqual([]);
    },
    60_000,
  );
});

it.each([
  [
    'en',
    1280,
    {
      empty: 'Nobody is told yet',
      name: 'Name',
      type: 'Type',
      token: 'Telegram bot token',
      target: 'Send to',
      kind: 'A number was logged out or banned',
      create: 'Add channel',
      back: 'Back',
      test: 'Send a test',
      arrived: 'The test was delivered.',
      change: 'Change',
      save: 'Save',
      saved: 'Channel saved.',
      turnOff: 'Turn off',
      off: 'Off',
      delete: 'Delete',
      deleted: 'Channel deleted.',
    },
  ],
  [
    'id',
    390,
    {
      empty: 'Belum ada yang diberi tahu',
      name: 'Nama',
      type: 'Jenis',
      token: 'Token bot Telegram',
      target: 'Kirim ke',
      kind: 'Nomor terputus atau diblokir',
      create: 'Tambah saluran',
      back: 'Kembali',
      test: 'Kirim percobaan',
      arrived: 'Percobaan sampai.',
      change: 'Ubah',
      save: 'Simpan',
      saved: 'Saluran disimpan.',
      turnOff: 'Matikan',
      off: 'Mati',
      delete: 'Hapus',
      deleted: 'Saluran dihapus.',
    },
  ],
] as const)(
  'a person sets on a page where they are told of alarms (%s, %i pixels)',
  async (lang, width, words) => {
    const owner = await world.tenant();
    const { page, problems } = await world.page({ as: owner, lang, width });
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
    await page.goto('/dashboard/alerts');
    await page.getByText(words.empty).waitFor();
    await page.getByLabel(words.name, { exact: true }).fill('On call');
    const type = page.getByLabel(words.type, { exact: true });
    await type.selectOption('telegram');
    const token = page.getByLabel(words.token);
    await token.waitFor();
    await type.selectOption('webhook');
    await token.waitFor({ state: 'hidden' });
    const target = page.getByLabel(words.target, { exact: true });
    await target.fill('nowhere');
    await page.getByLabel(words.kind).check();
    await press(words.create);
    // What was filled in stays, and the error is at its field.
    await page.locator('.field', { has: target }).locator('.error').waitFor();
    expect(await page.getByLabel(words.name, { exact: true }).inputValue()).toBe('On call');
    expect(await page.getByLabel(words.kind).isChecked()).toBe(true);
    expect(await world.axe(page)).toEqual([]);
    await target.fill(`${receiverUrl}alerts`);
    await press(words.create);
    expect(await page.locator('#secret').inputValue()).toMatch(/^whsec_/);
    await page.getByRole('link', { name: words.back, exact: true }).click();
    const channel = page.locator('article', { hasText: 'On call' });
    await channel.getByText(words.kind).first().waitFor();
    const before = posts.length;
    await press(words.test);
    await page.getByText(words.arrived).waitFor();
    expect(posts.slice(before)).toMatchObject([{ type: 'alarm.test', path: '/alerts' }]);
    expect(await world.axe(page)).toEqual([]);
    const wide = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await page.evaluate(wide)).toBe(0);
    await channel.locator('summary', { hasText: words.change }).click();
    await channel.getByLabel(words.name, { exact: true }).fill('At night');
    await press(words.save);
    await page.getByText(words.saved).waitFor();
    await page.getByRole('heading', { name: 'At night' }).waitFor();
    await press(words.turnOff);
    await page.locator('.badge', { hasText: words.off }).waitFor();
    page.on('dialog', (dialog) => dialog.accept());
    await press(words.delete);
    await page.getByText(words.deleted).waitFor();
    await page.getByText(words.empty).waitFor();
    expect(problems).toEqual([]);
  },
  60_000,
);

it.each([
  [
    'en',
    1280,
    {
      paused: 'The queue of the session is paused.',
      filters: null,
      path: 'Path',
      show: 'Show',
      timeline: 'To the millisecond',
      event: 'Webhook: Message sent',
      again: 'Redeliver',
      done: 'The event is delivered again',
      number: 'Phone number',
      send: 'Send code',
      phone: 'Phone of +6281298765432',
      code: 'Code',
      check: 'Verify code',
      right: 'The code is correct.',
    },
  ],
  [
    'id',
    390,
    {
      paused: 'Antrean sesi sedang dijeda.',
      filters: 'Filter',
      path: 'Path',
      show: 'Tampilkan',
      timeline: 'Sampai milidetik',
      event: 'Webhook: Pesan terkirim',
      again: 'Kirim ulang',
      done: 'Event dikirim ulang',
      number: 'Nomor telepon',
      send: 'Kirim kode',
      phone: 'Ponsel +6281298765432',
      code: 'Kode',
      check: 'Verifikasi kode',
      right: 'Kodenya benar.',
    },
  ],
] as const)(
  'a message is followed from its call to its webhook, and a code tried (%s, %i pixels)',
  async (lang, width, words) => {
    const owner = await world.tenant();
    await world.link(owner, 'main', `62811122200${width % 7}`);
    const path = `/sent-${lang}-${posts.length}`;
    const url = `${receiverUrl}${path.slice(1)}`;
    await world.api(owner, 'POST', '/webhook', { url, events: ['message.sent'] });
    await world.api(owner, 'POST', '/message/pause-queue', { session: 'main' });
    const sent = { session: 'main', to: '6281234567801', text: 'Your order' };
    const { body } = await world.api(owner, 'POST', '/message/send-text', sent);
    const { page, problems } = await world.page({ as: owner, lang, width });
    const whole = async () => {
      expect(await world.axe(page)).toEqual([]);
      const wide = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect(await page.evaluate(wide), page.url()).toBe(0);
    };
    // Why it waits, in the list and on its page.
    await page.goto('/dashboard/messages');
    expect(await page.locator('#messages td.why').first().textContent()).toContain(words.paused);
    expect(await page.locator('#messages td.why').first().isVisible()).toBe(true);
    await whole();
    await page.locator('#messages tbody a').first().click();
    await page.getByText(words.paused).waitFor();
    await world.api(owner, 'POST', '/message/resume-queue', { session: 'main' });
    await until(async () => posts.some((post) => post.path === path));
    // From the call to the message, and on to what the webhook was sent.
    await page.goto('/dashboard/developers/requests');
    if (words.filters !== null) await page.getByRole('button', { name: words.filters }).click();
    await page.getByLabel(words.path, { exact: true }).fill('send-text');
    await page.getByRole('button', { name: words.show, exact: true }).click();
    await page.getByRole('link', { name: 'POST /message/send-text' }).click();
    const toMessage = page.getByRole('link', { name: body.data.messageId });
    await toMessage.waitFor();
    await page.waitForLoadState();
    await whole();
    await toMessage.click();
    await page.getByRole('heading', { name: words.timeline }).waitFor();
    await page.getByRole('link', { name: words.event }).click();
    await page.locator('details.attempt pre', { hasText: 'webhook-signature' }).waitFor();
    await whole();
    await page.getByRole('button', { name: words.again, exact: true }).click();
    await page.getByText(words.done).waitFor();
    await until(async () => posts.filter((post) => post.path === path).length === 2);
    // A code, with the phone that is drawn beside.
    await page.goto('/dashboard/otp');
    await page.getByLabel(words.number, { exact: true }).fill('0812-9876-5432');
    await page.getByRole('button', { name: words.send, exact: true }).click();
    const shown = page.getByRole('region', { name: words.phone }).locator('.bubble');
    await shown.waitFor();
    const [code = ''] = /\d{6}/.exec((await shown.textContent()) ?? '') ?? [];
    await whole();
    await page.getByLabel(words.code, { exact: true }).fill(code);
    await page.getByRole('button', { name: words.check, exact: true }).click();
    await page.getByText(words.right).first().waitFor();
    expect(problems).toEqual([]);
  },
  60_000,
);
