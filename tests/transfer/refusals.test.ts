/** What is no link, or no whole one: refused with its cause, and nothing of it stored. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import type { Tx } from '../../src/db/client.ts';
import { waContacts, waCredentials, waKeys, waPeople, whatsappAccounts } from '../../src/db/schema.ts';
import { importLink } from '../../src/services/sessions/transfer/import-link.ts';
import { type LinkSource, openSource, sourceOfJson } from '../../src/services/sessions/transfer/source.ts';
import { newId } from '../../src/utils/ids.ts';
import { fileOfKey, keyOfFile } from '../../src/whatsapp/link-files.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { readFolder, tarOf, zipOf } from '../helpers/archives.ts';
import { linkWith } from '../helpers/origins.ts';

const PHONE = '628110007001';
let emulator: Emulator;
let app: TestApp;
let folder: string;
let files: Map<string, Buffer>;
let creds: Record<string, unknown>;

beforeAll(async () => {
  [emulator, app] = await Promise.all([startEmulator(), openTestApp()]);
  folder = mkdtempSync(join(tmpdir(), 'wahub-refused-'));
  const other = await linkWith('@whiskeysockets/baileys', { emulator, folder, phone: PHONE });
  await other.stop();
  files = readFolder(folder);
  creds = JSON.parse(files.get('creds.json')?.toString() ?? '{}');
});
afterAll(async () => {
  await app?.close();
  await emulator?.stop();
  rmSync(folder, { recursive: true, force: true });
});

let names = 0;
function take(source: LinkSource, credentials?: string) {
  names += 1;
  return importLink(app.deps, { userId: 1, sessionId: `s-${names}`, source, credentials, owner: null });
}

async function isEmpty(): Promise<boolean> {
  const { db } = app.deps;
  const rows = await Promise.all([
    db.select().from(whatsappAccounts),
    db.select().from(waCredentials),
    db.select().from(waKeys),
  ]);
  return rows.flat().length === 0;
}

/** A file of these bytes, as a source. */
async function sourceOf(bytes: Buffer): Promise<LinkSource> {
  names += 1;
  const path = join(folder, '..', `wahub-refused-${process.pid}-${names}`);
  writeFileSync(path, bytes);
  try {
    const source = await openSource(path);
    const read: { folder: string; name: string; text: string | null }[] = [];
    for await (const file of source.files()) read.push({ ...file, text: await file.text() });
    return {
      async *files() {
        for (const { text, ...file } of read) yield { ...file, text: async () => text };
      },
    };
  } finally {
    rmSync(path);
  }
}

const flip = (base64: string) => {
  const bytes = Buffer.from(base64, 'base64');
  bytes[7] = (bytes[7] ?? 0) ^ 1;
  return bytes.toString('base64');
};

/** The credentials with one field of bytes changed. */
function altered(path: string): Record<string, unknown> {
  const copy = structuredClone(creds);
  const steps = path.split('.');
  let at: Record<string, unknown> = copy;
  for (const step of steps.slice(0, -1)) at = Object(at[step]);
  const last = steps.at(-1) ?? '';
  const value = at[last];
  at[last] =
    typeof value === 'string' ? flip(value) : { type: 'Buffer', data: flip(String(Object(value).data)) };
  return copy;
}

it.each([
  ['noiseKey.public', 'key_pair_differs'],
  ['noiseKey.private', 'key_pair_differs'],
  ['signedIdentityKey.private', 'key_pair_differs'],
  ['signedPreKey.keyPair.public', 'key_pair_differs'],
  ['signedPreKey.signature', 'signature_wrong'],
  ['account.details', 'signature_wrong'],
  ['account.accountSignature', 'signature_wrong'],
  ['account.accountSignatureKey', 'signature_wrong'],
  ['account.deviceSignature', 'signature_wrong'],
])('refuses credentials whose %s was changed: %s', async (path, flaw) => {
  await expect(take(sourceOfJson({ creds: altered(path) }))).rejects.toMatchObject({ flaw });
  expect(await isEmpty()).toBe(true);
});

it.each([
  ['me', 'not_linked'],
  ['account', 'not_linked'],
  ['noiseKey', 'no_credentials'],
  ['signedPreKey', 'malformed'],
  ['registrationId', 'malformed'],
])('refuses credentials without %s: %s', async (field, flaw) => {
  const { [field]: _gone, ...rest } = creds;
  await expect(take(sourceOfJson({ creds: rest }))).rejects.toMatchObject({ flaw });
});

