/** Every kind of message, decrypted by its recipient and equal to what was sent. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { proto } from '@whiskeysockets/baileys';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Emulator, type Received, startEmulator } from 'wa-emulator';
import { ALL_KINDS } from '../../src/services/messages/kinds/index.ts';
import { dataUrl, mp4File, opusFile, pdfFile, pngFile, sha256, webpFile } from '../helpers/files.ts';
import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { ENGINE } from '../helpers/on-engine.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';
import { CONTENTS } from '../whatsapp/fixtures/contents.ts';

const OWN = '628111000030';
const WAIT = { 'x-api-key': ADMIN_KEY, prefer: 'wait=20' };

let emulator: Emulator;
let gateway: TestGateway;
let web: Server;
let webUrl: string;
const pages = new Map<string, Buffer>();

beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, { engine: ENGINE, allowPrivateUrls: true });
  await linkSession(gateway, emulator, 'main', OWN);
  web = createServer((request, response) => {
    const page = pages.get(request.url ?? '');
    const type = request.url?.endsWith('.html') ? { 'content-type': 'text/html; charset=utf-8' } : {};
    response.writeHead(page ? 200 : 404, type).end(page);
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  webUrl = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
});

afterAll(async () => {
  web?.close();
  await gateway?.remove();
  await emulator?.stop();
});

let numbers = 0;
const newNumber = () => `6281300${String(++numbers).padStart(5, '0')}`;

/** Sends and resolves with what the recipient decrypted. */
async function sendTo(to: string, kind: string, fields: object): Promise<{ data: Data; received: Received }> {
  const input = { session: 'main', to, ...fields };
  const { status, body } = await gateway.call('POST', `/message/send-${kind}`, input, WAIT);
  expect(body).toMatchObject({ success: true });
  expect(status).toBe(200);
  return { data: body.data, received: await arrival(to, body.data.messageId) };
}

interface Data {
  messageId: string;
  type: string;
  rendering?: string;
}

async function arrival(to: string, id: string): Promise<Received> {
  const find = () => emulator.messages({ to }).find((message) => message.id === id);
  await until(async () => find()?.deliveredAt !== undefined);
  const received = find();
  if (!received) throw new Error('nothing arrived');
  expect(received.mediaError).toBeUndefined();
  return received;
}

const send = (kind: string, fields: object) => sendTo(newNumber(), kind, fields);

