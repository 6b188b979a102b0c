import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { waContacts } from '../../src/db/schema.ts';
import { newMessageId } from '../../src/utils/ids.ts';
import type { AccountRef, Recipient } from '../../src/whatsapp/engine.ts';
import { recipientOf, sendOptions, startTestEngine, type TestEngine, until } from '../helpers/engine.ts';
import { createSignal } from '../helpers/signal.ts';
import { BYTES, CONTENTS, FILE } from './fixtures/contents.ts';

let test: TestEngine;
let account: AccountRef;
let next = 1;
const freshNumber = () => `62822${String(next++).padStart(7, '0')}`;

beforeAll(async () => {
  test = await startTestEngine();
  account = await test.connect('6281100000001');
});
afterAll(() => test.stop());
beforeEach(() => test.emulator.reset());

const receiptsOf = (messageId: string) =>
  test.callbacks
    .events(account.id)
    .flatMap((event) => (event.type === 'receipt' && event.messageId === messageId ? [event] : []));

describe('sending a text', () => {
  it('is acknowledged by the server, arrives, and its receipts are told', async () => {
    const to = freshNumber();
    const messageId = newMessageId();
    const result = await test.send(account, to, 'hello', { messageId });
    expect(result.outcome).toBe('acknowledged');
    await until(() => receiptsOf(messageId).some((receipt) => receipt.status === 'read'));
    expect(test.emulator.messages({ to })).toMatchObject([
      { id: messageId, text: 'hello', type: 'text', copies: 1 },
    ]);
    expect(receiptsOf(messageId).map((receipt) => receipt.status)).toEqual(['delivered', 'read']);
    expect(receiptsOf(messageId)[0]?.chat).toBe(`${to}@s.whatsapp.net`);
  });

  it('waits for an urgent one that is expected, and for it alone', async () => {
    const over: string[] = [];
    const send = async (text: string, urgent: boolean) => {
      const { outcome } = await test.send(account, freshNumber(), text, { urgent });
      over.push(`${text}: ${outcome}`);
    };
    test.engine.expectUrgent?.(account.id);
    const others = [send('one', false), send('two', false)];
    await send('code', true);
    expect(over).toEqual(['code: acknowledged']);
    await Promise.all(others);
    expect(over).toHaveLength(3);
    // Expected, and never sent: the others do not wait for long.
    test.engine.expectUrgent?.(account.id);
    await send('three', false);
    expect(over.at(-1)).toBe('three: acknowledged');
  });

  it('goes to the LID of the contact, and keeps which it is', async () => {
    const to = freshNumber();
    const result = await test.send(account, to, 'hello');
    expect(result.outcome).toBe('acknowledged');
    const pairs = await test.database.db.select().from(waContacts).where(eq(waContacts.phone, to));
    expect(pairs).toMatchObject([{ accountId: account.id, lid: expect.stringMatching(/^\d+$/) }]);
    const lid = pairs[0]?.lid ?? '';
    const byLid = await test.engine.send(
      account.id,
      { jid: `${lid}@lid`, phone: null, lid },
      { type: 'text', text: 'by lid' },
      sendOptions(),
    );
    expect(byLid.outcome).toBe('acknowledged');
    await until(() => test.emulator.messages({ to }).length === 2);
    expect(test.emulator.messages({ to }).map((message) => message.text)).toEqual(['hello', 'by lid']);
  });

  it.each(['463', '479'])('is refused with the code of the server (%s)', async (code) => {
    const to = freshNumber();
    test.emulator.setRule({ number: to, behaviour: `ack_error:${code}` });
    expect(await test.send(account, to, 'hello')).toMatchObject({ outcome: 'refused', code });
  });

  it('is unknown without an acknowledgement, keeps the socket, and a second attempt shows once', async () => {
    const to = freshNumber();
    test.emulator.setRule({ number: to, behaviour: 'no_ack:1' });
    const messageId = newMessageId();
    const first = await test.send(account, to, 'hello', { messageId, ackTimeoutMs: 200 });
    expect(first).toMatchObject({ outcome: 'unknown' });
    expect(test.engine.isConnected(account.id)).toBe(true);
    expect(await test.send(account, to, 'hello', { messageId })).toMatchObject({ outcome: 'acknowledged' });
    await until(() => test.emulator.messages({ to }).length === 1);
  });

  it('tells an acknowledgement that comes after it gave up', async () => {
    const to = freshNumber();
    await test.emulator.fault({ kind: 'slow_ack', ms: 400 });
    test.emulator.setRule({ number: to, behaviour: 'undelivered' });
    const messageId = newMessageId();
    expect(await test.send(account, to, 'a', { messageId, ackTimeoutMs: 100 })).toMatchObject({
      outcome: 'unknown',
    });
    await until(() => receiptsOf(messageId).some((receipt) => receipt.status === 'sent'));
    const refused = newMessageId();
    const other = freshNumber();
    test.emulator.setRule({ number: other, behaviour: 'ack_error:463' });
    expect(await test.send(account, other, 'a', { messageId: refused, ackTimeoutMs: 100 })).toMatchObject({
      outcome: 'unknown',
    });
    const event = await test.callbacks.next(account.id, 'refused');
    expect(event).toMatchObject({ messageId: refused, code: '463' });
  });

  it('is acknowledged by a receipt that comes before the acknowledgement', async () => {
    const to = freshNumber();
    await test.send(account, to, 'warm up');
    test.emulator.setRule({ number: to, behaviour: 'receipt_first:15000' });
    const startedAt = performance.now();
    const sent = await test.send(account, to, 'hello', { ackTimeoutMs: 20_000 });
    expect(sent).toMatchObject({ outcome: 'acknowledged' });
    expect(performance.now() - startedAt).toBeLessThan(12_000);
  });

  it('is impossible to a number that is not on WhatsApp, and nothing leaves', async () => {
    const to = freshNumber();
    test.emulator.setRule({ number: to, behaviour: 'not_on_whatsapp' });
    expect(await test.send(account, to, 'hello')).toMatchObject({
      outcome: 'impossible',
      code: 'NOT_ON_WHATSAPP',
    });
    expect(test.emulator.stanzas({ to })).toEqual([]);
  });

  it('asks once more before the stanza leaves', async () => {
    const to = freshNumber();
    const messageId = newMessageId();
    const options = { messageId, mayRelay: async () => false };
    expect(await test.send(account, to, 'hello', options)).toEqual({ outcome: 'withheld' });
    const failing = { messageId, mayRelay: async () => Promise.reject(new Error('database away')) };
    expect(await test.send(account, to, 'hello', failing)).toEqual({
      outcome: 'not_sent',
      reason: 'database away',
    });
    expect(test.emulator.stanzas()).toEqual([]);
  });

  it('waits sealed for the word that it may leave, and what was sealed in vain keeps no later one from being read', async () => {
    const to = freshNumber();
    await test.send(account, to, 'first');
    const asked = createSignal();
    const told = createSignal();
    const mayLeave = async () => {
      asked.give();
      await told.given;
      return true;
    };
    const sent = test.send(account, to, 'second', { mayLeave });
    await asked.given;
    // What was written to the socket before this question has arrived when its answer comes.
    await test.engine.checkNumbers(account.id, [to]);
    expect(test.emulator.messages({ to })).toHaveLength(1);
    told.give();
    expect(await sent).toMatchObject({ outcome: 'acknowledged' });
    const vain = { mayLeave: async () => false };
    expect(await test.send(account, to, 'in vain', vain)).toEqual({ outcome: 'withheld' });
    expect(await test.send(account, to, 'third')).toMatchObject({ outcome: 'acknowledged' });
    await until(() => test.emulator.messages({ to }).length === 3);
    expect(test.emulator.messages({ to }).map(({ text }) => text)).toEqual(['first', 'second', 'third']);
  });

  it('is not sent when the connection ends before it may leave', async () => {
    const to = freshNumber();
    const other = await test.connect('6281100000002');
    await test.send(other, to, 'first');
    const asked = createSignal();
    const mayLeave = () => {
      asked.give();
      return new Promise<boolean>(() => undefined);
    };
    const sent = test.send(other, to, 'second', { mayLeave });
    await asked.given;
    await test.engine.close(other.id);
    expect(await sent).toMatchObject({ outcome: 'not_sent' });
  });

  it('is not sent when preparing takes too long, and nothing follows later', async () => {
    const to = freshNumber();
    await test.emulator.fault({ kind: 'slow_iq', ms: 300 });
    const result = await test.send(account, to, 'hello', { prepareTimeoutMs: 100 });
    expect(result).toEqual({ outcome: 'not_sent', reason: 'preparing timed out' });
    await test.emulator.fault({ kind: 'clear' });
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(test.emulator.stanzas({ to })).toEqual([]);
  });

  it('answers the resend that a recipient asks for', async () => {
    const to = freshNumber();
    test.emulator.setRule({ number: to, behaviour: 'retry:1' });
    const messageId = newMessageId();
    test.callbacks.outbound.set(messageId, { type: 'text', text: 'again' });
    expect(await test.send(account, to, 'again', { messageId })).toMatchObject({ outcome: 'acknowledged' });
    await until(() => test.emulator.messages({ to }).some((message) => message.text === 'again'));
    expect(test.emulator.messages({ to })).toHaveLength(1);
  });

  it('sends nothing again that was deleted since, whoever still has it', async () => {
    const to = freshNumber();
    test.emulator.setRule({ number: to, behaviour: 'retry:1' });
    const messageId = newMessageId();
    test.callbacks.outbound.set(messageId, { type: 'text', text: 'deleted' });
    test.callbacks.withdrawn.add(messageId);
    expect(await test.send(account, to, 'deleted', { messageId })).toMatchObject({ outcome: 'acknowledged' });
    const later = newMessageId();
    test.callbacks.outbound.set(later, { type: 'text', text: 'kept' });
    test.emulator.setRule({ number: to, behaviour: 'retry:1' });
    expect(await test.send(account, to, 'kept', { messageId: later })).toMatchObject({
      outcome: 'acknowledged',
    });
    await until(() => test.emulator.messages({ to }).some((message) => message.text === 'kept'));
    expect(test.emulator.messages({ to }).map(({ text }) => text)).not.toContain('deleted');
  });

  it('leaves a resend that has failed to the next login when its socket ends', async () => {
    const phone = '6281100000098';
    const own = await test.connect(phone);
    const to = freshNumber();
    const state = () => test.emulator.sessions().find((one) => one.phone === phone);
    test.emulator.settings({ receiptDelayMs: [200, 200] });
    test.emulator.setRule({ number: to, behaviour: 'retry:1' });
    const messageId = newMessageId();
    const { content } = CONTENTS.image;
    test.callbacks.files.set(FILE.id, BYTES);
    const sent = await test.engine.send(own.id, recipientOf(to), content, sendOptions({ messageId }));
    expect(sent.outcome).toBe('acknowledged');
    await test.engine.close(own.id);
    await until(() => state()?.pending === 1);

    // Who is asked for it at the next login cannot reach the files at that moment.
    const other = test.another();
    let asked = 0;
    other.callbacks.outbound.set(messageId, content);
    other.callbacks.openMedia = async () => {
      asked++;
      throw new Error('the storage is away');
    };
    await other.engine.open(own, { mode: 'qr' });
    await other.callbacks.next(own.id, 'connected');
    await until(() => asked > 0);
    // A confirmation would be on the wire before this question.
    await other.engine.checkNumbers(own.id, [freshNumber()]);
    expect(state()).toMatchObject({ connected: true, pending: 1 });
    await other.engine.close(own.id);

    other.callbacks.openMedia = async () => Readable.from([BYTES]);
    await other.engine.open(own, { mode: 'qr' });
    await until(() => test.emulator.messages({ to }).some(({ caption }) => caption === content.caption));
    await until(() => state()?.pending === 0);
    test.emulator.settings({ receiptDelayMs: [5, 20] });
  });

  it('keeps a message while the folder of uploads cannot be written, to a person and to a channel', async () => {
    const owner = '6281100000097';
    const path = join(tmpdir(), `wahub-in-the-way-${process.pid}`);
    await writeFile(path, '');
    const own = await test.connect(owner);
    await test.engine.close(own.id);
    const other = test.another({ stagingPath: join(path, 'staging') });
    other.callbacks.files.set(FILE.id, BYTES);
    await other.engine.open(own, { mode: 'qr' });
    await other.callbacks.next(own.id, 'connected');
    const channel = test.emulator.createChannel({ name: 'News', owner });
    const send = (to: Recipient) =>
      other.engine.send(own.id, to, { type: 'image', media: FILE }, sendOptions());
    const [person, post] = [recipientOf(freshNumber()), { jid: channel.id, phone: null, lid: null }];
    expect(await send(person)).toMatchObject({ outcome: 'postponed' });
    expect(await send(post)).toMatchObject({ outcome: 'postponed' });
    await rm(path);
    expect(await send(person)).toMatchObject({ outcome: 'acknowledged' });
    expect(await send(post)).toMatchObject({ outcome: 'acknowledged' });
    await rm(path, { recursive: true });
    await other.engine.close(own.id);
  });

  it('sends to 16 recipients at the same time, and each gets its own', async () => {
    const numbers = Array.from({ length: 16 }, freshNumber);
    const results = await Promise.all(numbers.map((to) => test.send(account, to, `for ${to}`)));
    expect(new Set(results.map((result) => result.outcome))).toEqual(new Set(['acknowledged']));
    await until(() => test.emulator.received().length === 16);
    for (const to of numbers) expect(test.emulator.messages({ to })[0]?.text).toBe(`for ${to}`);
  });

  it('lets two sessions write to one number at the same time', async () => {
    const other = await test.connect('6281100000099');
    const to = freshNumber();
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, i) => test.send(i % 2 ? account : other, to, `number ${i}`)),
    );
    expect(new Set(results.map((result) => result.outcome))).toEqual(new Set(['acknowledged']));
    await until(() => test.emulator.messages({ to }).length === 10);
    expect(test.emulator.messages({ to }).filter((message) => message.refused)).toEqual([]);
    await test.engine.close(other.id);
  });

  it('refuses the same id twice at a time', async () => {
    const to = freshNumber();
    await test.send(account, to, 'warm up');
    const messageId = newMessageId();
    const both = await Promise.all([1, 2].map(() => test.send(account, to, 'hello', { messageId })));
    expect(both.map((result) => result.outcome).sort()).toEqual(['acknowledged', 'not_sent']);
  });

  it('reaches a group, every member once', async () => {
    const members = [freshNumber(), freshNumber()];
    const group = test.emulator.createGroup({ subject: 'g', participants: ['6281100000001', ...members] });
    for (const text of ['one', 'two']) {
      const result = await test.engine.send(
        account.id,
        { jid: group.id, phone: null, lid: null },
        { type: 'text', text },
        sendOptions(),
      );
      expect(result.outcome).toBe('acknowledged');
    }
    await until(() => test.emulator.messages({ group: group.id }).length === 4);
    for (const to of members) {
      expect(test.emulator.messages({ to }).map((message) => message.text)).toEqual(['one', 'two']);
    }
  });
});

