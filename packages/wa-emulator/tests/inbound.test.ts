import type { WAMessage } from '@whiskeysockets/baileys';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../src/index.ts';
import { lidJid, pnJid } from '../src/jids.ts';
import { type BareClient, connectBareClient, startBareClient, until } from './bare-client.ts';

const PHONE = '6281100000031';
const PERSON = '6281300000031';
let emulator: Emulator;
let client: BareClient;
const inbox: WAMessage[] = [];
const collect = (from: BareClient) =>
  from.sock.ev.on('messages.upsert', ({ messages }) => void inbox.push(...messages));
const arrived = (id: string | undefined) =>
  until(`inbound ${id}`, () => inbox.find(({ key }) => key.id === id));

beforeAll(async () => {
  emulator = await startEmulator();
  client = await connectBareClient({ emulator, phone: PHONE });
  collect(client);
});

afterAll(async () => {
  await client.close();
  await emulator.stop();
});

describe('messages of simulated persons', () => {
  it('arrive under the phone number with the LID beside it', async () => {
    const { ids } = await emulator.deliver({ to: PHONE, from: PERSON, text: 'halo', pushName: 'Ani' });
    const message = await arrived(ids[0]);
    expect(message.message?.conversation).toBe('halo');
    expect(message.pushName).toBe('Ani');
    expect(message.key).toMatchObject({
      remoteJid: pnJid(PERSON),
      remoteJidAlt: lidJid(PERSON),
      fromMe: false,
    });
    await until('the receipt', () => emulator.inbound({ id: ids[0] })[0]?.receivedAt);
  });

  it('arrive under the LID with the phone number beside it, in the same session', async () => {
    const { ids } = await emulator.deliver({ to: PHONE, from: PERSON, text: 'lid', via: 'lid' });
    const message = await arrived(ids[0]);
    expect(message.message?.conversation).toBe('lid');
    expect(message.key).toMatchObject({ remoteJid: lidJid(PERSON), remoteJidAlt: pnJid(PERSON) });
  });

  it('carry on the conversation both ways', async () => {
    const to = '6281300000032';
    const first = await client.send(to, 'satu');
    await until('one', () => emulator.messages({ id: first })[0]);
    const { ids } = await emulator.deliver({ to: PHONE, from: to, text: 'dua', messageId: first });
    const reply = await arrived(ids[0]);
    expect(reply.message?.extendedTextMessage?.contextInfo?.stanzaId).toBe(first);
    const last = await client.send(to, 'tiga');
    expect(await until('three', () => emulator.messages({ id: last })[0])).toMatchObject({ text: 'tiga' });
  });

  it('come as reaction, location, contact and button reply', async () => {
    const send = async (input: Omit<Parameters<Emulator['deliver']>[0], 'to' | 'from'>) => {
      const { ids } = await emulator.deliver({ to: PHONE, from: PERSON, ...input });
      return (await arrived(ids[0])).message;
    };
    expect((await send({ kind: 'reaction', messageId: 'X', emoji: '🙏' }))?.reactionMessage?.text).toBe('🙏');
    expect(
      (await send({ kind: 'location', latitude: 1.5, longitude: 2.5 }))?.locationMessage?.degreesLatitude,
    ).toBe(1.5);
    expect((await send({ kind: 'contact', contactPhone: '62812345' }))?.contactMessage?.vcard).toContain(
      '+62812345',
    );
    expect(
      (await send({ kind: 'button_reply', buttonId: 'b1', text: 'Ya' }))?.buttonsResponseMessage
        ?.selectedButtonId,
    ).toBe('b1');
    expect(
      (await send({ kind: 'list_reply', buttonId: 'r1' }))?.listResponseMessage?.singleSelectReply
        ?.selectedRowId,
    ).toBe('r1');
  });

  it('are listed as read when the client says so', async () => {
    const { ids } = await emulator.deliver({ to: PHONE, from: PERSON, text: 'read me' });
    const { key } = await arrived(ids[0]);
    await client.sock.readMessages([key]);
    await until('the read receipt', () => emulator.inbound({ id: ids[0] })[0]?.readAt);
  });

  it('are sealed again when the client cannot read them', async () => {
    const stranger = '6281300000033';
    await client.send(stranger, 'a session');
    await until('the session', () => emulator.messages({ to: stranger })[0]);
    const address = client.sock.signalRepository.jidToSignalProtocolAddress(lidJid(stranger));
    await client.auth.keys.set({ session: { [address]: null } });
    const { ids } = await emulator.deliver({ to: PHONE, from: stranger, text: 'again please' });
    await until('the text', () =>
      inbox.find(({ key, message }) => key.id === ids[0] && message?.conversation),
    );
    expect(emulator.inbound({ id: ids[0] })[0]).toMatchObject({ retries: 1, sends: 2 });
    await until(
      'the end of it',
      () => emulator.sessions().find(({ phone }) => phone === PHONE)?.pending === 0,
    );
  });

  it('are refused for a phone nothing is linked to', async () => {
    await expect(emulator.deliver({ to: '6281999', from: PERSON, text: 'x' })).rejects.toThrow(/no session/);
  });
});

