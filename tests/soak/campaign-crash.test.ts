import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { linkSession, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const RECIPIENTS = 5_000;
const KILLS = 10;
const SENDER = '628111000001';
const UNREACHABLE = 5;
/** A machine that does much else: alone it takes a fraction of it. */
const PATIENCE_MS = 900_000;

let emulator: Emulator;
let sandbox: SandboxProcess;

beforeAll(async () => {
  emulator = await startEmulator();
  sandbox = await startSandboxProcess(emulator, {
    MESSAGE_DELAY_MIN: '0',
    MESSAGE_DELAY_MAX: '0',
    MAX_MESSAGES_PER_MINUTE: '100000',
    MAX_MESSAGES_PER_HOUR: '100000',
    NEW_CONTACTS_PER_DAY: '0',
    LOG_LEVEL: 'info',
  });
  await linkSession(sandbox, emulator, 'main', SENDER);
}, 120_000);

afterAll(async () => {
  await sandbox?.remove();
  await emulator?.stop();
});

const numberOf = (i: number) => `62812${String(10_000_000 + i)}`;
const PATH = '/session/main/broadcast';

/** A list with every recipient, as a client would fill it. */
async function makeList(): Promise<string> {
  const list = await sandbox.call('POST', `${PATH}/lists`, { name: 'Everybody' });
  const listId: string = list.body.data.id;
  for (let at = 0; at < RECIPIENTS; at += 1_000) {
    const contacts = Array.from({ length: 1_000 }, (_, i) => ({
      number: `+${numberOf(at + i)}`,
      name: `N${at + i}`,
    }));
    const { status } = await sandbox.call('POST', `${PATH}/lists/${listId}/contacts`, { contacts });
    expect(status).toBe(201);
  }
  return listId;
}

test(
  `a campaign to ${RECIPIENTS} survives ${KILLS} kill -9: one message each, and the counts are what arrived`,
  async () => {
    for (let i = 0; i < UNREACHABLE; i++) {
      emulator.setRule({ number: numberOf(i * 7), behaviour: 'not_on_whatsapp' });
    }
    const listId = await makeList();
    const arrived = () => emulator.received().filter((message) => message.from === SENDER);
    const made = await sandbox.call('POST', `${PATH}/send`, { listId, message: 'Halo {name}' });
    expect(made.status).toBe(202);
    const { id } = made.body.data;
    // The first one while the recipients are being frozen, the others all along the way.
    for (let kill = 0; kill < KILLS; kill++) {
      const target = Math.floor((RECIPIENTS * 0.9 * kill) / KILLS);
      await until(() => arrived().length >= target, PATIENCE_MS, `message ${target}`);
      await sandbox.kill();
      await sandbox.start();
    }
    const read = async () => (await sandbox.call('GET', `${PATH}/campaigns/${id}`)).body.data;
    await until(async () => (await read()).status === 'completed', PATIENCE_MS, 'the end of the campaign');

    const reachable = RECIPIENTS - UNREACHABLE;
    const phones = new Set(arrived().map((message) => message.to));
    expect(phones.size).toBe(reachable);
    expect(arrived()).toHaveLength(reachable);
    // A message whose acknowledgement a crash has swallowed goes again under its id: the phone shows it once.
    const shown = new Set(arrived().map((message) => `${message.to} ${message.id}`));
    expect(shown.size).toBe(reachable);
    const { statistics } = await read();
    expect(statistics).toMatchObject({
      total: RECIPIENTS,
      pending: 0,
      queued: 0,
      sent: phones.size,
      failed: 0,
      skipped: UNREACHABLE,
    });
  },
  3 * PATIENCE_MS,
);
