import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../src/index.ts';
import { type BareClient, connectBareClient, until } from './bare-client.ts';

const PHONE = '6281100000401';
const [FRIEND, STRANGER, OTHER] = ['6281298760001', '6281298760002', '6281298760003'] as const;
const HOUR_SECONDS = 3_600;
let emulator: Emulator;
let client: BareClient;

beforeAll(async () => {
  emulator = await startEmulator();
  client = await connectBareClient({ emulator, phone: PHONE });
});
afterEach(() => emulator.reset());
afterAll(async () => {
  await client.close();
  await emulator.stop();
});

async function errorOf(phone: string): Promise<string | undefined> {
  return client.waitAck(await client.send(`${phone}@s.whatsapp.net`, 'hello'));
}

describe('an account under a time lock', () => {
  it('starts no chat, and goes on with those that it has', async () => {
    expect(await errorOf(FRIEND)).toBeUndefined();
    await emulator.deliver({ to: PHONE, from: OTHER, text: 'hi' });
    emulator.setStanding({ phone: PHONE, timeLock: { seconds: HOUR_SECONDS }, silent: true });
    expect(await errorOf(STRANGER)).toBe('463');
    expect(await errorOf(FRIEND)).toBeUndefined();
    expect(await errorOf(OTHER)).toBeUndefined();
    emulator.setStanding({ phone: PHONE, timeLock: null, silent: true });
    expect(await errorOf(STRANGER)).toBeUndefined();
  });

  it('is told of it, and answered when it asks', async () => {
    const told: unknown[] = [];
    client.sock.ev.on('connection.update', ({ reachoutTimeLock }) => {
      if (reachoutTimeLock) told.push(reachoutTimeLock);
    });
    const { timeLock } = emulator.setStanding({
      phone: PHONE,
      timeLock: { seconds: HOUR_SECONDS, kind: 'BIZ_QUALITY' },
    });
    const lock = {
      isActive: true,
      timeEnforcementEnds: new Date(timeLock?.until ?? 0),
      enforcementType: 'BIZ_QUALITY',
    };
    await until('the notification', () => told.length === 1);
    expect(told).toEqual([lock]);
    expect(await client.sock.fetchAccountReachoutTimelock()).toEqual(lock);
    emulator.setStanding({ phone: PHONE, timeLock: null });
    await until('its end', () => told.length === 3);
    expect(told[2]).toMatchObject({ isActive: false });
  });
});

describe('an account with a cap', () => {
  it('starts so many chats in a cycle, and is told how many', async () => {
    const told: unknown[] = [];
    client.sock.ev.on('message-capping.update', (info) => told.push(info));
    emulator.setStanding({ phone: PHONE, cap: { total: 3, used: 1, status: 'FIRST_WARNING' } });
    await until('the notification', () => told.length === 1);
    expect(told).toMatchObject([{ total_quota: 3, used_quota: 1, capping_status: 'FIRST_WARNING' }]);
    const codes = [];
    for (const phone of [FRIEND, FRIEND, OTHER, STRANGER]) codes.push(await errorOf(phone));
    expect(codes).toEqual([undefined, undefined, undefined, '463']);
    expect(await client.sock.fetchNewChatMessageCap()).toMatchObject({
      total_quota: 3,
      used_quota: 3,
      capping_status: 'CAPPED',
    });
    expect(emulator.standing({ phone: PHONE })).toMatchObject({ cap: { used: 3 }, timeLock: null });
  });

  it('knows the people of its history', async () => {
    emulator.setHistory({ phone: PHONE, chats: [{ phone: STRANGER }] });
    emulator.setStanding({ phone: PHONE, cap: { total: 0 }, silent: true });
    expect(await errorOf(STRANGER)).toBeUndefined();
    expect(await errorOf(OTHER)).toBe('463');
  });
});

it('a number with stale devices refuses until its devices are asked for again', async () => {
  emulator.setRule({ number: STRANGER, behaviour: 'stale_devices' });
  expect(await errorOf(STRANGER)).toBe('479');
  expect(await errorOf(STRANGER)).toBe('479');
  await client.sock.getUSyncDevices([`${STRANGER}@s.whatsapp.net`], false, false);
  expect(await errorOf(STRANGER)).toBeUndefined();
});
