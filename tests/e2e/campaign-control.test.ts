import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { linkSession, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const RECIPIENTS = 600;
const GAP_MS = 60;
/** Far longer than the gap: whatever was going to be sent would have been. */
const SILENCE_MS = 2_000;
/** What may be on the wire when the answer comes, although the gap is far longer than a send takes. */
const ON_THE_WIRE = 1;
const PATH = '/session/main/broadcast';

let emulator: Emulator;
let sandbox: SandboxProcess;

beforeAll(async () => {
  emulator = await startEmulator();
  sandbox = await startSandboxProcess(emulator, {
    MESSAGE_DELAY_MIN: String(GAP_MS),
    MESSAGE_DELAY_MAX: String(GAP_MS),
    MAX_MESSAGES_PER_MINUTE: '100000',
    MAX_MESSAGES_PER_HOUR: '100000',
    NEW_CONTACTS_PER_DAY: '0',
    LOG_LEVEL: 'info',
  });
  await linkSession(sandbox, emulator, 'main', '628111000061');
}, 120_000);

afterAll(async () => {
  await sandbox?.remove();
  await emulator?.stop();
});

const arrived = () => emulator.received().length;

/** Asks for `what`; what had arrived when the answer came, and what has a while later. */
async function halt(id: string, what: 'pause' | 'stop'): Promise<{ atAnswer: number; later: number }> {
  const { status } = await sandbox.call('POST', `${PATH}/campaigns/${id}/${what}`);
  expect(status).toBe(200);
  const atAnswer = arrived();
  await pause(SILENCE_MS);
  return { atAnswer, later: arrived() };
}

test('after the answer to a pause or a stop nothing leaves but what was on the wire, and the counts are what arrived', async () => {
  const numbers = Array.from({ length: RECIPIENTS }, (_, i) => `62812${10_000_000 + i}`);
  const made = await sandbox.call('POST', `${PATH}/send`, { numbers, message: 'Halo {number}' });
  const { id } = made.body.data;
  const read = async () => (await sandbox.call('GET', `${PATH}/campaigns/${id}`)).body.data;
  await until(() => arrived() >= 20, 60_000, 'message 20');

  const paused = await halt(id, 'pause');
  expect(paused.later - paused.atAnswer).toBeLessThanOrEqual(ON_THE_WIRE);
  expect(paused.later).toBeLessThan(RECIPIENTS / 2);
  expect((await read()).statistics.sent).toBe(paused.later);

  await sandbox.call('POST', `${PATH}/campaigns/${id}/resume`);
  await until(() => arrived() >= paused.later + 40, 60_000, 'messages after the pause');
  const stopped = await halt(id, 'stop');
  expect(stopped.later - stopped.atAnswer).toBeLessThanOrEqual(ON_THE_WIRE);
  const { statistics } = await read();
  expect(statistics).toMatchObject({
    total: RECIPIENTS,
    pending: 0,
    queued: 0,
    sent: stopped.later,
    skipped: RECIPIENTS - stopped.later,
  });
  const told = emulator.received().map(({ to }) => to);
  expect(new Set(told).size).toBe(told.length);
}, 180_000);
