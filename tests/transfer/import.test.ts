/** Links that other gateways have made by their own code, taken over while a message waited for them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { dbType } from '../../src/db/kit.ts';
import { waContacts, waCredentials, waKeys } from '../../src/db/schema.ts';
import { readFolder, tarGzOf, tarOf, zipOf } from '../helpers/archives.ts';
import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { type Library, linkWith, type OtherGateway } from '../helpers/origins.ts';
import { until } from '../helpers/until.ts';

/** What a link is made of is read by the same code for both; the database sees the same rows. */
const ENGINES = dbType === 'sqlite' ? (['baileys', 'wa-multi-session'] as const) : (['baileys'] as const);

/** What an import sends in addition to the session's name. */
interface Upload {
  file?: Buffer;
  creds?: string;
}

interface Origin {
  name: string;
  library: Library;
  pack(folder: string): Promise<Upload>;
}

/** As Evolution writes its table and its folder: the credentials as JSON of their JSON, the keys as files. */
async function asEvolution(folder: string): Promise<Upload> {
  const files = readFolder(folder);
  files.delete('creds.json');
  const creds = readFileSync(join(folder, 'creds.json'), 'utf8');
  return { creds: JSON.stringify(creds), file: await zipOf(files) };
}

const ORIGINS: Origin[] = [
  {
    name: 'an older system on Baileys 6.7, as a tar.gz',
    library: 'baileys-6',
    pack: async (f) => ({ file: await tarGzOf(readFolder(f)) }),
  },
  {
    name: 'WAHA NOWEB and others on Baileys 7, as a zip',
    library: '@whiskeysockets/baileys',
    pack: async (f) => ({ file: await zipOf(readFolder(f)) }),
  },
  {
    name: 'wa-multi-session, as a tar of its whole folder',
    library: 'wa-multi-session',
    pack: async (f) => ({ file: await tarOf(readFolder(f)) }),
  },
  { name: 'Evolution, as a row and a folder', library: '@whiskeysockets/baileys', pack: asEvolution },
];