describe('a file', () => {
  test('arrives as an image with its caption, from a data: URL', async () => {
    const image = pngFile();
    const { data, received } = await send('image', { image: dataUrl('image/png', image), caption: 'look' });
    expect(data.type).toBe('image');
    expect(received).toMatchObject({
      type: 'image',
      caption: 'look',
      mimetype: 'image/png',
      fileSha256: sha256(image),
      fileSize: image.length,
    });
  });

  test('arrives as a video, from a URL', async () => {
    const video = mp4File(300_000);
    pages.set('/clip.mp4', video);
    const { received } = await send('video', { video: `${webUrl}/clip.mp4`, caption: 'clip' });
    expect(received).toMatchObject({
      type: 'video',
      caption: 'clip',
      mimetype: 'video/mp4',
      fileSha256: sha256(video),
    });
  });

  test('arrives as a voice note and as a sound, from an upload', async () => {
    const sound = opusFile(3);
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(sound)]), 'voice.ogg');
    const response = await fetch(`${gateway.url}/media`, {
      method: 'POST',
      headers: { 'x-api-key': ADMIN_KEY },
      body: form,
    });
    const uploaded = (await response.json()) as { data: { id: string; sha256: string; mimetype: string } };
    expect(response.status).toBe(201);
    expect(uploaded.data).toMatchObject({ sha256: sha256(sound), mimetype: 'audio/ogg; codecs=opus' });
    const voice = await send('audio', { audio: uploaded.data.id, ptt: true });
    expect(voice.received).toMatchObject({
      type: 'ptt',
      fileSha256: sha256(sound),
      mimetype: 'audio/ogg; codecs=opus',
    });
    const plain = await send('audio', { audio: dataUrl('audio/ogg', sound) });
    expect(plain.received).toMatchObject({ type: 'audio', fileSha256: sha256(sound) });
    const { body } = await gateway.call('GET', `/message/${plain.data.messageId}`);
    expect(body.data.content).toMatchObject({ seconds: 3, ptt: false });
  });

  test('arrives as a document under its name, from a form', async () => {
    const to = newNumber();
    const document = pdfFile(200_000);
    const form = new FormData();
    form.set('session', 'main');
    form.set('caption', 'your invoice');
    form.set('document', new Blob([new Uint8Array(document)]), 'faktur är #1.pdf');
    form.set('to', to);
    const response = await fetch(`${gateway.url}/message/send-document`, {
      method: 'POST',
      headers: WAIT,
      body: form,
    });
    const body = (await response.json()) as { data: Data };
    expect(response.status).toBe(200);
    expect(await arrival(to, body.data.messageId)).toMatchObject({
      type: 'document',
      fileName: 'faktur är #1.pdf',
      caption: 'your invoice',
      mimetype: 'application/pdf',
      fileSha256: sha256(document),
    });
  });

  test('that is too large is refused while it comes, and the answer reaches the client', async () => {
    const edge = 'edge';
    const piece = new Uint8Array(1024 * 1024);
    async function* form() {
      yield Buffer.from(`--${edge}\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n`);
      for (let i = 0; i < 52; i++) yield piece;
      yield Buffer.from(`\r\n--${edge}--\r\n`);
    }
    const response = await fetch(`${gateway.url}/media`, {
      method: 'POST',
      headers: { 'x-api-key': ADMIN_KEY, 'content-type': `multipart/form-data; boundary=${edge}` },
      body: ReadableStream.from(form()),
      duplex: 'half',
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 'FILE_TOO_LARGE' });
  });

  test('arrives as a sticker', async () => {
    const sticker = webpFile();
    const { received } = await send('sticker', { sticker: dataUrl('image/webp', sticker) });
    expect(received).toMatchObject({ type: 'sticker', mimetype: 'image/webp', fileSha256: sha256(sticker) });
  });

  test('may be looked at once', async () => {
    const image = pngFile();
    const once = { viewOnce: true };
    const picture = await send('image', { image: dataUrl('image/png', image), caption: 'psst', ...once });
    expect(picture.received).toMatchObject({ type: 'image', viewOnce: true, caption: 'psst' });
    expect(picture.received.fileSha256).toBe(sha256(image));
    const [moving, voice] = [mp4File(), opusFile(1)];
    const film = await send('video', { video: dataUrl('video/mp4', moving), ...once });
    expect(film.received).toMatchObject({ type: 'video', viewOnce: true, fileSha256: sha256(moving) });
    const sound = await send('audio', { audio: dataUrl('audio/ogg', voice), ptt: true, ...once });
    expect(sound.received).toMatchObject({ type: 'ptt', viewOnce: true, fileSha256: sha256(voice) });
    const { body } = await gateway.call('GET', `/message/${picture.data.messageId}`);
    expect(body.data.content).toMatchObject({ viewOnce: true, media: { sha256: sha256(image) } });
    const forward = { session: 'main', to: newNumber() };
    const reply = await gateway.call('POST', `/message/${picture.data.messageId}/forward`, forward);
    expect(reply).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
  });

  test('plays as a GIF, or is a round video message', async () => {
    const film = mp4File();
    const video = dataUrl('video/mp4', film);
    const fileSha256 = sha256(film);
    const gif = await send('video', { video, gifPlayback: true, caption: 'again' });
    expect(gif.received).toMatchObject({ type: 'video', gif: true, caption: 'again', fileSha256 });
    expect(gif.received.note).toBeUndefined();
    const note = await send('video', { video, videoNote: true });
    expect(note.received).toMatchObject({ type: 'video', note: true, fileSha256 });
    const edited = await gateway.call('POST', `/message/${note.data.messageId}/edit`, { text: 'words' });
    expect(edited).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    const both = { session: 'main', to: newNumber(), video, videoNote: true, caption: 'no' };
    expect(await gateway.call('POST', '/message/send-video', both)).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION_FAILED', details: { videoNote: expect.any(String) } },
    });
  });

  test('is uploaded again for a recipient whose phone asks for the message again', async () => {
    const to = newNumber();
    const image = pngFile();
    emulator.setRule({ number: to, behaviour: 'retry:1' });
    const { received } = await sendTo(to, 'image', { image: dataUrl('image/png', image) });
    expect(received).toMatchObject({ retriesAsked: 1, fileSha256: sha256(image) });
  });

  test('is sent in another attempt when its upload fails', async () => {
    await emulator.fault({ kind: 'media_fail', times: 1 });
    const image = pngFile();
    const { received } = await send('image', { image: dataUrl('image/png', image) });
    expect(received.fileSha256).toBe(sha256(image));
  });
});