it.each([
  ['nothing that is JSON', Buffer.from('hello'), 'unreadable'],
  ['half a zip', async () => (await zipOf(files)).subarray(0, 5_000), 'unreadable'],
  ['half a tar', async () => (await tarOf(files)).subarray(0, 5_000), 'unreadable'],
  ['a gzip that is no tar', gzipSync(Buffer.alloc(5_000, 65)), 'unreadable'],
  [
    'a name that leads out',
    async () => tarOf(new Map([...files].map(([n, b]) => [`../${n}`, b]))),
    'unreadable',
  ],
  ['a zip name that leads out', async () => zipWithName('../creds.json'), 'unreadable'],
  [
    'a tar that unpacks to gigabytes',
    async () => gzipSync(await tarOf(new Map([['x.bin', Buffer.alloc(300 * 1024 ** 2)]]))),
    'too_large',
  ],
  ['a zip that lies about its sizes', async () => lyingZip(), 'unreadable'],
  ['JSON of many megabytes', Buffer.from(`{"creds":"${'x'.repeat(3_000_000)}"}`), 'too_large'],
])('refuses %s', async (_what, made, flaw) => {
  const bytes = typeof made === 'function' ? await made() : made;
  await expect(sourceOf(bytes).then((source) => take(source))).rejects.toMatchObject({ flaw });
  expect(await isEmpty()).toBe(true);
});

/** Same length, so that the offsets of the archive stay right. */
async function zipWithName(name: string): Promise<Buffer> {
  const stand = 'x'.repeat(name.length);
  const zip = await zipOf(new Map([[stand, Buffer.from('{}')]]));
  return Buffer.from(zip.toString('latin1').replaceAll(stand, name), 'latin1');
}

/** It says that a file has ten bytes, and has a megabyte. */
async function lyingZip(): Promise<Buffer> {
  const zip = await zipOf(new Map([['creds.json', Buffer.alloc(1_000_000, 32)]]));
  const central = zip.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'));
  zip.writeUInt32LE(10, central + 24);
  expect(deflateRawSync(Buffer.alloc(1_000_000, 32)).length).toBeLessThan(5_000);
  return zip;
}

it.each([
  ['goes when it was new', null],
  [
    'is as it was when it was there',
    {
      status: 'logged_out',
      reason: 'device_removed',
      importedAt: null,
      activePhone: null,
      paired: false,
    } as const,
  ],
])('a session whose import fails at its last step %s, without a key of it', async (_what, before) => {
  const { db } = app.deps;
  names += 1;
  const sessionId = `s-${names}`;
  const id = newId();
  if (before !== null) {
    const row = { id, userId: 1, sessionId, pairing: 'qr' as const, createdAt: 1, updatedAt: 1, ...before };
    await db.insert(whatsappAccounts).values(row);
  }
  let stored = 0;
  const source = await sourceOf(await tarOf(files));
  const onCommit = async (tx: Tx) => {
    stored = (await tx.select().from(waKeys)).length;
    throw new Error('the disk is full');
  };
  const failed = importLink(app.deps, { userId: 1, sessionId, source, owner: null, onCommit });
  await expect(failed).rejects.toThrow('the disk is full');
  expect(stored).toBeGreaterThan(10);
  expect(await db.select().from(waKeys)).toEqual([]);
  expect(await db.select().from(waCredentials)).toEqual([]);
  if (before === null) {
    expect(await isEmpty()).toBe(true);
    expect(await db.select().from(waContacts)).toEqual([]);
    expect(await db.select().from(waPeople)).toEqual([]);
    return;
  }
  expect(await db.select().from(whatsappAccounts)).toMatchObject([{ id, ...before }]);
  // Nothing is in the way of another try.
  const again = await importLink(app.deps, { userId: 1, sessionId, source, owner: null });
  expect(again.row).toMatchObject({ id, paired: true, phoneNumber: PHONE });
  await db.delete(whatsappAccounts);
  for (const table of [waKeys, waCredentials, waContacts, waPeople]) await db.delete(table);
});

