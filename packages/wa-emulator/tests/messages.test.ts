import { generateWAMessageFromContent, type proto } from '@whiskeysockets/baileys';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, type Received, startEmulator } from '../src/index.ts';
import { lidJid } from '../src/jids.ts';
import { type BareClient, connectBareClient, toJid, until } from './bare-client.ts';

const PHONE = '6281100000011';
let emulator: Emulator;
let client: BareClient;
let nextRecipient = 6281200001000;

const freshNumber = () => String(nextRecipient++);
const received = (id: string): Promise<Received> =>
  until(`message ${id}`, () => emulator.messages({ id }).find((entry) => entry.deliveredAt));

async function relay(to: string, content: proto.IMessage): Promise<Received> {
  const jid = toJid(to);
  const message = generateWAMessageFromContent(jid, content, { userJid: client.sock.user?.id ?? '' });
  await client.sock.relayMessage(jid, message.message ?? {}, { messageId: message.key.id ?? '' });
  return received(message.key.id ?? '');
}

async function sendContent(content: Parameters<BareClient['sock']['sendMessage']>[1]): Promise<Received> {
  const sent = await client.sock.sendMessage(toJid(freshNumber()), content);
  return received(sent?.key.id ?? '');
}

beforeAll(async () => {
  emulator = await startEmulator();
  client = await connectBareClient({ emulator, phone: PHONE });
});

afterAll(async () => {
  await client.close();
  await emulator.stop();
});

describe('messages to recipients', () => {
  it('reach a new and a known recipient, in order and readable', async () => {
    const to = freshNumber();
    const ids = [];
    for (const text of ['satu', 'dua', 'tiga']) {
      ids.push(await client.send(to, text));
    }
    await Promise.all(ids.map(received));
    expect(emulator.messages({ to }).map(({ text, id }) => [id, text])).toEqual([
      [ids[0], 'satu'],
      [ids[1], 'dua'],
      [ids[2], 'tiga'],
    ]);
  });

  it('reach the same person under phone number and LID', async () => {
    const to = freshNumber();
    const first = await client.send(to, 'by number');
    await received(first);
    const second = await client.send(lidJid(to), 'by lid');
    expect(await received(second)).toMatchObject({ to, text: 'by lid' });
  });

  it('reach the own number', async () => {
    const id = await client.send(PHONE, 'note to self');
    expect(await received(id)).toMatchObject({ from: PHONE, to: PHONE, text: 'note to self' });
  });

  it('lead to a delivery and then a read receipt at the client', async () => {
    const statuses: number[] = [];
    client.sock.ev.on('messages.update', (updates) => {
      statuses.push(
        ...updates.filter(({ key }) => key.id === 'RECEIPTS1').map(({ update }) => update.status ?? -1),
      );
    });
    await client.send(freshNumber(), 'receipts', 'RECEIPTS1');
    await until('both receipts', () => statuses.length >= 2);
    expect(statuses).toEqual([3, 4]);
  });

  it('show once when the same id is sent twice', async () => {
    const to = freshNumber();
    await client.send(to, 'once', 'TWICE1');
    await received('TWICE1');
    await client.send(to, 'once', 'TWICE1');
    const entry = await until(
      'the copy',
      () => emulator.messages({ to })[0]?.duplicate && emulator.messages({ to }),
    );
    expect(entry).toHaveLength(1);
    expect(entry[0]).toMatchObject({ copies: 2, duplicate: true, text: 'once' });
    expect(emulator.stanzas({ to })).toHaveLength(2);
  });

  it('are refused with a reused message key, asked for again and then read', async () => {
    const to = freshNumber();
    await received(await client.send(to, 'first'));
    const stored = await client.auth.keys.get('session', await sessionIds(to));
    const before = structuredClone(stored);
    await received(await client.send(to, 'second'));
    await client.auth.keys.set({ session: before });
    const id = await client.send(to, 'third');
    const refused = await until('the refusal', () => emulator.messages({ id })[0]);
    expect(refused.refused).toBe(1);
    await until('the resend', () => emulator.messages({ id })[0]?.text);
    expect(emulator.messages({ id })[0]).toMatchObject({
      text: 'third',
      copies: 2,
      refused: 1,
      retriesAsked: 1,
    });
    expect(emulator.messages({ id })[0]?.decryptError).toBeUndefined();
  });

  async function sessionIds(to: string): Promise<string[]> {
    return [client.sock.signalRepository.jidToSignalProtocolAddress(lidJid(to))];
  }
});