describe('checking numbers', () => {
  it('answers every number in order, those that do not exist included', async () => {
    const [a, b] = [freshNumber(), freshNumber()];
    test.emulator.setRule({ number: b, behaviour: 'not_on_whatsapp' });
    expect(await test.engine.checkNumbers(account.id, [b, a])).toEqual([
      { phone: b, exists: false, jid: null, lid: null },
      { phone: a, exists: true, jid: `${a}@s.whatsapp.net`, lid: expect.stringMatching(/^\d+$/) },
    ]);
  });

  it('is UNAVAILABLE when the session is not connected', async () => {
    await expect(test.engine.checkNumbers('nobody', ['6281'])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('without a connection', () => {
  it('nothing is sent', async () => {
    const result = await test.engine.send(
      'nobody',
      recipientOf('6281'),
      { type: 'text', text: 'x' },
      sendOptions(),
    );
    expect(result).toEqual({ outcome: 'not_sent', reason: 'not connected' });
  });

  it('a send that is cut off is unknown', async () => {
    const own = await test.connect('6281100000077');
    const to = freshNumber();
    await test.send(own, to, 'warm up');
    test.emulator.setRule({ number: to, behaviour: 'no_ack_delivered' });
    const sending = test.send(own, to, 'hello', { ackTimeoutMs: 10_000 });
    await until(() => test.emulator.stanzas({ from: '6281100000077' }).length === 2);
    await test.emulator.fault({ kind: 'drop', phone: '6281100000077' });
    expect(await sending).toEqual({ outcome: 'unknown', reason: 'connection closed' });
  });
});