it('refuses several links in one archive unless one is named after the session', async () => {
  const two = new Map(
    [...files].flatMap(([name, bytes]) => [[`a/${name}`, bytes] as const, [`b/${name}`, bytes] as const]),
  );
  await expect(take(await sourceOf(await zipOf(two)))).rejects.toMatchObject({ flaw: 'several_links' });
});

it('leaves damaged keys out, and takes the rest', async () => {
  const some = new Map([...files].slice(0, 60));
  some.set('creds.json', files.get('creds.json') ?? Buffer.alloc(0));
  some.set('pre-key-1.json', Buffer.from('{"private":{"type":"Buf'));
  some.set('pre-key-2.json', files.get('pre-key-3.json') ?? Buffer.alloc(0));
  some.set('notes.txt', Buffer.from('mine'));
  some.set('pre-key-3.json', Buffer.from(JSON.stringify({ private: 1, public: 2 })));
  const imported = await take(await sourceOf(await zipOf(some)));
  expect(imported.leftOut).toBe(3);
  expect(imported.row).toMatchObject({ paired: true, status: 'disconnected', phoneNumber: PHONE });
  const { db, secrets } = app.deps;
  const stored = await db.select().from(waKeys);
  expect(stored.length).toBe(Object.values(imported.keys).reduce((sum, n) => sum + n, 0));
  expect(secrets.keyId).toBe(stored[0]?.keyId);

  // A phone has one active session a tenant.
  await expect(take(sourceOfJson({ creds }))).rejects.toMatchObject({ code: 'DUPLICATE_PHONE' });
  // A session that is linked takes no other link.
  const again = importLink(app.deps, {
    userId: 2,
    sessionId: imported.row.sessionId,
    source: sourceOfJson({ creds }),
    owner: null,
  });
  await expect(again).resolves.toMatchObject({ row: { userId: 2 } });
  const third = importLink(app.deps, {
    userId: 2,
    sessionId: imported.row.sessionId,
    source: sourceOfJson({ creds: altered('lastPropHash') }),
    owner: null,
  });
  await expect(third).rejects.toMatchObject({
    code: expect.stringMatching(/DUPLICATE_PHONE|SESSION_EXISTS/),
  });
});

it.each([
  ['nothing', {}, {}],
  ['something else', { 'app-state-sync-version-critical_block.json': { version: 2 } }, {}],
  ['chats', { 'app-state-sync-version-regular_low.json': { version: 3 } }, null],
])(
  'knows whether the other program has read how the phone keeps its chats: %s',
  async (_what, read, versions) => {
    const some = new Map([['creds.json', files.get('creds.json') ?? Buffer.alloc(0)]]);
    for (const [name, value] of Object.entries(read)) some.set(name, Buffer.from(JSON.stringify(value)));
    const source = await sourceOf(await zipOf(some));
    const { row } = await importLink(app.deps, {
      userId: 100 + ++names,
      sessionId: 'main',
      source,
      owner: null,
    });
    // Null waits for its moment among all that read everything; what begins here does not, however often it is cut off.
    expect(row.appStateVersions).toEqual(versions);
  },
);

it.each([
  'pre-key-7.json',
  'session-628111_1.0.json',
  'session-628111.12.json',
  'sender-key-120363@g.us--628111_1--0.json',
  'sender-key-628111-139@g.us--628111--3.json',
  'sender-key-memory-120363@g.us.json',
  'app-state-sync-key-AA__b+c=.json',
  'app-state-sync-version-critical_block.json',
  'lid-mapping-123_reverse.json',
  'device-list-628111.json',
  'tctoken-__index.json',
  'tctoken-123@lid.json',
  'identity-key-123_1.0.json',
])('reads the name %s, and writes it again', (file) => {
  const key = keyOfFile(file);
  expect(key && fileOfKey(key)).toBe(file);
});

it('knows what the names meant before they were files', () => {
  expect(keyOfFile('sender-key-120363@g.us--628111_1--0.json')).toEqual({
    type: 'sender-key',
    name: '120363@g.us::628111_1::0',
  });
  expect(keyOfFile('app-state-sync-key-AA__b.json')?.name).toBe('AA/b');
  expect(keyOfFile('tctoken-__index.json')?.name).toBe('__index');
  expect(keyOfFile('creds.json')).toBeNull();
  expect(keyOfFile('package.json')).toBeNull();
});