describe('other kinds', () => {
  const plain = ALL_KINDS.filter(({ hasFile, inChatOnly }) => !hasFile && !inChatOnly);

  test.each(plain)('the $type that the document shows as an example arrives', async ({ type, example }) => {
    const { received } = await send(type, example);
    expect(received.type).toBe(Reflect.get(CONTENTS[type].read, 'type'));
    // Words are compared with those of the example; other fields by the tests below, each as its kind reads.
    const words = Object.entries(example).filter(
      ([name, value]) => ['text', 'question', 'name'].includes(name) && typeof value === 'string',
    );
    expect(words.length).toBeGreaterThan(0);
    for (const [, value] of words) expect(JSON.stringify(received)).toContain(value);
  });

  test('a text arrives as it was written', async () => {
    const text = 'Baris satu\n  *tebal* 👩‍👩‍👧 \u202eארץ\n\nhttps://example.com?a=1&b=2';
    expect((await send('text', { text })).received).toMatchObject({ type: 'text', text });
  });

  test('a location arrives at its coordinates', async () => {
    const place = { latitude: -6.1754, longitude: 106.8272, name: 'Monas', address: 'Jakarta' };
    expect((await send('location', place)).received).toMatchObject({ type: 'location', ...place });
  });

  test('a contact arrives as a card that phones can read', async () => {
    const { received } = await send('contact', { name: 'Toko; Budi', phoneNumber: '0812-9876-5432' });
    expect(received).toMatchObject({ type: 'contact', name: 'Toko; Budi' });
    expect(received.contacts?.[0]?.phones).toEqual(['+6281298765432']);
    expect(received.contacts?.[0]?.vcard).toContain('FN:Toko\\; Budi');
  });

  test('several contacts arrive in one message', async () => {
    const contacts = [
      { name: 'Siti', phoneNumber: '081211112222' },
      { name: 'Adi', phoneNumber: '+6281233334444' },
    ];
    const { received } = await send('contact', { contacts });
    expect(received.contacts).toMatchObject([
      { name: 'Siti', phones: ['+6281211112222'] },
      { name: 'Adi', phones: ['+6281233334444'] },
    ]);
    const input = { session: 'main', to: newNumber(), contacts, name: 'Siti' };
    expect(await gateway.call('POST', '/message/send-contact', input)).toMatchObject({
      status: 400,
      body: { details: { contacts: expect.any(String) } },
    });
    const none = { session: 'main', to: newNumber(), name: 'Siti' };
    expect(await gateway.call('POST', '/message/send-contact', none)).toMatchObject({
      status: 400,
      body: { details: { phoneNumber: expect.any(String) } },
    });
  });

  test('a text shows the page that it links to, and goes without when that cannot be had', async () => {
    const tags = [
      '<title>Other</title><meta property="og:title" content="Tea &amp; co">',
      '<meta name="description" content="Loose\n leaf"><meta property="og:image" content="/tea.png">',
    ];
    pages.set(
      '/tea.html',
      Buffer.from(`<!doctype html><html><head>${tags.join('')}</head><body>tea</body></html>`),
    );
    pages.set('/tea.png', pngFile());
    pages.set('/untitled.html', Buffer.from('<p>nothing</p>'));
    const text = `see ${webUrl}/tea.html.`;
    const { data, received } = await send('text', { text, linkPreview: true });
    expect(received).toMatchObject({
      text,
      preview: { url: `${webUrl}/tea.html`, title: 'Tea & co', description: 'Loose leaf' },
    });
    expect(Buffer.from(received.preview?.thumbnail ?? '', 'base64').subarray(0, 2)).toEqual(
      Buffer.from([0xff, 0xd8]),
    );
    const { body } = await gateway.call('GET', `/message/${data.messageId}`);
    expect(body.data.content.preview).toMatchObject({ title: 'Tea & co' });
    expect((await send('text', { text })).received.preview).toBeUndefined();
    for (const path of ['gone.html', 'tea.png', 'untitled.html']) {
      const without = await send('text', { text: `${webUrl}/${path}`, linkPreview: true });
      expect(without.received).toMatchObject({ type: 'text', text: `${webUrl}/${path}` });
      expect(without.received.preview).toBeUndefined();
    }
  });

  test('an edit keeps whom the text names, what it answers, and its preview while it has the link', async () => {
    pages.set('/kept.html', Buffer.from('<title>Kept</title>'));
    const to = newNumber();
    const quotedMessageId = await deliver(to, { text: 'which one?' });
    const link = `${webUrl}/kept.html`;
    const named = { mentions: [`+${to}`], linkPreview: true };
    const fields = { text: `@${to} see ${link}`, ...named, quotedMessageId };
    const { data } = await sendTo(to, 'text', fields);
    const edit = async (text: string) => {
      const path = `/message/${data.messageId}/edit`;
      const { status, body } = await gateway.call('POST', path, { text }, WAIT);
      expect(status).toBe(200);
      const read = await arrival(to, body.data.messageId);
      const row = await gateway.call('GET', `/message/${data.messageId}`);
      return { read, content: row.body.data.content };
    };
    const mentions = [`${to}@s.whatsapp.net`];
    const kept = await edit(`@${to} do see ${link}`);
    expect(kept.read).toMatchObject({ type: 'edit', mentions, preview: { url: link, title: 'Kept' } });
    const answers = { quotedId: quotedMessageId, quotedText: 'which one?' };
    expect(kept.read).toMatchObject(answers);
    expect(kept.content).toMatchObject({ mentions, preview: { url: link } });
    const without = await edit(`@${to} never mind`);
    expect(without.read).toMatchObject({ type: 'edit', text: `@${to} never mind`, mentions, ...answers });
    expect(without.read.preview).toBeUndefined();
    expect(without.content.mentions).toEqual(mentions);
    expect(without.content.preview).toBeUndefined();
  });

  test('what was sent and what came in is forwarded, with its file and its mark', async () => {
    const to = newNumber();
    const forward = async (id: string) => {
      const { status, body } = await gateway.call('POST', `/message/${id}/forward`, { to }, WAIT);
      expect(status).toBe(200);
      return arrival(to, body.data.messageId);
    };
    const image = pngFile();
    const first = await send('image', { image: dataUrl('image/png', image), caption: 'look' });
    expect(first.received.forwardingScore).toBeUndefined();
    const sent = await forward(first.data.messageId);
    expect(sent).toMatchObject({ caption: 'look', fileSha256: sha256(image), forwardingScore: 1 });
    const [again] = emulator.messages({ to });
    expect(await forward(again?.id ?? '')).toMatchObject({ caption: 'look', forwardingScore: 2 });
    const quoting = { text: 'an answer', quotedMessageId: first.data.messageId };
    const answer = await send('text', quoting);
    expect((await forward(answer.data.messageId)).quotedId).toBeUndefined();
    const from = newNumber();
    const file = pngFile();
    const theirs = await deliver(from, { kind: 'image', data: file.toString('base64'), caption: 'from me' });
    const stateOf = async () =>
      (await gateway.call('GET', `/message/${theirs}`)).body.data.content.media.state as string;
    await until(async () => (await stateOf()) === 'stored');
    expect(await forward(theirs)).toMatchObject({
      caption: 'from me',
      fileSha256: sha256(file),
      forwardingScore: 1,
    });
    const reaction = await sendTo(from, 'reaction', { messageId: theirs, emoji: '👍' });
    expect(await gateway.call('POST', `/message/${reaction.data.messageId}/forward`, { to })).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT', details: { type: 'reaction' } },
    });
    expect((await gateway.call('POST', '/message/3EB0UNKNOWN/forward', { to })).status).toBe(404);
  });

  test('a poll arrives with its options, for one choice or for several', async () => {
    const poll = { question: 'When?', options: ['Morning', 'Evening', 'Never'] };
    const one = await send('poll', poll);
    expect(one.received).toMatchObject({
      type: 'poll',
      pollName: 'When?',
      options: poll.options,
      selectableCount: 1,
    });
    const several = await send('poll', { ...poll, multiple: true });
    expect(several.received).toMatchObject({ options: poll.options, selectableCount: 0 });
  });

  test('an event arrives with its times and its place', async () => {
    const point = { latitude: -6.9, longitude: 107.6 };
    const event = { name: 'Tea tasting', description: 'All are welcome', place: 'Bandung', ...point };
    const times = { startsAt: '2026-01-31T16:00:00+07:00', endsAt: '2026-01-31T11:00:00Z' };
    const joinLink = 'https://example.com/join';
    const { data, received } = await send('event', { ...event, ...times, joinLink });
    expect(received).toMatchObject({
      type: 'event',
      event: { ...event, startsAt: '2026-01-31T09:00:00.000Z', endsAt: '2026-01-31T11:00:00.000Z', joinLink },
    });
    const to = newNumber();
    const forwarded = await gateway.call('POST', `/message/${data.messageId}/forward`, { to }, WAIT);
    expect(await arrival(to, forwarded.body.data.messageId)).toMatchObject({ event, forwardingScore: 1 });
    const canceled = await deliver(to, {
      kind: 'raw',
      payload: sealed({ eventMessage: { name: 'Walk', startTime: 1_790_000_000, isCanceled: true } }),
    });
    expect(await gateway.call('POST', `/message/${canceled}/forward`, { to })).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT', details: { type: 'event' } },
    });
    const late = { session: 'main', to, ...event, startsAt: times.endsAt, endsAt: times.startsAt };
    expect(await gateway.call('POST', '/message/send-event', late)).toMatchObject({
      status: 400,
      body: { details: { endsAt: expect.any(String) } },
    });
  });

  test('a reaction names the message it is about, and can be taken back', async () => {
    const to = newNumber();
    const { data } = await sendTo(to, 'text', { text: 'hello' });
    const { received } = await sendTo(to, 'reaction', { messageId: data.messageId, emoji: '👍🏽' });
    expect(received.reaction).toEqual({ messageId: data.messageId, emoji: '👍🏽' });
    const taken = await sendTo(to, 'reaction', { messageId: data.messageId, emoji: '' });
    expect(taken.received.reaction).toEqual({ messageId: data.messageId, emoji: '' });
    const unknown = { session: 'main', to, messageId: '3EB0UNKNOWN', emoji: '👍' };
    expect(await gateway.call('POST', '/message/send-reaction', unknown)).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
  });

  test('an answer quotes what was said, whoever said it', async () => {
    const to = newNumber();
    const first = await sendTo(to, 'text', { text: 'our question' });
    const own = await sendTo(to, 'text', { text: 'again', quotedMessageId: first.data.messageId });
    expect(own.received).toMatchObject({ quotedId: first.data.messageId, quotedText: 'our question' });
    const id = await deliver(to, { text: 'their question' });
    const answer = { image: dataUrl('image/png', pngFile()), caption: 'see', quotedMessageId: id };
    const theirs = await sendTo(to, 'image', answer);
    expect(theirs.received).toMatchObject({ caption: 'see', quotedId: id, quotedText: 'their question' });
  });
});

