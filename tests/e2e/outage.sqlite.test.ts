import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { waQuarantine } from '../../src/db/schema.ts';
import type { EngineName } from '../../src/whatsapp/capabilities.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

/** Longer than every quick retry, and than the eleven that wa-multi-session by itself counts before it gives up. */
const REFUSED_SECONDS = 60;
const PHONES = { baileys: '628111000020', 'wa-multi-session': '628111000021' } satisfies Record<
  EngineName,
  string
>;
const ENGINES = ['baileys', 'wa-multi-session'] as const;

let emulator: Emulator;
const gateways = new Map<EngineName, TestGateway>();

beforeAll(async () => {
  emulator = await startEmulator();
  for (const engine of ENGINES) {
    const gateway = await startTestGateway(emulator, { engine });
    gateways.set(engine, gateway);
    await linkSession(gateway, emulator, 'main', PHONES[engine]);
  }
}, 60_000);

afterAll(async () => {
  for (const gateway of gateways.values()) await gateway.remove();
  await emulator?.stop();
});

test(`after ${REFUSED_SECONDS} s without WhatsApp the session is back by itself and what was queued goes out, with both engines`, async () => {
  await emulator.fault({ kind: 'refuse', seconds: REFUSED_SECONDS, mode: 'reset' });
  await emulator.fault({ kind: 'drop' });
  await Promise.all(
    [...gateways].map(async ([engine, gateway]) => {
      const status = async () => (await gateway.call('GET', '/session/status?session=main')).body.data.status;
      const to = `628120000${engine === 'baileys' ? '021' : '022'}`;
      await until(async () => (await status()) === 'disconnected');
      const queued = await gateway.call('POST', '/message/send-text', {
        session: 'main',
        to,
        text: 'written while WhatsApp was away',
      });
      expect(queued.status, engine).toBe(202);
      await until(async () => (await status()) === 'connected', 240_000);
      expect(await gateway.deps.db.select().from(waQuarantine), engine).toEqual([]);
      await until(() => emulator.messages({ to }).length === 1, 60_000);
    }),
  );
}, 330_000);