describe('kinds of messages', () => {
  it('refuses a poll that its stanza does not tell of, and takes it when it is sealed again', async () => {
    const jid = toJid(freshNumber());
    const poll = { pollCreationMessageV3: { name: 'Kapan?', options: [{ optionName: 'Senin' }] } };
    const send = async (id: string, options: object) => {
      await client.sock.relayMessage(jid, poll, { messageId: id, ...options });
      return client.waitAck(id);
    };
    const additionalNodes = [{ tag: 'meta', attrs: { polltype: 'creation' } }];
    expect(await send('3EB0POLLBARE', {})).toBe('479');
    expect(await send('3EB0POLLTOLD', { additionalNodes })).toBeUndefined();
    expect(await received('3EB0POLLTOLD')).toMatchObject({ pollName: 'Kapan?' });
    const number = freshNumber();
    emulator.setRule({ number, behaviour: 'retry:1' });
    const values = ['Senin', 'Selasa'];
    const again = await client.sock.sendMessage(toJid(number), { poll: { name: 'Lagi?', values } });
    expect(await received(again?.key.id ?? '')).toMatchObject({ pollName: 'Lagi?', retriesAsked: 1 });
  });

  it('lists location, contact, poll, reaction, reply, edit and deletion', async () => {
    expect(
      await sendContent({ location: { degreesLatitude: -6.2, degreesLongitude: 106.8, name: 'Monas' } }),
    ).toMatchObject({ type: 'location', latitude: -6.2, longitude: 106.8, name: 'Monas' });
    const vcard = 'BEGIN:VCARD\nVERSION:3.0\nFN:Budi\nTEL;waid=628123:+628123\nEND:VCARD';
    expect(
      await sendContent({ contacts: { displayName: 'Budi', contacts: [{ displayName: 'Budi', vcard }] } }),
    ).toMatchObject({
      type: 'contact',
      name: 'Budi',
      contacts: [{ name: 'Budi', phones: ['+628123'] }],
    });
    expect(
      await sendContent({ poll: { name: 'Kapan?', values: ['Senin', 'Selasa'], selectableCount: 1 } }),
    ).toMatchObject({
      type: 'poll',
      pollName: 'Kapan?',
      options: ['Senin', 'Selasa'],
      selectableCount: 1,
    });
    const to = freshNumber();
    const first = await client.sock.sendMessage(toJid(to), { text: 'awal' });
    const key = first?.key ?? {};
    expect(await sendContent({ react: { text: '👍', key } })).toMatchObject({
      type: 'reaction',
      reaction: { messageId: key.id, emoji: '👍' },
    });
    const reply = await client.sock.sendMessage(toJid(to), { text: 'jawab' }, first ? { quoted: first } : {});
    expect(await received(reply?.key.id ?? '')).toMatchObject({
      text: 'jawab',
      quotedId: key.id,
      quotedText: 'awal',
    });
    expect(await sendContent({ text: 'baru', edit: key })).toMatchObject({
      type: 'edit',
      targetId: key.id,
      text: 'baru',
    });
    expect(await sendContent({ delete: key })).toMatchObject({ type: 'revoke', targetId: key.id });
  });

  it('lists buttons, lists and native flows', async () => {
    expect(
      await relay(freshNumber(), {
        buttonsMessage: {
          contentText: 'Pilih',
          footerText: 'kaki',
          buttons: [{ buttonId: 'a', buttonText: { displayText: 'A' }, type: 1 }],
          headerType: 1,
        },
      }),
    ).toMatchObject({ type: 'buttons', text: 'Pilih', footer: 'kaki', buttons: [{ id: 'a', text: 'A' }] });
    expect(
      await relay(freshNumber(), {
        listMessage: {
          title: 'Menu',
          description: 'Apa?',
          buttonText: 'Buka',
          listType: 1,
          sections: [{ title: 'S', rows: [{ rowId: 'r1', title: 'Satu', description: 'd' }] }],
        },
      }),
    ).toMatchObject({
      type: 'list',
      title: 'Menu',
      text: 'Apa?',
      buttonText: 'Buka',
      sections: [{ title: 'S', rows: [{ id: 'r1', title: 'Satu', description: 'd' }] }],
    });
    expect(
      await relay(freshNumber(), {
        interactiveMessage: {
          body: { text: 'Pilih' },
          nativeFlowMessage: {
            buttons: [
              { name: 'quick_reply', buttonParamsJson: '{"display_text":"Ya","id":"yes"}' },
              {
                name: 'single_select',
                buttonParamsJson:
                  '{"title":"Buka","sections":[{"title":"S","rows":[{"id":"1","title":"Satu"}]}]}',
              },
            ],
          },
        },
      }),
    ).toMatchObject({
      type: 'interactive',
      text: 'Pilih',
      buttons: [{ id: 'yes', text: 'Ya', kind: 'quick_reply' }],
      buttonText: 'Buka',
      sections: [{ title: 'S', rows: [{ id: '1', title: 'Satu' }] }],
    });
  });
});

describe('what a client says about itself', () => {
  it('is listed: presence and typing', async () => {
    const to = freshNumber();
    await client.sock.sendPresenceUpdate('composing', toJid(to));
    await until('typing', () =>
      emulator
        .activity({ phone: PHONE, kind: 'chatstate' })
        .find((entry) => entry.to === to && entry.type === 'composing'),
    );
    await until('presence', () =>
      emulator.activity({ phone: PHONE, kind: 'presence' }).find((entry) => entry.type === 'available'),
    );
  });

  it('may be asked who is on WhatsApp', async () => {
    const [known, unknown] = [freshNumber(), freshNumber()];
    emulator.setRule({ number: unknown, behaviour: 'not_on_whatsapp' });
    const answer = await client.sock.onWhatsApp(known, unknown);
    expect(answer).toEqual([{ jid: toJid(known), exists: true }]);
  });
});
