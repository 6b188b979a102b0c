/** A server that says nothing for a while and then answers again: every session is back soon, whatever it had waited. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const SILENT_SECONDS = 12;
const BACK_WITHIN_MS = 15_000;
const SESSIONS = 6;
const ENGINES = ['baileys', 'wa-multi-session'] as const;

let emulator: Emulator;
const gateways = new Map<(typeof ENGINES)[number], TestGateway>();
const names = Array.from({ length: SESSIONS / ENGINES.length }, (_, n) => `session-${n}`);

beforeAll(async () => {
  emulator = await startEmulator();
  for (const [at, engine] of ENGINES.entries()) {
    const gateway = await startTestGateway(emulator, { engine });
    gateways.set(engine, gateway);
    for (const [n, name] of names.entries()) {
      await linkSession(gateway, emulator, name, `6281110004${at}${n}`);
    }
  }
}, 120_000);

afterAll(async () => {
  for (const gateway of gateways.values()) await gateway.remove();
  await emulator?.stop();
});

test(`after ${SILENT_SECONDS} s of silence all sessions are back within ${BACK_WITHIN_MS / 1000} s, with both engines`, async () => {
  const statuses = async () => {
    const asked = [...gateways.values()].flatMap((gateway) =>
      names.map(
        async (name) => (await gateway.call('GET', `/session/status?session=${name}`)).body.data.status,
      ),
    );
    return Promise.all(asked);
  };
  expect(await statuses()).toEqual(Array(SESSIONS).fill('connected'));
  await emulator.fault({ kind: 'refuse', seconds: SILENT_SECONDS, mode: 'silent' });
  const answersAgainMs = performance.now() + SILENT_SECONDS * 1_000;
  await until(async () => (await statuses()).every((status) => status !== 'connected'), 10_000);
  await pause(answersAgainMs - performance.now());
  await until(async () => (await statuses()).every((status) => status === 'connected'), 240_000);
  const backAfterMs = performance.now() - answersAgainMs;
  expect(Math.round(backAfterMs)).toBeLessThan(BACK_WITHIN_MS);
}, 330_000);
