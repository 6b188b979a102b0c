/** kill -9 at every step of a linking with a passkey: then the number is linked, or waits for a scan with nothing half-stored. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, type EmulatorOptions, startEmulator } from 'wa-emulator';
import { type DatabaseOptions, openDatabase } from '../../src/db/client.ts';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { createMigratedDatabase } from '../helpers/database.ts';
import { type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { readTables } from '../helpers/tables.ts';
import { until } from '../helpers/until.ts';

type Stanza = Parameters<NonNullable<EmulatorOptions['onStanza']>>[0];

const has = (stanza: Stanza, tag: string): boolean =>
  Array.isArray(stanza.content) && stanza.content.some((node) => node.tag === tag);
const isIq = (tag: string) => (stanza: Stanza) => stanza.tag === 'iq' && has(stanza, tag);

/** What the client sends at each step; it is dead before the server's answer comes. */
const STEPS: [string, (stanza: Stanza) => boolean][] = [
  ['it has heard of the demand', ({ tag, attrs }) => tag === 'ack' && attrs.class === 'notification'],
  ['it asks for a reference', isIq('ref')],
  ['it hands on the signature', isIq('passkey_prologue')],
  ['it opens its commitment', isIq('companion_nonce')],
  ['it sends its keys', isIq('encrypted_pairing_request')],
  ['it confirms that it is linked', isIq('pair-device-sign')],
  ['it logs in for the first time', ({ tag, attrs }) => tag === 'iq' && attrs.xmlns === 'encrypt'],
];

let emulator: Emulator;
let sandbox: SandboxProcess;
let options: DatabaseOptions;
let remove: () => Promise<void>;
/** Kills the process at the first stanza that it is true for. */
let at: ((stanza: Stanza) => boolean) | null = null;
let dying: Promise<unknown> | null = null;

beforeAll(async () => {
  emulator = await startEmulator({
    onStanza(stanza) {
      if (!at?.(stanza)) return;
      at = null;
      dying = sandbox.kill();
    },
  });
  ({ options, remove } = await createMigratedDatabase());
  sandbox = await startSandboxProcess(emulator, { API_RATE_LIMIT_MAX: '100000' }, options);
}, 120_000);
afterAll(async () => {
  await sandbox?.remove();
  await remove?.();
  await emulator?.stop();
});

let made = 0;
interface Linking {
  session: string;
  phone: string;
}

const statusOf = async ({ session }: Linking) => {
  const { body } = await sandbox.call('GET', `/session/status?session=${session}`);
  return { status: body.data.status as string, reason: body.data.reason as string | null };
};
const passkeyOf = async ({ session }: Linking) =>
  (await sandbox.call('GET', `/session/passkey/${session}`)).body.data;

/** A new session whose code somebody scans, with a phone that asks for a passkey. */
async function scanned(fault?: 'no_options'): Promise<Linking> {
  made += 1;
  const linking = { session: `killed-${made}`, phone: `62811000${6000 + made}` };
  emulator.setPasskey({ number: linking.phone, passkey: true, ...(fault ? { fault } : {}) });
  expect((await sandbox.call('POST', '/session/create', { sessionId: linking.session })).status).toBe(201);
  await scan(linking);
  return linking;
}

async function scan({ session, phone }: Linking): Promise<void> {
  const { status, body } = await sandbox.call('GET', `/session/qr/${session}`);
  expect(status, JSON.stringify(body)).toBe(200);
  await emulator.scan({ qr: body.qr, phone });
}

/** Signs as the owner of the phone; whoever is killed meanwhile answers nothing. */
async function sign(linking: Linking): Promise<void> {
  await until(async () => (await statusOf(linking)).status === 'passkey');
  const { options } = await passkeyOf(linking);
  const assertion = emulator.signPasskey({ phone: linking.phone, options });
  await sandbox
    .call('POST', `/session/passkey/${linking.session}/response`, { assertion })
    .catch(() => undefined);
}