const BUTTONS = {
  text: 'Is this right?',
  footer: 'Toko Budi',
  buttons: [
    { id: 'order-yes', text: 'Yes' },
    { id: 'order-no', text: 'No, change it' },
  ],
};
const LIST = {
  text: 'What can we do?',
  title: 'Help',
  buttonText: 'Menu',
  sections: [
    { title: 'Orders', rows: [{ id: 'track', title: 'Track', description: 'where it is' }] },
    { title: 'Other', rows: [{ id: 'talk', title: 'Talk to us' }] },
  ],
};

/** What somebody writes to our number, as the history keeps it. */
/** As phones seal it: with padding. */
const sealed = (message: proto.IMessage) =>
  Buffer.concat([proto.Message.encode(message).finish(), Buffer.alloc(1, 1)]).toString('base64');

async function deliver(from: string, content: object): Promise<string> {
  const { ids } = await emulator.deliver({ to: OWN, from, ...content });
  const [id = ''] = ids;
  await until(async () => (await gateway.call('GET', `/message/${id}`)).status === 200);
  return id;
}

async function replyTo(from: string, content: object) {
  const { body } = await gateway.call('GET', `/message/${await deliver(from, content)}`);
  return body.data.content.reply;
}

describe('buttons and lists', () => {
  test('read well as a text that every phone shows, and the number of one is matched to its id', async () => {
    const to = newNumber();
    const { data, received } = await sendTo(to, 'buttons', BUTTONS);
    expect(data.rendering).toBe('text');
    expect(received).toMatchObject({
      type: 'text',
      text: 'Is this right?\n\n*1.* Yes\n*2.* No, change it\n\n_Toko Budi_',
    });
    const { messageId } = data;
    const no = { messageId, id: 'order-no', text: 'No, change it' };
    expect(await replyTo(to, { text: '2' })).toEqual(no);
    expect(await replyTo(to, { text: ' no, CHANGE it ' })).toEqual(no);
    expect(await replyTo(to, { text: '3' })).toBeUndefined();
    expect(await replyTo(to, { text: 'what?' })).toBeUndefined();
    expect(await replyTo(newNumber(), { text: '2' })).toBeUndefined();

    const list = await sendTo(to, 'list', LIST);
    expect(list.received.text).toBe(
      '*Help*\n\nWhat can we do?\n\n*Orders*\n*1.* Track\n    where it is\n\n*Other*\n*2.* Talk to us',
    );
    expect(await replyTo(to, { text: '2.' })).toMatchObject({ messageId: list.data.messageId, id: 'talk' });
    expect(await replyTo(to, { text: '2', messageId })).toEqual(no);
  });

  test('open a page, call a number or copy a code, native and as a text', async () => {
    const buttons = [
      { text: 'Yes', id: 'y' },
      { text: 'Shop', url: 'https://example.com/tea' },
      { text: 'Call', phoneNumber: '0812-9876-5432' },
      { text: 'Voucher', code: 'TEA10' },
    ];
    const to = newNumber();
    const native = await sendTo(to, 'buttons', { text: 'Tea?', buttons, rendering: 'native' });
    expect(native.received.buttons).toEqual([
      { text: 'Yes', id: 'y', kind: 'quick_reply' },
      { text: 'Shop', id: '', kind: 'cta_url', url: 'https://example.com/tea' },
      { text: 'Call', id: '', kind: 'cta_call', phone: '+6281298765432' },
      { text: 'Voucher', id: '', kind: 'cta_copy', code: 'TEA10' },
    ]);
    const text = await sendTo(to, 'buttons', { text: 'Tea?', buttons: buttons.toReversed() });
    expect(text.received.text).toBe(
      'Tea?\n\n*1.* Yes\n\n*Voucher:* TEA10\n*Call:* +6281298765432\n*Shop:* https://example.com/tea',
    );
    expect(await replyTo(to, { text: '1' })).toMatchObject({ messageId: text.data.messageId, id: 'y' });
    expect(await replyTo(to, { text: '2' })).toBeUndefined();
    for (const bad of [
      { text: 'x' },
      { text: 'x', id: 'a', code: 'b' },
      { text: 'x', url: 'javascript:1' },
    ]) {
      const input = { session: 'main', to, text: 'Tea?', buttons: [bad] };
      expect((await gateway.call('POST', '/message/send-buttons', input)).body.code).toBe(
        'VALIDATION_FAILED',
      );
    }
  });

  test('go as WhatsApp buttons with their ids when that is asked for, and a tap is matched', async () => {
    const to = newNumber();
    const { data, received } = await sendTo(to, 'buttons', { ...BUTTONS, rendering: 'native' });
    expect(data.rendering).toBe('native');
    expect(received).toMatchObject({ type: 'interactive', text: BUTTONS.text, footer: BUTTONS.footer });
    expect(received.buttons).toMatchObject(BUTTONS.buttons);
    const list = await sendTo(to, 'list', { ...LIST, rendering: 'native' });
    expect(list.received).toMatchObject({
      ...{ title: 'Help', text: LIST.text, buttonText: 'Menu', sections: LIST.sections },
    });
    expect(await replyTo(to, { kind: 'button_reply', buttonId: 'order-yes', text: 'Yes' })).toEqual({
      messageId: data.messageId,
      id: 'order-yes',
      text: 'Yes',
    });
    expect(await replyTo(to, { kind: 'list_reply', buttonId: 'track', text: 'Track' })).toMatchObject({
      messageId: list.data.messageId,
      id: 'track',
    });
  });
});

