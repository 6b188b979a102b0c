import { proto } from '@whiskeysockets/baileys';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Content } from '../../src/whatsapp/content.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { recipientOf, sendOptions, startTestEngine, type TestEngine, until } from '../helpers/engine.ts';
import { createEngine } from '../helpers/on-engine.ts';

const PHONE = '6281100000901';
const WEEK_S = 604_800;
let test: TestEngine;
let account: AccountRef;
let next = 1;
const freshNumber = () => `62848${String(next++).padStart(7, '0')}`;

beforeAll(async () => {
  test = await startTestEngine({}, createEngine);
  account = await test.connect(PHONE);
});
afterAll(() => test.stop());

async function deliver(from: string, message: proto.IMessage, more: object = {}) {
  const payload = Buffer.concat([proto.Message.encode(message).finish(), Buffer.from([1])]).toString(
    'base64',
  );
  const { ids } = await test.emulator.deliver({ to: PHONE, from, kind: 'raw', payload, ...more });
  await until(() => test.emulator.inbound({ id: ids[0] ?? '' })[0]?.receivedAt !== undefined);
}

async function sentTo(to: string, content: Content = { type: 'text', text: 'hi' }) {
  const options = sendOptions();
  expect((await test.engine.send(account.id, recipientOf(to), content, options)).outcome).toBe(
    'acknowledged',
  );
  await until(() => test.emulator.messages({ id: options.messageId, to }).length === 1);
  return test.emulator.messages({ id: options.messageId, to })[0];
}

const disappearing = (text: string, expiration: number): proto.IMessage => ({
  extendedTextMessage: { text, contextInfo: { expiration, ephemeralSettingTimestamp: 1_790_000_000 } },
});
const setting = (ephemeralExpiration: number, at: number): proto.IMessage => ({
  protocolMessage: {
    type: proto.Message.ProtocolMessage.Type.EPHEMERAL_SETTING,
    ephemeralExpiration,
    ephemeralSettingTimestamp: at,
  },
});

it('what is sent into a disappearing chat carries its expiration, whichever name the chat has', async () => {
  for (const via of ['pn', 'lid'] as const) {
    const person = freshNumber();
    await deliver(person, disappearing('psst', WEEK_S), { via });
    expect(await sentTo(person)).toMatchObject({ text: 'hi', expiration: WEEK_S });
    const quoted = { messageId: 'Q1', fromMe: false, author: `${person}@s.whatsapp.net`, preview: 'psst' };
    const reply = await sentTo(person, { type: 'text', text: 'yes', quoted });
    expect(reply).toMatchObject({ text: 'yes', expiration: WEEK_S, quotedId: 'Q1', quotedText: 'psst' });
    const poll: Content = { type: 'poll', question: 'q', options: ['a', 'b'], multiple: false };
    expect(await sentTo(person, poll)).toMatchObject({
      pollName: 'q',
      options: ['a', 'b'],
      expiration: WEEK_S,
    });
  }
});

it('what is sent into every other chat carries none', async () => {
  const person = freshNumber();
  await deliver(person, { conversation: 'hello' });
  expect((await sentTo(person))?.expiration).toBeUndefined();
  expect((await sentTo(freshNumber()))?.expiration).toBeUndefined();
});

it('a change of the setting counts at once, an older one that comes late does not', async () => {
  const person = freshNumber();
  const before = test.callbacks.inbound.length;
  await deliver(person, setting(86_400, 1_790_000_000));
  expect((await sentTo(person))?.expiration).toBe(86_400);
  await deliver(person, setting(0, 1_790_000_100));
  expect((await sentTo(person))?.expiration).toBeUndefined();
  await deliver(person, setting(86_400, 1_790_000_050));
  expect((await sentTo(person))?.expiration).toBeUndefined();
  // Nobody wrote anything.
  expect(test.callbacks.inbound).toHaveLength(before);
});

it('another socket of the session knows it from the gateway', async () => {
  const person = freshNumber();
  await deliver(person, disappearing('psst', WEEK_S));
  await test.engine.close(account.id);
  await test.engine.open(account, { mode: 'qr' });
  await test.callbacks.next(account.id, 'connected');
  await until(() => test.engine.isConnected(account.id));
  expect((await sentTo(person))?.expiration).toBe(WEEK_S);
});