/** Resolves when the process is dead and another one works. */
async function reborn(): Promise<void> {
  await until(() => dying !== null, 20_000, 'the step to be killed at');
  await dying;
  dying = null;
  await sandbox.start();
}

/** What is in the database of it, as another process sees it. */
async function rowsOf({ session }: Linking) {
  const tables = await readTables(options, ['whatsapp_accounts', 'wa_credentials', 'wa_keys']);
  const row = tables.whatsapp_accounts?.find(({ session_id }) => session_id === session);
  const keys = [tables.wa_credentials, tables.wa_keys].flatMap((all) => all ?? []);
  return { row, keys: keys.filter(({ account_id }) => account_id === row?.id) };
}

/** Linked, or waiting for a scan without anything of the try before; then a message arrives, after a second try if need be. */
async function expectWhole(linking: Linking): Promise<'linked' | 'waiting'> {
  await until(async () => ['connected', 'qr'].includes((await statusOf(linking)).status));
  const { status } = await statusOf(linking);
  if (status === 'qr') {
    const { row, keys } = await rowsOf(linking);
    expect(keys).toEqual([]);
    expect(row).toMatchObject({ passkey: null, active_phone: null, phone_number: null, reason: null });
    expect(Number(row?.paired)).toBe(0);
    expect((await sandbox.call('GET', `/session/passkey/${linking.session}`)).status).toBe(404);
    await scan(linking);
    await sign(linking);
    await until(async () => (await statusOf(linking)).status === 'connected');
  }
  const text = `to ${linking.session}`;
  await emulator.deliver({ to: linking.phone, from: '6281999000333', text });
  await until(async () => {
    const list = await sandbox.call('GET', `/message/list?session=${linking.session}&direction=in`);
    return list.body.data.some((row: { content: { text?: string } }) => row.content.text === text);
  });
  return status === 'qr' ? 'waiting' : 'linked';
}

describe('kill -9 while a number is linked with a passkey', () => {
  it.each(STEPS)(
    'when %s',
    async (name, step) => {
      // The first connection of all logs in with nothing to be linked: what counts is what comes after the scan.
      const isAck = name.includes('demand');
      if (isAck) at = step;
      const linking = await scanned();
      if (!isAck) {
        await until(async () => (await statusOf(linking)).status === 'passkey');
        at = step;
        await sign(linking);
      }
      await reborn();
      const outcome = await expectWhole(linking);
      if (name.includes('logs in')) expect(outcome).toBe('linked');
      else if (!name.includes('confirms')) expect(outcome).toBe('waiting');
    },
    90_000,
  );

  it('when it asks for the options that the demand did not bring', async () => {
    at = isIq('passkey_request_options');
    const linking = await scanned('no_options');
    await reborn();
    expect(await expectWhole(linking)).toBe('waiting');
  }, 90_000);

  it('while a person looks for the passkey', async () => {
    const linking = await scanned();
    await until(async () => (await statusOf(linking)).status === 'passkey');
    await sandbox.kill();
    await sandbox.start();
    expect(await expectWhole(linking)).toBe('waiting');
  }, 90_000);

  it('while a person compares the codes', async () => {
    const linking = await scanned();
    await until(async () => (await statusOf(linking)).status === 'passkey');
    await sandbox.kill();
    // The code is shown when the signature comes later than five minutes: what a killed process leaves of it is the row.
    const { db, close } = await openDatabase(options);
    const expiresAt = Date.now() + 300_000;
    const passkey = { stage: 'confirm' as const, options: null, code: '7QK2-M4XD', expiresAt };
    const change = { status: 'passkey_confirm' as const, passkey };
    await db.update(whatsappAccounts).set(change).where(eq(whatsappAccounts.sessionId, linking.session));
    await close();
    await sandbox.start();
    expect(await expectWhole(linking)).toBe('waiting');
  }, 90_000);
});