describe('a group', () => {
  test('is listed, and its members read every kind that is sent to it', async () => {
    const members = [newNumber(), newNumber()];
    const group = emulator.createGroup({ subject: 'Keluarga', participants: [OWN, ...members] });
    const { body } = await gateway.call('GET', '/session/main/groups');
    expect(body.data).toEqual([{ id: group.id, subject: 'Keluarga', size: 3 }]);
    const image = pngFile();
    const input = { session: 'main', to: group.id, isGroup: true };
    const picture = { ...input, image: dataUrl('image/png', image), caption: 'us' };
    const sent = await gateway.call('POST', '/message/send-image', picture, WAIT);
    expect(sent.status).toBe(200);
    for (const member of members) {
      expect(await arrival(member, sent.body.data.messageId)).toMatchObject({
        group: group.id,
        caption: 'us',
        fileSha256: sha256(image),
      });
    }
    const answer = { ...input, text: 'nice', quotedMessageId: sent.body.data.messageId };
    const quoting = await gateway.call('POST', '/message/send-text', answer, WAIT);
    for (const member of members) {
      expect(await arrival(member, quoting.body.data.messageId)).toMatchObject({
        quotedId: sent.body.data.messageId,
        quotedText: 'us',
      });
    }
  });
});

test('a text and a caption name people, and everyone in a group', async () => {
  const member = newNumber();
  const group = emulator.createGroup({ subject: 'All', participants: [OWN, member] });
  const post = (kind: string, fields: object) =>
    gateway.call('POST', `/message/send-${kind}`, { session: 'main', to: group.id, ...fields }, WAIT);
  const named = { mentions: [`+${member}`, '123456789012345@lid'] };
  const jids = [`${member}@s.whatsapp.net`, '123456789012345@lid'];
  const text = await post('text', { text: `hi @${member}`, ...named });
  expect(await arrival(member, text.body.data.messageId)).toMatchObject({
    text: `hi @${member}`,
    mentions: jids,
  });
  const file = pngFile();
  const picture = { image: dataUrl('image/png', file), caption: `@${member}`, mentions: [member] };
  const image = await post('image', picture);
  expect(await arrival(member, image.body.data.messageId)).toMatchObject({
    caption: `@${member}`,
    fileSha256: sha256(file),
    mentions: [jids[0]],
  });
  for (const all of [{ mentions: ['@all'] }, { mentionAll: true }]) {
    const sent = await post('text', { text: '@all', ...all });
    expect(await arrival(member, sent.body.data.messageId)).toMatchObject({ text: '@all', mentionAll: true });
    expect(sent.body.data).toMatchObject({ to: group.id });
  }
  const person = { session: 'main', to: member, text: '@all', mentionAll: true };
  expect(await gateway.call('POST', '/message/send-text', person)).toMatchObject({
    status: 400,
    body: { details: { mentionAll: expect.any(String) } },
  });
  expect(await post('text', { text: 'x', mentions: [group.id] })).toMatchObject({
    status: 400,
    body: { details: { mentions: expect.any(String) } },
  });
});

