/** What WhatsApp says of a number, from its server to the webhook, the answers and the queue. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { dbType } from '../../src/db/kit.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const PHONE = '628111000030';
const SIX_HOURS = 21_600;
/** Both on one of the databases; what the other may change is the same for both. */
const ENGINES =
  dbType === 'sqlite' ? (['baileys', 'wa-multi-session'] as const) : (['wa-multi-session'] as const);

describe.each(ENGINES)('a number that WhatsApp restricts, by %s', (engine) => {
  let emulator: Emulator;
  let gateway: TestGateway;
  const told: { type: string; data: Record<string, unknown> }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      told.push(JSON.parse(body));
      response.end();
    });
  });
  let next = 1;
  const person = () => `62878${engine.length}${String(next++).padStart(6, '0')}`;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    emulator = await startEmulator();
    gateway = await startTestGateway(emulator, { engine, allowPrivateUrls: true });
    await linkSession(gateway, emulator, 'main', PHONE);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const events = ['session.restricted', 'session.unrestricted'];
    expect((await gateway.call('POST', '/webhook', { url, events })).status).toBe(201);
  });
  afterAll(async () => {
    await gateway?.remove();
    await emulator?.stop();
    server.close();
  });

  const post = (to: string, more: object = {}) =>
    gateway.call('POST', '/message/send-text', { session: 'main', to: `+${to}`, text: 'hi', ...more });
  const statusOf = async (id: string) => (await gateway.call('GET', `/message/${id}`)).body.data;
  const becomes = (id: string, status: string) =>
    until(async () => [status, 'delivered', 'read'].includes((await statusOf(id)).status), 20_000);
  const session = async () => (await gateway.call('GET', '/session/status?session=main')).body.data;

  test('463 and a time lock of 6 hours: known people are served, strangers wait until its end, told once', async () => {
    const friend = person();
    const first = (await post(friend)).body.data.messageId;
    await becomes(first, 'sent');
    const { timeLock } = emulator.setStanding({
      phone: PHONE,
      timeLock: { seconds: SIX_HOURS },
      silent: true,
    });
    const refused = (await post(person())).body.data.messageId;
    await until(async () => (await statusOf(refused)).status === 'failed', 20_000);
    expect(await statusOf(refused)).toMatchObject({ errorCode: '463' });
    await until(async () => (await session()).restriction !== null, 20_000);
    expect(await session()).toMatchObject({
      status: 'connected',
      restriction: { until: timeLock?.until, kind: 'DEFAULT' },
      pauseReason: 'breaker_463',
      pausedUntil: timeLock?.until,
    });
    const waits = (await post(person())).body.data.messageId;
    const served = (await post(friend)).body.data.messageId;
    await becomes(served, 'sent');
    expect(await statusOf(waits)).toMatchObject({
      status: 'queued',
      waitingFor: [{ reason: 'breaker_463', until: timeLock?.until }],
    });
    // Asked again by another connection: no news.
    await emulator.fault({ kind: 'drop' });
    await until(
      async () => (await session()).status === 'connected' && emulator.sessions()[0]?.connected === true,
      20_000,
    );
    await until(() => told.length > 0, 20_000);
    emulator.setStanding({ phone: PHONE, timeLock: null });
    await becomes(waits, 'sent');
    await until(() => told.length > 1, 20_000);
    expect(told.map(({ type, data }) => [type, data.until ?? data.reason])).toEqual([
      ['session.restricted', timeLock?.until],
      ['session.unrestricted', 'lifted'],
    ]);
    expect(await session()).toMatchObject({ restriction: null, pauseReason: null });
    // Its waits alone may take longer than a test usually may.
  }, 120_000);

  test('479 affects nobody else: devices are asked for, and then that message alone fails', async () => {
    const [stale, never, other] = [person(), person(), person()];
    emulator.setRule({ number: stale, behaviour: 'stale_devices' });
    emulator.setRule({ number: never, behaviour: 'ack_error:479' });
    const ids = [];
    for (const to of [stale, never, other]) ids.push((await post(to)).body.data.messageId);
    const [healed, failed, served] = ids;
    await becomes(healed, 'sent');
    await becomes(served, 'sent');
    await until(async () => (await statusOf(failed)).status === 'failed', 20_000);
    expect(await statusOf(failed)).toMatchObject({ errorCode: '479', attempts: 1 });
    expect(await session()).toMatchObject({ restriction: null, pauseReason: null });
    const limits = (await gateway.call('GET', '/session/main/limits')).body.data;
    expect(limits.breaker).toMatchObject({ state: 'closed', trips: 1 });
  });

  test('a cap of WhatsApp lets so many strangers through and no more', async () => {
    emulator.setStanding({ phone: PHONE, cap: { total: 10, used: 8, seconds: SIX_HOURS } });
    const contacts = async () => (await gateway.call('GET', '/session/main/limits')).body.data.newContacts;
    await until(async () => (await contacts()).whatsapp !== null, 20_000);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await post(person())).body.data.messageId);
    await until(async () => (await contacts()).remaining === 0, 20_000);
    const states = async () => (await Promise.all(ids.map(statusOf))).map(({ status }) => status);
    await until(
      async () =>
        (await states()).filter((status) => status !== 'queued' && status !== 'sending').length === 2,
      20_000,
    );
    const waiting = (await Promise.all(ids.map(statusOf))).find(({ status }) => status === 'queued');
    expect(waiting.waitingFor).toMatchObject([{ reason: 'new_contacts' }]);
    expect(emulator.standing({ phone: PHONE })).toMatchObject({ cap: { used: 10 } });
    emulator.setStanding({ phone: PHONE, cap: null });
    await until(async () => (await states()).every((status) => status !== 'queued'), 20_000);
    expect((await states()).includes('failed')).toBe(false);
  });
});
