import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../src/index.ts';
import { parseBehaviour } from '../src/rules.ts';
import { type BareClient, connectBareClient, until } from './bare-client.ts';

let emulator: Emulator;
let client: BareClient;
let to: string;
let nextRecipient = 6281200002000;
const updates: Array<{ id: string; status: number; at: number; codes: string[] }> = [];
const acks: Array<{ id: string; error: string | undefined; at: number }> = [];

beforeAll(async () => {
  emulator = await startEmulator();
  client = await connectBareClient({ emulator, phone: '6281100000021' });
  client.sock.ev.on('messages.update', (changes) => {
    for (const { key, update } of changes) {
      const codes = update.messageStubParameters ?? [];
      updates.push({ id: key.id ?? '', status: update.status ?? -1, at: performance.now(), codes });
    }
  });
  client.sock.ws.on('CB:ack,class:message', ({ attrs }: { attrs: { id: string; error?: string } }) => {
    acks.push({ id: attrs.id, error: attrs.error, at: performance.now() });
  });
});

beforeEach(() => {
  to = String(nextRecipient++);
});

afterAll(async () => {
  await client.close();
  await emulator.stop();
});

const ackOf = (id: string) => acks.find((ack) => ack.id === id);
const updateOf = (id: string, status: number) =>
  updates.find((update) => update.id === id && update.status === status);
const sendUnder = async (behaviour: string) => {
  emulator.setRule({ number: to, behaviour });
  return client.send(to, behaviour);
};
/** Something that is behind the message on the same connection has been answered. */
const passBy = async () => {
  const later = await client.send('6281200002999', 'later');
  await until('the later message', () => updateOf(later, 4));
};

describe('rules', () => {
  it('no_ack:1 loses the first message and takes the next with the same id', async () => {
    const id = await sendUnder('no_ack:1');
    await passBy();
    expect(ackOf(id)).toBeUndefined();
    expect(emulator.messages({ to })).toEqual([]);
    await client.send(to, 'again', id);
    await until('the ack', () => ackOf(id));
    await until('the message', () => emulator.messages({ to })[0]?.copies === 1);
  });

  it('no_ack_delivered:1 delivers but neither acknowledges nor sends receipts', async () => {
    const id = await sendUnder('no_ack_delivered:1');
    await until('the message', () => emulator.messages({ to })[0]);
    await passBy();
    expect(ackOf(id)).toBeUndefined();
    expect(updates.filter((update) => update.id === id)).toEqual([]);
    await client.send(to, 'again', id);
    await until('the copy', () => emulator.messages({ to })[0]?.duplicate);
    await until('the ack', () => ackOf(id));
    await until('the receipt', () => updateOf(id, 3));
  });

  it('ack_error:463 refuses', async () => {
    const id = await sendUnder('ack_error:463');
    expect((await until('the update', () => updateOf(id, 0))).codes[0]).toBe('463');
    expect(ackOf(id)?.error).toBe('463');
    expect(emulator.messages({ to })).toEqual([]);
  });

  it('undelivered acknowledges, holds the message back and brings it when the phone is on', async () => {
    const id = await sendUnder('undelivered');
    await until('the ack', () => ackOf(id));
    await passBy();
    expect(emulator.messages({ to })).toEqual([]);
    emulator.setRule({ number: to, behaviour: 'ok' });
    await until('the read receipt', () => updateOf(id, 4));
    expect(emulator.messages({ to })[0]).toMatchObject({ id, copies: 1 });
  });

  it('unread delivers; the read receipt comes when it is asked for', async () => {
    const id = await sendUnder('unread');
    await until('the delivery', () => updateOf(id, 3));
    await passBy();
    expect(updateOf(id, 4)).toBeUndefined();
    expect(emulator.read({ id })).toEqual({ read: 1 });
    await until('the read receipt', () => updateOf(id, 4));
  });

  it('delay:MS delays the acknowledgement and all that follows', async () => {
    const start = performance.now();
    const id = await sendUnder('delay:250');
    const ack = await until('the ack', () => ackOf(id));
    expect(ack.at - start).toBeGreaterThanOrEqual(245);
    expect((await until('the delivery', () => updateOf(id, 3))).at).toBeGreaterThan(ack.at);
  });

  it('receipt_first:MS sends the receipt before the acknowledgement', async () => {
    const id = await sendUnder('receipt_first:250');
    const ack = await until('the ack', () => ackOf(id));
    expect(ack.at - (updateOf(id, 3)?.at ?? Number.POSITIVE_INFINITY)).toBeGreaterThan(0);
  });

  it('not_on_whatsapp acknowledges and delivers nothing', async () => {
    const id = await sendUnder('not_on_whatsapp');
    await until('the ack', () => ackOf(id));
    await passBy();
    expect(emulator.messages({ to })).toEqual([]);
  });

  it('retry:1 makes the recipient ask for the message again', async () => {
    const id = await sendUnder('retry:1');
    await until('the receipt', () => updateOf(id, 3));
    expect(emulator.messages({ to })[0]).toMatchObject({
      id,
      text: 'retry:1',
      copies: 2,
      refused: 1,
      retriesAsked: 1,
    });
  });

  it('for * meet every number without one of its own', async () => {
    emulator.setRule({ number: '*', behaviour: 'ack_error:479' });
    const refused = await client.send(to, 'everyone');
    await until('the refusal', () => ackOf(refused)?.error === '479');
    const other = '6281200002998';
    emulator.setRule({ number: other, behaviour: 'ok' });
    const taken = await client.send(other, 'but not this one');
    await until('the delivery', () => updateOf(taken, 3));
    await emulator.reset();
    expect(emulator.rules()).toEqual([]);
  });
});

describe('parseBehaviour', () => {
  it('reads a value and a bound', () => {
    expect(parseBehaviour('ack_error:463:2')).toEqual({
      behaviour: { kind: 'ack_error', code: 463 },
      times: 2,
    });
    expect(parseBehaviour('delay:50')).toEqual({
      behaviour: { kind: 'delay', delayMs: 50 },
      times: undefined,
    });
    expect(parseBehaviour('undelivered:3')).toEqual({ behaviour: { kind: 'undelivered' }, times: 3 });
  });

  it.each(['', 'nope', 'ok:1', 'ack_error', 'delay:x', 'delay:-5', 'no_ack:0', 'no_ack:1:2', 'delay:1:2:3'])(
    'refuses %j',
    (text) => {
      expect(parseBehaviour(text)).toBeUndefined();
    },
  );
});
