import { afterAll, beforeAll, expect, test } from 'vitest';
import { waQuarantine } from '../../src/db/schema.ts';
import { type Emulator, startEmulator } from '../../src/emulator/index.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

/** Longer than every quick retry, and than the eleven that other clients count before they give up. */
const REFUSED_SECONDS = 60;
const PHONE = '628111000020';

let emulator: Emulator;
let gateway: TestGateway;

beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator);
  await linkSession(gateway, emulator, 'main', PHONE);
});

afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
});

test(`after ${REFUSED_SECONDS} s without WhatsApp the session is back by itself and what was queued goes out`, async () => {
  const status = async () => (await gateway.call('GET', '/session/status?session=main')).body.data.status;
  await emulator.fault({ kind: 'refuse', seconds: REFUSED_SECONDS, mode: 'reset' });
  await emulator.fault({ kind: 'drop' });
  await until(async () => (await status()) === 'disconnected');
  const queued = await gateway.call('POST', '/message/send-text', {
    session: 'main',
    to: '628120000021',
    text: 'written while WhatsApp was away',
  });
  expect(queued.status).toBe(202);
  await until(async () => (await status()) === 'connected', 240_000);
  expect(await gateway.deps.db.select().from(waQuarantine)).toEqual([]);
  await until(() => emulator.messages({ to: '628120000021' }).length === 1, 60_000);
}, 330_000);
