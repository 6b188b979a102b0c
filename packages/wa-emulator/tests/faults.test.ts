import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Emulator, type OwnError, startEmulator } from '../src/index.ts';
import { type BareClient, connectBareClient, startBareClient, until } from './bare-client.ts';

const PHONE = '6281100000041';
let emulator: Emulator;
let client: BareClient;

beforeAll(async () => {
  emulator = await startEmulator();
  client = await connectBareClient({ emulator, phone: PHONE });
});

afterAll(async () => {
  await client.close();
  await emulator.stop();
});

/** Connects the same device again and waits until it is open. */
async function comeBack(): Promise<void> {
  await client.close();
  client = await connectBareClient({ emulator, phone: PHONE, auth: client.auth });
}

const attempt = async (): Promise<number> => {
  const probe = startBareClient({
    emulator,
    phone: PHONE,
    auth: client.auth,
    config: { connectTimeoutMs: 500 },
  });
  const code = await probe.waitClose();
  await probe.close();
  return code;
};

describe('an error of the emulator itself', () => {
  it('is told, and cuts no connection', async () => {
    const told: OwnError[] = [];
    const own = await startEmulator({
      onStanza({ attrs }) {
        if (attrs.id === 'BROKEN') throw new Error('planned');
      },
      onError: (error) => void told.push(error),
    });
    const phone = '6281100000045';
    const other = await connectBareClient({ emulator: own, phone });
    await other.sock.sendNode({ tag: 'presence', attrs: { id: 'BROKEN', type: 'available' } });
    await until('the error', () => told[0]);
    expect(own.errors()).toEqual(told);
    expect(told[0]).toMatchObject({ doing: 'handle <presence>', error: expect.stringContaining('planned') });
    const id = await other.send('6281200004003', 'still there');
    await until('the delivery', () => own.messages({ id })[0]?.deliveredAt);
    expect(other.closes).toEqual([515]);
    await own.reset();
    expect(own.errors()).toEqual([]);
    await other.close();
    await own.stop();
  });

  it('is not what a client does wrong', async () => {
    const socket = new WebSocket(emulator.waUrl);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    socket.send(Buffer.from('no frame of this protocol'));
    await closed;
    expect(emulator.errors()).toEqual([]);
  });
});

describe('faults on open connections', () => {
  it.each([
    ['drop', { kind: 'drop' } as const, 428],
    ['close', { kind: 'close' } as const, 428],
    ['replaced', { kind: 'replaced' } as const, 440],
    ['stream_error 503', { kind: 'stream_error', code: 503 } as const, 503],
    ['stream_error 515', { kind: 'stream_error', code: 515 } as const, 515],
  ])('%s is what the client sees', async (_name, fault, code) => {
    const before = client.closes.length;
    expect(await emulator.fault({ ...fault, phone: PHONE })).toEqual({ affected: 1 });
    await until('the close', () => client.closes.length > before);
    expect(client.closes.at(-1)).toBe(code);
    await comeBack();
  });

  it('meet only the named phone', async () => {
    const other = await connectBareClient({ emulator, phone: '6281100000042' });
    expect(await emulator.fault({ kind: 'drop', phone: '6281100000042' })).toEqual({ affected: 1 });
    expect(await other.waitClose()).toBe(428);
    expect(emulator.sessions().find(({ phone }) => phone === PHONE)?.connected).toBe(true);
    await other.close();
  });

  it('a second connection of the same device replaces the first', async () => {
    const closed = client.waitClose();
    const second = await connectBareClient({ emulator, phone: PHONE, auth: client.auth });
    expect(await closed).toBe(440);
    await client.close();
    client = second;
  });

  it('slow_ack delays acknowledgements, and the receipt comes first', async () => {
    await emulator.fault({ kind: 'slow_ack', ms: 300, phone: PHONE });
    const start = performance.now();
    const id = await client.send('6281200004001', 'slow');
    let isAcked = false;
    const acked = client.waitAck(id).then(() => {
      isAcked = true;
    });
    await until('the delivery', () => emulator.messages({ id })[0]?.deliveredAt);
    expect(isAcked).toBe(false);
    await acked;
    expect(performance.now() - start).toBeGreaterThan(290);
    await emulator.fault({ kind: 'clear' });
  });

  it('slow_iq delays queries', async () => {
    await emulator.fault({ kind: 'slow_iq', ms: 300 });
    const start = performance.now();
    await client.sock.onWhatsApp('6281200004002');
    expect(performance.now() - start).toBeGreaterThan(290);
    await emulator.fault({ kind: 'clear' });
  });
});

describe('faults on logging in', () => {
  it.each([405, 503])('login_failure %i is met once', async (code) => {
    await client.close();
    await emulator.fault({ kind: 'login_failure', code, phone: PHONE });
    expect(await attempt()).toBe(code);
    await comeBack();
  });

  it.each([
    ['reset', 408],
    ['closed', 408],
    ['silent', 408],
  ] as const)('refuse by %s cuts the connection and turns clients away for a while', async (mode, code) => {
    const before = client.closes.length;
    await emulator.fault({ kind: 'refuse', seconds: 60, mode });
    await until('the cut', () => client.closes.length > before);
    expect(await attempt()).toBe(code);
    await until('the end of it', () => emulator.health().connections === 0);
    await emulator.fault({ kind: 'clear' });
    await comeBack();
  });

  it('refuse ends by itself after its seconds', async () => {
    await client.close();
    await emulator.fault({ kind: 'refuse', seconds: 2 });
    const patient = startBareClient({ emulator, phone: PHONE, auth: client.auth, reconnect: true });
    await patient.waitOpen();
    expect(patient.closes.length).toBeGreaterThan(0);
    client = patient;
  });

  it('refuse by http503 answers the upgrade with 503', async () => {
    await client.close();
    await emulator.fault({ kind: 'refuse', seconds: 60, mode: 'http503' });
    const status = await new Promise((resolve, reject) => {
      const headers = { connection: 'upgrade', upgrade: 'websocket' };
      const upgrade = request(emulator.waUrl.replace('ws:', 'http:'), { headers });
      upgrade.on('response', (response) => resolve(response.statusCode));
      upgrade.on('error', reject).end();
    });
    expect(status).toBe(503);
    await emulator.fault({ kind: 'clear' });
    await comeBack();
  });
});

describe('logging out', () => {
  it('from the phone ends the session for good', async () => {
    const other = await connectBareClient({ emulator, phone: '6281100000043' });
    const closed = other.waitClose();
    await emulator.fault({ kind: 'logout', phone: '6281100000043' });
    expect(await closed).toBe(401);
    const again = startBareClient({ emulator, phone: '6281100000043', auth: other.auth });
    expect(await again.waitClose()).toBe(401);
    await Promise.all([other.close(), again.close()]);
  });

  it('from the client unlinks the device', async () => {
    const other = await connectBareClient({ emulator, phone: '6281100000044' });
    await other.sock.logout();
    await until('unlinked', () => emulator.sessions().every(({ phone }) => phone !== '6281100000044'));
    await other.close();
  });
});
