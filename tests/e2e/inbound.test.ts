import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { dbType } from '../../src/db/kit.ts';
import { inboundMedia, media, mediaSources, messages } from '../../src/db/schema.ts';
import { sweepMedia } from '../../src/services/media/sweep.ts';
import { testConfig } from '../helpers/app.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const PHONE = '628111000020';
/** Both on one of the databases; what the other may change is the same for both. */
const ENGINES =
  dbType === 'sqlite' ? (['baileys', 'wa-multi-session'] as const) : (['wa-multi-session'] as const);
const GIF = Buffer.concat([Buffer.from('GIF89a'), randomBytes(300_000)]);

describe.each(ENGINES)('what comes in by %s', (engine) => {
  let emulator: Emulator;
  let gateway: TestGateway;
  let next = 1;
  const person = () => `62877${engine.length}${String(next++).padStart(6, '0')}`;

  beforeAll(async () => {
    emulator = await startEmulator();
    const files = { ...testConfig().files, maxMediaBytes: 1_000_000 };
    gateway = await startTestGateway(emulator, { engine, files });
    await linkSession(gateway, emulator, 'main', PHONE);
  });
  afterAll(async () => {
    await gateway?.remove();
    await emulator?.stop();
  });

  async function deliver(message: object, from = person()) {
    const { ids } = await emulator.deliver({ to: PHONE, from, ...message });
    const [messageId] = ids;
    await until(async () => (await gateway.call('GET', `/message/${messageId}`)).status === 200);
    return { messageId, from };
  }
  const show = async (messageId: string | undefined) =>
    (await gateway.call('GET', `/message/${messageId}`)).body.data;
  const confirmed = (messageId: string | undefined) =>
    until(async () => (await show(messageId)).content.media.state !== 'pending', 20_000);

  test('a file is downloaded, and opens by its signed link', async () => {
    const { messageId, from } = await deliver({
      kind: 'image',
      data: GIF.toString('base64'),
      mimetype: 'image/jpeg',
      caption: 'look',
    });
    await confirmed(messageId);
    const shown = await show(messageId);
    expect(shown).toMatchObject({ direction: 'in', from: `+${from}`, type: 'image', status: 'received' });
    expect(shown.content).toMatchObject({
      caption: 'look',
      // As the bytes say, not the sender.
      media: { state: 'stored', mimetype: 'image/gif', size: GIF.length },
    });
    const path = new URL(shown.content.media.url);
    const response = await fetch(`${gateway.url}${path.pathname}${path.search}`);
    expect(response.status).toBe(200);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(shown.content.media.sha256);
    expect(bytes.equals(GIF)).toBe(true);
    const refused = await fetch(`${gateway.url}${path.pathname}`);
    expect(refused.status).toBe(401);
  });

  test('who wrote is called by the name that they have given themselves', async () => {
    const { messageId, from } = await deliver({ kind: 'text', text: 'hello', pushName: 'Ayu\u202e Lestari' });
    await until(async () => (await show(messageId)).name !== null);
    expect(await show(messageId)).toMatchObject({ from: `+${from}`, name: 'Ayu Lestari' });
    const { data } = (await gateway.call('GET', '/message/list')).body;
    expect(data.find((one: { messageId: string }) => one.messageId === messageId)).toMatchObject({
      name: 'Ayu Lestari',
    });
  });

  test('the images of an album are messages of their own that name it', async () => {
    const album = `3A${randomBytes(9).toString('hex').toUpperCase()}`;
    const from = person();
    const data = GIF.toString('base64');
    for (const caption of ['one', 'two']) {
      const { messageId } = await deliver({ kind: 'image', data, caption, album }, from);
      await confirmed(messageId);
      expect((await show(messageId)).content).toMatchObject({ caption, album, media: { state: 'stored' } });
    }
  });

  test('its key is nowhere in the clear', async () => {
    const { messageId } = await deliver({
      kind: 'document',
      data: GIF.toString('base64'),
      fileName: 'a.gif',
    });
    await confirmed(messageId);
    const { db } = gateway.deps;
    expect(await db.select().from(inboundMedia)).toEqual([]);
    const kept = await db.select().from(mediaSources);
    expect(kept.map(({ sealed }) => sealed.toString('latin1')).join()).not.toContain('/v/emulated/');
    const rows = JSON.stringify(await db.select().from(messages));
    expect(rows).not.toContain('mediaKey');
    expect(rows).not.toContain('/v/emulated/');
    expect((await show(messageId)).content).toMatchObject({ filename: 'a.gif', media: { state: 'stored' } });
  });

  test('a file that was deleted is fetched again, from the phone where WhatsApp has it no more', async () => {
    const { messageId = '' } = await deliver({ kind: 'image', data: GIF.toString('base64') });
    await confirmed(messageId);
    const again = (id: string) => gateway.call('POST', `/message/${id}/media`, {});
    const before = (await show(messageId)).content.media;
    expect(await again(messageId)).toMatchObject({
      status: 202,
      body: { data: { content: { media: { id: before.id } } } },
    });
    const expire = async (id: string) => {
      const all = await gateway.deps.db.update(media).set({ expiresAt: 0 });
      expect(all).toBeDefined();
      await sweepMedia(gateway.deps);
      return (await fetch(await linkOf(id))).status;
    };
    const linkOf = async (id: string) => {
      const { pathname, search } = new URL((await show(id)).content.media.url);
      return `${gateway.url}${pathname}${search}`;
    };
    // WhatsApp still has it.
    expect(await expire(messageId)).toBe(404);
    expect((await again(messageId)).body.data.content.media.state).toBe('pending');
    await confirmed(messageId);
    expect(Buffer.from(await (await fetch(await linkOf(messageId))).arrayBuffer()).equals(GIF)).toBe(true);
    // WhatsApp has it no more, and the phone does.
    await expire(messageId);
    emulator.expireFile({ id: messageId });
    await Promise.all([again(messageId), again(messageId)]);
    await confirmed(messageId);
    expect(Buffer.from(await (await fetch(await linkOf(messageId))).arrayBuffer()).equals(GIF)).toBe(true);
    // Nobody has it.
    await expire(messageId);
    emulator.expireFile({ id: messageId, phone: 'not_found' });
    await again(messageId);
    await confirmed(messageId);
    expect((await show(messageId)).content.media).toMatchObject({ state: 'failed', error: 'gone' });
    expect(await gateway.deps.db.select().from(inboundMedia)).toEqual([]);
    const text = await deliver({ text: 'no file' });
    expect((await again(text.messageId ?? '')).body.code).toBe('CONFLICT');
    expect((await again('none')).body.code).toBe('NOT_FOUND');
  });

  test('a file above the limit is refused, and its message stays', async () => {
    const data = randomBytes(1_100_000).toString('base64');
    const { messageId } = await deliver({ kind: 'video', data, caption: 'too long' });
    await confirmed(messageId);
    expect((await show(messageId)).content).toMatchObject({
      caption: 'too long',
      media: { state: 'failed', error: 'too_large' },
    });
  });

  test('the answer to buttons names the button', async () => {
    const to = person();
    // The chat is known to hold no offers by then.
    await deliver({ text: '2' }, to);
    const buttons = [
      { id: 'yes', text: 'Yes' },
      { id: 'no', text: 'No' },
    ];
    const sent = await gateway.call(
      'POST',
      '/message/send-buttons',
      { session: 'main', to, text: 'Coming?', buttons },
      { 'x-api-key': gateway.config.adminKey ?? '', prefer: 'wait=20' },
    );
    expect(sent.status).toBe(200);
    const offer = sent.body.data.messageId;
    for (const [message, id] of [
      [{ text: '2' }, 'no'],
      [{ kind: 'button_reply', buttonId: 'yes', text: 'Yes', messageId: offer }, 'yes'],
    ] as const) {
      const { messageId } = await deliver(message, to);
      expect((await show(messageId)).content.reply).toMatchObject({ messageId: offer, id });
    }
  });

  test('an id that is longer than any of WhatsApp is kept under another one', async () => {
    const id = 'A'.repeat(200);
    await emulator.deliver({ to: PHONE, from: person(), text: 'long id', id });
    await until(() => emulator.inbound({ id })[0]?.receivedAt !== undefined);
    const { body } = await gateway.call('GET', '/message/list?session=main&direction=in&limit=1');
    expect(body.data[0]).toMatchObject({ type: 'text', content: { text: 'long id' } });
    expect(body.data[0].messageId).toMatch(/^[0-9a-f]{64}$/);
  });
});