describe('what a phone would do', () => {
  test('an inbound message is marked as read, once, and its sender hears of it', async () => {
    const from = newNumber();
    const id = await deliver(from, { text: 'seen?' });
    const { status, body } = await gateway.call('POST', `/message/${id}/read`);
    expect(status).toBe(200);
    expect(body.data.readAt).not.toBeNull();
    await until(async () => emulator.inbound({ id })[0]?.readAt !== undefined);
    const again = await gateway.call('POST', `/message/${id}/read`);
    expect(again.body.data.readAt).toBe(body.data.readAt);
    const { data } = await sendTo(from, 'text', { text: 'ours' });
    expect((await gateway.call('POST', `/message/${data.messageId}/read`)).status).toBe(404);
  });

  test('typing shows before a text when it is switched on, not before a code', async () => {
    const { pacing } = gateway.config;
    const typist = await startTestGateway(emulator, {
      engine: ENGINE,
      pacing: { ...pacing, typingMsPerChar: 5 },
    });
    try {
      await linkSession(typist, emulator, 'main', '628111000031');
      const to = newNumber();
      const post = (fields: object) =>
        typist.call('POST', '/message/send-text', { session: 'main', to, text: 'typed', ...fields }, WAIT);
      await post({ priority: 'high' });
      expect(emulator.activity({ phone: '628111000031', kind: 'chatstate' })).toHaveLength(0);
      await post({});
      expect(emulator.activity({ phone: '628111000031', kind: 'chatstate' })).toHaveLength(1);
    } finally {
      await typist.remove();
    }
  });
});

