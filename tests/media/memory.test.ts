/** Files go through the service piece by piece: its memory does not grow with them. */

import { createWriteStream, openAsBlob, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { dataUrl, pdfFile, sha256 } from '../helpers/files.ts';
import { type S3Server, startS3Server } from '../helpers/s3-server.ts';
import { linkSession, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const MIB = 1024 * 1024;

let emulator: Emulator;
let bucket: S3Server;
/** One keeps files in its folder, the other in a bucket. */
let local: SandboxProcess;
let remote: SandboxProcess;
/** The one that a test is about. */
let sandbox: SandboxProcess;
let web: Server;
let webUrl: string;
let page: Uint8Array = new Uint8Array();

beforeAll(async () => {
  emulator = await startEmulator();
  bucket = await startS3Server();
  const { options } = bucket;
  local = await startAndLink('628111000040', {});
  remote = await startAndLink('628111000041', {
    STORAGE: 's3',
    S3_ENDPOINT: String(options.endpoint),
    S3_REGION: options.region,
    S3_BUCKET: options.bucket,
    S3_ACCESS_KEY_ID: options.accessKeyId,
    S3_SECRET_ACCESS_KEY: options.secretAccessKey,
    S3_PREFIX: 'memory',
  });
  web = createServer((_request, response) => response.end(page));
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  webUrl = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
}, 120_000);

afterAll(async () => {
  web?.close();
  await local?.remove();
  await remote?.remove();
  await bucket?.close();
  await emulator?.stop();
});

async function startAndLink(phone: string, env: Record<string, string>): Promise<SandboxProcess> {
  const started = await startSandboxProcess(emulator, {
    MESSAGE_DELAY_MIN: '0',
    MESSAGE_DELAY_MAX: '0',
    MAX_MESSAGES_PER_MINUTE: '10000',
    MAX_MESSAGES_PER_HOUR: '10000',
    NEW_CONTACTS_PER_DAY: '0',
    WEBHOOK_ALLOW_PRIVATE: 'true',
    NODE_EXTRA_CA_CERTS: '',
    ...env,
  });
  await linkSession(started, emulator, 'main', phone);
  sandbox = started;
  // Everything that the first send loads and compiles is there before anything is measured.
  for (const to of ['6281400000001', '6281400000002']) await sendForm(to, pdfFile(2 * MIB));
  return started;
}

function statusField(name: string): number {
  const status = readFileSync(`/proc/${sandbox.pid()}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
}

/** By how much the memory of the process grew at most while `work` ran. */
async function peakGrowth(work: () => Promise<unknown>): Promise<number> {
  const before = statusField('VmRSS');
  // Sets the high-water mark back to what is used now (proc(5)).
  await writeFile(`/proc/${sandbox.pid()}/clear_refs`, '5');
  await work();
  const growth = statusField('VmHWM') - before;
  console.log(`peak: ${Math.round(growth / MIB)} MiB above ${Math.round(before / MIB)} MiB`);
  return growth;
}

async function post(body: FormData | string): Promise<string> {
  const response = await fetch(`${sandbox.url}/message/send-document`, {
    method: 'POST',
    headers: {
      'x-api-key': sandbox.apiKey,
      ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}),
    },
    body,
  });
  const answer = (await response.json()) as { data: { messageId: string } };
  expect(response.status, JSON.stringify(answer)).toBe(202);
  return answer.data.messageId;
}

async function arrived(to: string, id: string, document: Buffer): Promise<void> {
  const find = () => emulator.messages({ to }).find((message) => message.id === id);
  await until(async () => find()?.deliveredAt !== undefined, 60_000);
  expect(find()?.fileSha256).toBe(sha256(document));
}

async function sendForm(to: string, document: Buffer): Promise<void> {
  const form = new FormData();
  form.set('session', 'main');
  form.set('to', to);
  form.set('document', new Blob([new Uint8Array(document)]), 'report.pdf');
  await arrived(to, await post(form), document);
}

async function sendJson(to: string, document: string, bytes: Buffer): Promise<void> {
  await arrived(to, await post(JSON.stringify({ session: 'main', to, document })), bytes);
}

test('a document of 50 MB through a bucket, uploaded, sent and downloaded, stays below the same bound', async () => {
  sandbox = remote;
  const document = pdfFile(50 * MIB);
  expect(await peakGrowth(() => sendForm('6281400000020', document))).toBeLessThan(60e6);
  const [name, kept] = [...bucket.objects].findLast(([, bytes]) => bytes.length === document.length) ?? [];
  expect(kept && sha256(kept)).toBe(sha256(document));
  const growth = await peakGrowth(async () => {
    const headers = { 'x-api-key': sandbox.apiKey };
    const answer = await fetch(`${sandbox.url}/media/${name?.split('/').at(-1)}`, { headers });
    expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(sha256(document));
  });
  expect(growth).toBeLessThan(60e6);
  const { secretAccessKey, accessKeyId } = bucket.options;
  for (const secret of [secretAccessKey, accessKeyId]) expect(sandbox.output()).not.toContain(secret);
}, 180_000);

test('a document of 50 MB raises the peak by less than 60 MB, as a form and from a URL', async () => {
  sandbox = local;
  const document = pdfFile(50 * MIB);
  expect(await peakGrowth(() => sendForm('6281400000010', document))).toBeLessThan(60e6);
  page = document;
  expect(await peakGrowth(() => sendJson('6281400000011', `${webUrl}/a.pdf`, document))).toBeLessThan(60e6);
}, 180_000);

test('twenty sends of 10 MB at once stay under 150 MB, as forms and as data: URLs', async () => {
  sandbox = local;
  const all = Array.from({ length: 20 }, (_, i) => ({ to: `62814000001${10 + i}`, file: pdfFile(10 * MIB) }));
  const forms = () => Promise.all(all.map(({ to, file }) => sendForm(to, file)));
  expect(await peakGrowth(forms)).toBeLessThan(150e6);
  const others = all.map(({ to }) => ({ to, file: pdfFile(10 * MIB) }));
  const texts = () =>
    Promise.all(others.map(({ to, file }) => sendJson(to, dataUrl('application/pdf', file), file)));
  expect(await peakGrowth(texts)).toBeLessThan(150e6);
}, 300_000);

test.each<[string, string, number, RegExp]>([
  ['one line without an end', 'x'.repeat(MIB), 200, /"line":2,.*"line_too_long"/],
  ['a quote that is never closed', `"${'x\n'.repeat(MIB / 2)}`, 400, /more than 1000000 rows/],
])(
  'contacts of 150 MB that are %s are read with less than 100 MB, and none is added',
  async (_what, piece, status, said) => {
    const call = await sandbox.call('POST', '/session/main/broadcast/lists', { name: 'Customers' });
    const path = `/session/main/broadcast/lists/${call.body.data.id}`;
    const folder = await mkdtemp(join(tmpdir(), 'wahub-csv-'));
    const file = join(folder, 'contacts.csv');
    // The quote opens once: what follows is inside.
    const rest = piece.replace('"', '');
    await pipeline(
      Readable.from(
        (function* () {
          yield 'name,number\n';
          yield piece;
          for (let i = 1; i < 150; i++) yield rest;
        })(),
      ),
      createWriteStream(file),
    );
    const growth = await peakGrowth(async () => {
      const form = new FormData();
      form.set('file', await openAsBlob(file), 'contacts.csv');
      const response = await fetch(`${sandbox.url}${path}/contacts/bulk`, {
        method: 'POST',
        headers: { 'x-api-key': sandbox.apiKey },
        body: form,
      });
      const answer: unknown = await response.json();
      expect(response.status, JSON.stringify(answer)).toBe(status);
      expect(JSON.stringify(answer)).toMatch(said);
    });
    expect(growth).toBeLessThan(100e6);
    expect((await sandbox.call('GET', path)).body.data.contactCount).toBe(0);
    await rm(folder, { recursive: true });
  },
  120_000,
);