describe('the offline queue', () => {
  it('keeps messages until the client is back, marks them offline and forgets confirmed ones', async () => {
    await client.close();
    await until(
      'offline',
      () => emulator.sessions().find(({ phone }) => phone === PHONE)?.connected === false,
    );
    const { ids } = await emulator.deliver({ to: PHONE, from: PERSON, text: 'missed {n}', count: 3 });
    client = startBareClient({ emulator, phone: PHONE, auth: client.auth });
    const types: string[] = [];
    client.sock.ev.on('messages.upsert', ({ messages, type }) => {
      inbox.push(...messages);
      types.push(...messages.filter(({ key }) => ids.includes(key.id ?? '')).map(() => type));
    });
    await client.waitOpen();
    const texts = [];
    for (const id of ids) {
      texts.push((await arrived(id)).message?.conversation);
    }
    expect(texts).toEqual(['missed 1', 'missed 2', 'missed 3']);
    expect(types).toEqual(['append', 'append', 'append']);
    await until('confirmed', () => emulator.sessions().find(({ phone }) => phone === PHONE)?.pending === 0);
  });

  it('keeps receipts until the client is back', async () => {
    const to = '6281300000034';
    emulator.setRule({ number: to, behaviour: 'unread' });
    const id = await client.send(to, 'read later');
    await until('the delivery', () => emulator.messages({ id })[0]?.deliveredAt);
    await client.close();
    await until(
      'offline',
      () => emulator.sessions().find(({ phone }) => phone === PHONE)?.connected === false,
    );
    emulator.read({ id });
    client = startBareClient({ emulator, phone: PHONE, auth: client.auth });
    const statuses: unknown[] = [];
    client.sock.ev.on('messages.update', (updates) => {
      statuses.push(...updates.filter(({ key }) => key.id === id).map(({ update }) => update.status));
    });
    await client.waitOpen();
    await until('the read receipt', () => statuses.includes(4));
  });

  it('sends an unconfirmed message again, with the same key and id', async () => {
    const received: string[] = [];
    const quiet = startBareClient({ emulator, phone: PHONE, auth: client.auth });
    await client.close();
    quiet.sock.ws.on('CB:message', (node: { attrs: { id: string; offline?: string } }) =>
      received.push(node.attrs.id),
    );
    await quiet.waitOpen();
    // The client dies before it has confirmed anything.
    quiet.sock.ws.removeAllListeners('CB:message');
    quiet.sock.ws.on('CB:message', (node: { attrs: { id: string } }) => {
      received.push(node.attrs.id);
      void quiet.sock.end(undefined);
    });
    const { ids } = await emulator.deliver({ to: PHONE, from: PERSON, text: 'crash-safe' });
    await until('the first try', () => received.includes(ids[0] ?? ''));
    await quiet.close();
    client = startBareClient({ emulator, phone: PHONE, auth: client.auth });
    collect(client);
    await client.waitOpen();
    expect((await arrived(ids[0])).message?.conversation).toBe('crash-safe');
    expect(emulator.inbound({ id: ids[0] })[0]).toMatchObject({ sends: 2, retries: 0 });
  });
});

describe('pre-keys', () => {
  it('are uploaded at the first login and refilled when the stock runs low', async () => {
    const phone = '6281100000039';
    const other = await connectBareClient({ emulator, phone });
    const stock = () => emulator.sessions().find((session) => session.phone === phone)?.preKeys ?? 0;
    expect(stock()).toBeGreaterThan(800);
    const user = { tag: 'user', attrs: { jid: `${phone}:1@s.whatsapp.net` } };
    await client.sock.query({
      tag: 'iq',
      attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'encrypt' },
      content: [{ tag: 'key', attrs: {}, content: Array.from({ length: stock() - 3 }, () => user) }],
    });
    await until('the refill', () => stock() > 4);
    expect(stock()).toBeLessThan(20);
    await other.close();
  });
});