describe('a message that was sent', () => {
  const post = (path: string, body: object = {}) => gateway.call('POST', path, body, WAIT);
  const show = async (id: string) => (await gateway.call('GET', `/message/${id}`)).body.data;

  test.each([
    ['text', { text: 'first' }, 'text'],
    ['image', { image: dataUrl('image/png', pngFile()), caption: 'first' }, 'caption'],
  ])('is edited, and deleted for everyone: %s', async (kind, fields, field) => {
    const to = newNumber();
    const { data } = await sendTo(to, kind, fields);
    const edit = await post(`/message/${data.messageId}/edit`, { text: 'second' });
    expect(edit).toMatchObject({ status: 200, body: { data: { targetId: data.messageId } } });
    expect(await arrival(to, edit.body.data.messageId)).toMatchObject({
      type: 'edit',
      targetId: data.messageId,
      [field]: 'second',
      ownCopy: true,
    });
    const revoke = await post(`/message/${data.messageId}/revoke`);
    expect(revoke).toMatchObject({
      status: 200,
      body: { data: { targetId: data.messageId } },
    });
    expect(await arrival(to, revoke.body.data.messageId)).toMatchObject({
      type: 'revoke',
      targetId: data.messageId,
      ownCopy: true,
    });
    expect(await show(data.messageId)).toMatchObject({
      content: { [field]: 'second' },
      original: { [field]: 'first' },
      editedAt: expect.any(String),
      revokedAt: expect.any(String),
    });
  });

  test('to a group is edited for all of its members', async () => {
    const members = [newNumber(), newNumber()];
    const group = emulator.createGroup({ subject: 'g', participants: [OWN, ...members] });
    const sent = await post('/message/send-text', { session: 'main', to: group.id, text: 'first' });
    const edit = await post(`/message/${sent.body.data.messageId}/edit`, { text: 'second' });
    for (const member of members) {
      expect(await arrival(member, edit.body.data.messageId)).toMatchObject({ type: 'edit', text: 'second' });
    }
  });

  test('is edited by the owner on the phone, and by the person who wrote it', async () => {
    const person = newNumber();
    const { id } = await emulator.sendFromPhone({ phone: OWN, to: person, text: 'first' });
    await emulator.sendFromPhone({ phone: OWN, to: person, kind: 'edit', messageId: id, text: 'second' });
    const { ids } = await emulator.deliver({ to: OWN, from: person, text: 'first' });
    const theirs = ids[0] ?? '';
    await emulator.deliver({ to: OWN, from: person, kind: 'edit', messageId: theirs, text: 'second' });
    await emulator.deliver({ to: OWN, from: person, kind: 'revoke', messageId: theirs });
    await until(async () => (await show(id))?.editedAt != null && (await show(theirs))?.revokedAt != null);
    expect(await show(id)).toMatchObject({ source: 'phone', content: { text: 'second' } });
    expect(await show(theirs)).toMatchObject({ content: { text: 'second' }, original: { text: 'first' } });
  });
});