describe.each(ENGINES)('by the engine %s', (engine) => {
  let emulator: Emulator;
  let gateway: TestGateway;
  const folders: string[] = [];
  const running: OtherGateway[] = [];
  let phones = 0;

  beforeAll(async () => {
    emulator = await startEmulator();
    gateway = await startTestGateway(emulator, { engine });
  });
  afterEach(() => {
    for (const other of running.splice(0)) other.kill();
  });
  afterAll(async () => {
    await gateway?.remove();
    await emulator?.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  const nextPhone = () => {
    phones += 1;
    return `62811${engine.length}0${String(phones).padStart(5, '0')}`;
  };

  async function link(library: Library, phone: string) {
    const folder = mkdtempSync(join(tmpdir(), 'wahub-origin-'));
    folders.push(folder);
    const other = await linkWith(library, { emulator, folder, phone });
    running.push(other);
    return { folder, other };
  }

  async function upload(sessionId: string, { file, creds }: Upload) {
    const form = new FormData();
    form.set('sessionId', sessionId);
    if (creds !== undefined) form.set('creds', creds);
    if (file) form.set('file', new Blob([new Uint8Array(file)]), 'link');
    const response = await fetch(`${gateway.url}/session/import`, {
      method: 'POST',
      headers: { 'x-api-key': ADMIN_KEY },
      body: form,
    });
    return { status: response.status, body: Object(await response.json()) };
  }

  const shown = async (messageId: string | undefined) =>
    (await gateway.call('GET', `/message/${messageId}`)).body?.data;

  it.each(ORIGINS)(
    '$name: connects, sends, receives, and reads what came while it was down',
    async (origin) => {
      const [phone, friend] = [nextPhone(), nextPhone()];
      const session = `from-${phone}`;
      const { folder, other } = await link(origin.library, phone);
      await other.send(friend, 'from the old gateway');
      await emulator.deliver({ to: phone, from: friend, text: 'to the old gateway' });
      await other.receive('to the old gateway');
      await other.stop();

      const { ids } = await emulator.deliver({ to: phone, from: friend, text: 'while it was down' });
      const answer = await upload(session, await origin.pack(folder));
      expect(answer).toMatchObject({
        status: 201,
        body: {
          success: true,
          message: expect.stringContaining('Stop the old program'),
          data: {
            session: { sessionId: session, status: 'connected', phoneNumber: `+${phone}` },
            leftOut: 0,
          },
        },
      });
      expect(answer.body.data.keys['pre-key']).toBeGreaterThan(20);
      expect(answer.body.data.keys.session).toBeGreaterThan(0);

      // The old program may not have kept its last keys: then the sender is asked for it again.
      await until(async () => (await shown(ids[0]))?.content.text !== undefined);
      expect(await shown(ids[0])).toMatchObject({ direction: 'in', content: { text: 'while it was down' } });
      const sent = await gateway.call(
        'POST',
        '/message/send-text',
        { session, to: friend, text: 'from here' },
        { 'x-api-key': ADMIN_KEY, prefer: 'wait=20' },
      );
      expect(sent).toMatchObject({
        status: 200,
        body: { data: { status: expect.stringMatching(/^(sent|delivered|read)$/) } },
      });
      await until(() => emulator.received().some(({ text }) => text === 'from here'));
      const later = await emulator.deliver({ to: phone, from: friend, text: 'and later' });
      await until(async () => (await shown(later.ids[0]))?.content.text === 'and later');
    },
    90_000,
  );

  it('takes LIDs along, and keeps nothing in the clear', async () => {
    const [phone, friend] = [nextPhone(), nextPhone()];
    const { folder, other } = await link('@whiskeysockets/baileys', phone);
    await other.send(friend, 'hello');
    await other.stop();
    const files = readFolder(folder);
    const lid = JSON.parse(files.get(`lid-mapping-${friend}.json`)?.toString() ?? '""');
    expect(await upload(`lids-${phone}`, { file: await zipOf(files) })).toMatchObject({ status: 201 });
    const { db } = gateway.deps;
    expect(await db.select().from(waContacts).where(eq(waContacts.phone, friend))).toMatchObject([{ lid }]);
    const creds = JSON.parse(files.get('creds.json')?.toString() ?? '{}');
    const stored = Buffer.concat([
      ...(await db.select().from(waCredentials)).map(({ sealed }) => sealed),
      ...(await db.select().from(waKeys)).map(({ sealed }) => sealed),
    ]);
    expect(stored.includes(Buffer.from(creds.noiseKey.private.data, 'base64'))).toBe(false);
    expect(stored.includes(creds.noiseKey.private.data)).toBe(false);
  }, 60_000);

  it('says that the old program still runs when that takes the connection back', async () => {
    const phone = nextPhone();
    const session = `fight-${phone}`;
    const { folder } = await link('@whiskeysockets/baileys', phone);
    // Copied while the other one runs on, as people do.
    let answer = { status: 0, body: Object({}) };
    await until(async () => {
      // Half a file is refused: the copy is made again.
      if (isWhole(join(folder, 'creds.json'))) {
        answer = await upload(session, { file: await zipOf(readFolder(folder)) });
      }
      return answer.status === 201;
    }, 20_000);
    expect(answer).toMatchObject({ status: 201, body: { data: { session: { status: 'connected' } } } });
    for (const other of running.splice(0)) other.kill();
    const again = await linkAgain(folder);
    await until(async () => {
      const { body } = await gateway.call('GET', `/session/status?session=${session}`);
      return body.data.status === 'replaced';
    });
    const { body } = await gateway.call('GET', `/session/status?session=${session}`);
    expect(body.data).toMatchObject({
      reason: 'replaced_after_import',
      errorMessage: expect.stringContaining('still uses it'),
    });
    again.kill();
  }, 60_000);

  const isWhole = (file: string) => {
    try {
      return JSON.parse(readFileSync(file, 'utf8')).me !== undefined;
    } catch {
      return false;
    }
  };

  /** The same program, started again on its folder. */
  async function linkAgain(folder: string): Promise<OtherGateway> {
    const other = await linkWith('@whiskeysockets/baileys', { emulator, folder, phone: null });
    running.push(other);
    return other;
  }
});
