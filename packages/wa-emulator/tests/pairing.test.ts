import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../src/index.ts';
import { connectBareClient, until } from './bare-client.ts';

let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator();
});

afterAll(() => emulator.stop());

describe('linking a device', () => {
  it('links by QR, restarts the stream and opens', async () => {
    const client = await connectBareClient({ emulator, phone: '6281100000001', name: 'Toko Satu' });
    expect(client.closes).toEqual([515]);
    expect(client.sock.user?.id).toBe('6281100000001:1@s.whatsapp.net');
    expect(client.sock.user?.name).toBe('Toko Satu');
    expect(client.sock.user?.lid).toMatch(/^\d+:1@lid$/);
    const id = await client.send('6281200000001', 'halo');
    expect(await client.waitAck(id)).toBeUndefined();
    const entry = await until('the message', () => emulator.messages({ id })[0]);
    expect(entry).toMatchObject({
      from: '6281100000001',
      to: '6281200000001',
      type: 'text',
      text: 'halo',
      copies: 1,
    });
    await until('read', () => entry.readAt);
    expect(entry.ownCopy).toBe(true);
    await client.close();
  });

  it('tells the device the settings of its account, which the client checks: its name', async () => {
    const client = await connectBareClient({ emulator, phone: '6281100000003', name: 'Toko Tiga' });
    let version: number | undefined;
    while (version === undefined) {
      const stored = await client.auth.keys.get('app-state-sync-version', ['critical_block']);
      version = stored.critical_block?.version;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(version).toBe(1);
    expect(client.sock.user?.name).toBe('Toko Tiga');
    await client.close();
  });

  it('links by a pairing code', async () => {
    const client = await connectBareClient({ emulator, phone: '6281100000002', pairBy: 'code' });
    expect(client.sock.user?.id).toBe('6281100000002:1@s.whatsapp.net');
    await client.close();
  });
});