describe('an album', () => {
  const send = (fields: object, headers = WAIT) =>
    gateway.call('POST', '/message/send-album', { session: 'main', ...fields }, headers);

  test('arrives in its order, each item naming its head', async () => {
    const [front, film] = [pngFile(), mp4File(20_000)];
    pages.set('/album-front.png', front);
    pages.set('/album-film.mp4', film);
    const image = `${webUrl}/album-front.png`;
    const items = [{ image, caption: 'depan' }, { video: `${webUrl}/album-film.mp4` }, { image }];
    const group = emulator.createGroup({ subject: 'g', participants: [OWN, newNumber()] });
    for (const to of [newNumber(), group.id]) {
      const headers = { ...WAIT, 'idempotency-key': `album-${to}` };
      const { status, body } = await send({ to, items }, headers);
      expect({ status, body }).toMatchObject({ status: 200, body: { data: { album: { type: 'album' } } } });
      expect((await send({ to, items }, headers)).body.data).toEqual(body.data);
      const { album, items: sent } = body.data;
      expect(sent.map(({ type }: Data) => type)).toEqual(['image', 'video', 'image']);
      const person = group.id === to ? (group.participants[1] ?? '') : to;
      expect(await arrival(person, album.messageId)).toMatchObject({ type: 'album', images: 2, videos: 1 });
      const shown: Received[] = [];
      for (const { messageId } of sent) shown.push(await arrival(person, messageId));
      expect(shown).toMatchObject([
        { type: 'image', caption: 'depan', fileSha256: sha256(front) },
        { type: 'video', fileSha256: sha256(film) },
        { type: 'image', fileSha256: sha256(front) },
      ]);
      expect(shown.map((one) => one.album)).toEqual(sent.map(() => album.messageId));
      const ids = [album, ...sent].map(({ messageId }: Data) => messageId);
      expect(emulator.messages({ to: person }).map(({ id }) => id)).toEqual(ids);
      const { body: last } = await gateway.call('GET', `/message/${ids.at(-1)}`);
      expect(last.data.content).toMatchObject({ type: 'image', album: album.messageId });
    }
  });

  test('is two to ten images and videos, and all of them or none', async () => {
    const to = newNumber();
    const image = `${webUrl}/album-front.png`;
    const refused = async (items: object[]) => (await send({ to, items })).body.code;
    expect(await refused([{ image }])).toBe('VALIDATION_FAILED');
    expect(await refused(Array.from({ length: 11 }, () => ({ image })))).toBe('VALIDATION_FAILED');
    expect(await refused([{ image }, { image, video: image }])).toBe('VALIDATION_FAILED');
    expect(await refused([{ image }, {}])).toBe('VALIDATION_FAILED');
    expect(await refused([{ image }, { video: image }])).toBe('UNSUPPORTED_MEDIA');
    expect(await refused([{ image }, { image: `${webUrl}/gone.png` }])).toBe('URL_REFUSED');
    const { body } = await gateway.call('GET', `/message/list?session=main&to=${to}`);
    expect(body.data).toEqual([]);
  });
});

describe('a status', () => {
  const picture = pngFile();
  const film = mp4File(20_000);
  test.each([
    [
      'text',
      { text: 'Buka sampai 21:00', background: '#128C7E' },
      { type: 'text', text: 'Buka sampai 21:00', background: '#128C7E' },
    ],
    [
      'image',
      { image: dataUrl('image/png', picture), caption: 'baru' },
      { type: 'image', caption: 'baru', fileSha256: sha256(picture) },
    ],
    ['video', { video: dataUrl('video/mp4', film) }, { type: 'video', fileSha256: sha256(film) }],
  ])('reaches those it is for, and nobody else: %s', async (_kind, fields, shown) => {
    const [known, stranger, other] = [newNumber(), newNumber(), newNumber()];
    await sendTo(known, 'text', { text: 'halo' });
    await sendTo(other, 'text', { text: 'halo' });
    const post = { session: 'main', recipients: [`+${known}`, stranger, `+${known}`], ...fields };
    const { status, body } = await gateway.call('POST', '/message/send-status', post, WAIT);
    expect({ status, body }).toMatchObject({ status: 200, body: { data: { to: 'status@broadcast' } } });
    const id = body.data.messageId;
    for (const person of [known, stranger]) {
      expect(await arrival(person, id)).toMatchObject({
        ...shown,
        from: OWN,
        group: 'status@broadcast',
        copies: 1,
      });
    }
    await until(() => emulator.messages({ id }).every(({ ownCopy }) => ownCopy === true));
    await until(async () => (await gateway.call('GET', `/message/${id}`)).body.data.status !== 'sent');
    expect(
      emulator
        .messages({ id })
        .map(({ to }) => to)
        .sort(),
    ).toEqual([known, stranger].sort());
    const revoke = await gateway.call('POST', `/message/${id}/revoke`, {}, WAIT);
    expect(revoke.status).toBe(200);
    for (const person of [known, stranger]) {
      expect(await arrival(person, revoke.body.data.messageId)).toMatchObject({
        type: 'revoke',
        targetId: id,
      });
    }
    expect((await gateway.call('POST', `/message/${id}/edit`, { text: 'x' })).body.code).toBe('CONFLICT');
  });

  test('is one text, one image or one video, for people', async () => {
    const call = (fields: object) =>
      gateway.call('POST', '/message/send-status', { session: 'main', recipients: [newNumber()], ...fields });
    expect((await call({})).status).toBe(400);
    expect((await call({ text: 'a', image: dataUrl('image/png', picture) })).status).toBe(400);
    expect((await call({ text: 'a', recipients: ['120363012345678901@g.us'] })).status).toBe(400);
    expect((await call({ text: 'a', recipients: Array.from({ length: 257 }, newNumber) })).status).toBe(400);
    expect((await call({ text: 'a', background: 'red' })).status).toBe(400);
  });
});
