import { randomBytes } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BaileysEngineOptions, createBaileysEngine } from '../../src/whatsapp/baileys/adapter.ts';
import type { EngineName } from '../../src/whatsapp/capabilities.ts';
import type { Engine } from '../../src/whatsapp/engine.ts';
import { createMultiSessionEngine } from '../../src/whatsapp/multi-session/adapter.ts';
import { startTestEngine, type TestEngine, until } from '../helpers/engine.ts';

const PHONE = '6281100000701';
const ENGINES: Record<EngineName, (options: BaileysEngineOptions) => Engine> = {
  baileys: createBaileysEngine,
  'wa-multi-session': createMultiSessionEngine,
};

describe.each(Object.entries(ENGINES))('what comes in by %s', (_name, createEngine) => {
  let test: TestEngine;
  let next = 1;
  const freshNumber = () => `62846${String(next++).padStart(7, '0')}`;

  beforeAll(async () => {
    test = await startTestEngine({}, createEngine);
    await test.connect(PHONE);
  });
  afterAll(() => test.stop());

  const wire = (id: string | undefined) => test.emulator.inbound({ id: id ?? '' })[0];
  const stored = (id: string | undefined) =>
    test.callbacks.inbound.find((message) => message.messageId === id);

  async function deliver(message: object, from = freshNumber()) {
    const { ids } = await test.emulator.deliver({ to: PHONE, from, text: 'hi', ...message });
    await until(() => wire(ids[0])?.receivedAt !== undefined || wire(ids[0])?.confirmedAt !== undefined);
    return { id: ids[0], from };
  }

  /** The server holds back what comes after an error acknowledgement. */
  async function expectFlow() {
    const { id } = await deliver({ text: 'after it' });
    expect(stored(id)?.content).toEqual({ type: 'text', text: 'after it' });
  }

  it.each<[string, Record<string, string | null>]>([
    ['a status post', { from: 'status@broadcast', participant: '6281@s.whatsapp.net' }],
    ['a message of a newsletter', { from: '120363025246125486@newsletter' }],
    ['a stanza from nowhere', { from: 'x@unknown' }],
    ['a stanza of a group without a member', { from: '120363025246125486@g.us' }],
    ['a stanza that names another recipient', { recipient: '628999@s.whatsapp.net' }],
  ])('is confirmed without an error and not stored: %s', async (_what, attributes) => {
    const { id } = await deliver({ attributes });
    expect(wire(id)).toMatchObject({ confirmedAt: expect.any(String), sends: 1 });
    expect(wire(id)?.nack).toBeUndefined();
    expect(stored(id)).toBeUndefined();
    await expectFlow();
  });

  it.each(['abc', '', '-5', '1e30', 'Infinity', 'NaN', '99999999999', '0', '0x10', null])(
    'is stored with our own time when its own is %j',
    async (t) => {
      const before = Date.now();
      const { id } = await deliver({ attributes: { t } });
      expect(stored(id)?.at).toBeGreaterThanOrEqual(before);
      expect(stored(id)?.at).toBeLessThanOrEqual(Date.now());
      expect(wire(id)?.nack).toBeUndefined();
    },
  );

  it.each<[string, Buffer, string]>([
    ['of random bytes', Buffer.from(`${'f'.repeat(30)}01`, 'hex'), 'malformed'],
    ['of nothing', Buffer.alloc(0), 'malformed'],
    ['with wrong padding', Buffer.from([0x0a, 1, 65, 250]), 'malformed'],
    ['that is too large', Buffer.concat([randomBytes(300_000), Buffer.from([1])]), 'too_large'],
  ])('is kept as unknown and received: a message %s', async (_what, payload, reason) => {
    const { id, from } = await deliver({ kind: 'raw', payload: payload.toString('base64') });
    expect(stored(id)).toMatchObject({ phone: from, content: { type: 'unknown', reason } });
    expect(wire(id)).toMatchObject({ sends: 1, retries: 0, receivedAt: expect.any(String) });
    await expectFlow();
  });

  it('is read with its context, and the people it names by their numbers', async () => {
    const [person, other] = [freshNumber(), freshNumber()];
    await deliver({ text: 'hello', via: 'lid' }, other);
    const lid = test.callbacks.inbound.find(({ phone }) => phone === other)?.lid;
    const message = proto.Message.encode({
      extendedTextMessage: {
        text: 'look',
        contextInfo: {
          stanzaId: 'Q1',
          participant: `${PHONE}@s.whatsapp.net`,
          quotedMessage: { conversation: 'what we wrote' },
          mentionedJid: [`${lid}@lid`],
          isForwarded: true,
          forwardingScore: 7,
          expiration: 86_400,
        },
      },
    }).finish();
    const payload = Buffer.concat([message, Buffer.from([1])]).toString('base64');
    const { id } = await deliver({ kind: 'raw', payload }, person);
    expect(stored(id)?.content).toEqual({
      type: 'text',
      text: 'look',
      quotedId: 'Q1',
      quoted: { messageId: 'Q1', fromMe: true, author: null, preview: 'what we wrote' },
      mentions: [`${other}@s.whatsapp.net`],
      forwarded: true,
      forwardingScore: 7,
      expiration: 86_400,
    });
    expect(test.callbacks.chats.get(`${person}@s.whatsapp.net`)).toEqual({ expiration: 86_400, setAt: null });
  });
});
