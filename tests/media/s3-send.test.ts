/** The whole service with its files in a bucket: what it sends, what it receives, and the bucket away in between. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { testConfig } from '../helpers/app.ts';
import { dataUrl, pngFile, sha256 } from '../helpers/files.ts';
import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { type S3Server, startS3Server } from '../helpers/s3-server.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const OWN = '628111000060';

let server: S3Server;
let uploadPath: string;
let emulator: Emulator;
let gateway: TestGateway;

beforeAll(async () => {
  server = await startS3Server();
  uploadPath = await mkdtemp(join(tmpdir(), 'wahub-s3-send-'));
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, {
    storage: { type: 's3', ...server.options },
    files: { ...testConfig().files, uploadPath },
  });
  await linkSession(gateway, emulator, 'main', OWN);
});
afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
  await server?.close();
  await rm(uploadPath, { recursive: true, force: true });
});

const statusOf = async (id: string) => (await gateway.call('GET', `/message/${id}`)).body.data;
const sendImage = async (to: string, image: string) => {
  const { status, body } = await gateway.call('POST', '/message/send-image', { session: 'main', to, image });
  expect(status, JSON.stringify(body)).toBe(202);
  return String(body.data.messageId);
};
async function arrivedFile(to: string, id: string): Promise<string | undefined> {
  const find = () => emulator.messages({ to }).find((message) => message.id === id);
  await until(async () => find()?.deliveredAt !== undefined, 40_000);
  return find()?.fileSha256;
}

test('an image goes from the bucket to its recipient, byte for byte', async () => {
  const image = pngFile(300_000);
  const id = await sendImage('6281500000001', dataUrl('image/png', image));
  expect(await arrivedFile('6281500000001', id)).toBe(sha256(image));
});

test('a message waits while its file cannot be read, without an attempt that counts, and then goes', async () => {
  const image = pngFile(300_000);
  let refused = 0;
  server.trouble = (request, response) => {
    if (request.method !== 'GET' || request.url?.includes('list-type')) return false;
    refused++;
    response.writeHead(503).end('<Error><Code>ServiceUnavailable</Code></Error>');
    return true;
  };
  const id = await sendImage('6281500000002', dataUrl('image/png', image));
  const text = { session: 'main', to: '6281500000003', text: 'goes on' };
  const sent = await gateway.call('POST', '/message/send-text', text, {
    'x-api-key': ADMIN_KEY,
    prefer: 'wait=10',
  });
  expect(sent.status).toBe(200);
  await until(() => refused >= 3);
  await expect.poll(async () => (await statusOf(id)).attempts).toBe(0);
  expect(await statusOf(id)).toMatchObject({ errorCode: null });
  server.trouble = null;
  expect(await arrivedFile('6281500000002', id)).toBe(sha256(image));
  expect(await statusOf(id)).toMatchObject({ attempts: 1 });
});

test('the file of an inbound message is kept when the bucket is back', async () => {
  const file = pngFile();
  await server.goDown();
  const { ids } = await emulator.deliver({
    to: OWN,
    from: '6281500000004',
    kind: 'image',
    data: file.toString('base64'),
    text: 'look',
  });
  const [id = ''] = ids;
  await until(async () => (await gateway.call('GET', `/message/${id}`)).status === 200);
  expect((await statusOf(id)).content.media).toMatchObject({ state: 'pending' });
  await server.comeBack();
  await until(async () => (await statusOf(id)).content.media.state === 'stored', 40_000);
  const { url } = (await statusOf(id)).content.media;
  const { pathname, search } = new URL(url);
  const answer = await fetch(`${gateway.url}${pathname}${search}`);
  expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(sha256(file));
});

test('a bucket that is refused stops the start', async () => {
  const storage = { type: 's3' as const, ...server.options, bucket: 'not-there' };
  await expect(startTestGateway(emulator, { storage })).rejects.toMatchObject({
    name: 'StartError',
    message: 'S3_BUCKET: there is no bucket not-there',
  });
});
