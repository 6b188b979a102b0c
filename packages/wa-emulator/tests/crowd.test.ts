import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../src/index.ts';
import { type BareClient, connectBareClient, until } from './bare-client.ts';

const CLIENTS = 20;
const MESSAGES_EACH = 15;
let emulator: Emulator;
let clients: BareClient[] = [];

beforeAll(async () => {
  emulator = await startEmulator();
  const phones = Array.from({ length: CLIENTS }, (_, index) => String(6281100000900 + index));
  clients = await Promise.all(phones.map((phone) => connectBareClient({ emulator, phone })));
}, 60_000);

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await emulator.stop();
});

describe('many clients at once', () => {
  it('each have their messages acknowledged, delivered once and read', async () => {
    expect(emulator.health()).toMatchObject({ online: CLIENTS, linked: CLIENTS });
    await Promise.all(
      clients.map(async (client, index) => {
        for (let n = 0; n < MESSAGES_EACH; n++) {
          await client.send(String(6281200009000 + ((index + n) % 25)), `${index}/${n}`);
        }
      }),
    );
    const total = CLIENTS * MESSAGES_EACH;
    await until(
      'all read',
      () => emulator.received().filter((entry) => entry.readAt).length === total,
      25_000,
    );
    expect(new Set(emulator.received().map(({ text }) => text)).size).toBe(total);
    expect(
      emulator.received().filter((entry) => entry.copies !== 1 || entry.refused || !entry.ownCopy),
    ).toEqual([]);
  });

  it('write to each other', async () => {
    const [one, other] = clients;
    const seen: string[] = [];
    other?.sock.ev.on('messages.upsert', ({ messages }) => {
      seen.push(
        ...messages.map(({ message }) => message?.conversation ?? message?.extendedTextMessage?.text ?? ''),
      );
    });
    await one?.send('6281100000901', 'to a colleague');
    await until('the message', () => seen.includes('to a colleague'));
  });
});
