import { execFile } from 'node:child_process';
import { request } from 'node:https';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../src/index.ts';
import { connectBareClient, until } from './bare-client.ts';

const SIZE = 300_000;
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator();
});

afterAll(() => emulator.stop());

describe('media', () => {
  it('go up and down over TLS that NODE_EXTRA_CA_CERTS trusts, and are checked by the recipient', async () => {
    const [phone, to] = ['6281100000061', '6281200006001'];
    const script = new URL('./media-client.ts', import.meta.url).pathname;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', script, emulator.url, emulator.waUrl, phone, to],
      { env: { ...process.env, NODE_EXTRA_CA_CERTS: emulator.caFile } },
    );
    const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}');
    expect(result.downloaded).toBe(result.sha256);
    expect(result.failure).toMatch(/upload failed/i);
    const expected = {
      image: { caption: 'gambar', mimetype: 'image/jpeg' },
      video: { caption: 'video', mimetype: 'video/mp4' },
      document: { caption: 'dok', fileName: 'a.pdf', mimetype: 'application/pdf' },
      audio: { mimetype: 'audio/mpeg' },
      ptt: { mimetype: 'audio/ogg; codecs=opus' },
      sticker: { mimetype: 'image/webp' },
    };
    for (const [type, fields] of Object.entries(expected)) {
      const [entry] = emulator.messages({ id: result.sent[type] });
      expect(entry).toMatchObject({ type, to, fileSha256: result.sha256, fileSize: SIZE, ...fields });
      expect(entry?.mediaError).toBeUndefined();
    }
  });

  it('that were never uploaded are listed with the reason', async () => {
    const client = await connectBareClient({ emulator, phone: '6281100000062' });
    const bytes = Buffer.alloc(32, 1);
    await client.sock.relayMessage(
      '6281200006002@s.whatsapp.net',
      {
        imageMessage: {
          directPath: '/v/emulated/none',
          mediaKey: bytes,
          fileSha256: bytes,
          fileEncSha256: bytes,
          mimetype: 'image/png',
        },
      },
      { messageId: 'NOFILE' },
    );
    const entry = await until('the message', () => emulator.messages({ id: 'NOFILE' })[0]);
    expect(entry).toMatchObject({ type: 'image', mediaError: expect.stringContaining('no such file') });
    await client.close();
  });

  it('are announced with everything that clients read of it', async () => {
    const client = await connectBareClient({ emulator, phone: '6281100000064' });
    const answer = await client.sock.query({
      tag: 'iq',
      attrs: { to: 's.whatsapp.net', xmlns: 'w:m', type: 'set', id: 'media-conn' },
      content: [{ tag: 'media_conn', attrs: {} }],
    });
    const limits = {
      ttl: '300',
      auth_ttl: '300',
      max_buckets: '12',
      max_manual_retry: '3',
      max_auto_retry: '3',
    };
    expect(answer.content).toMatchObject([
      { tag: 'media_conn', attrs: { auth: expect.any(String), ...limits }, content: [{ tag: 'host' }] },
    ]);
    await client.close();
  });

  it('are refused without the right token', async () => {
    const client = await connectBareClient({ emulator, phone: '6281100000063' });
    const { hosts } = await client.sock.refreshMediaConn();
    const status = await new Promise((resolve, reject) => {
      const upload = request(`https://${hosts[0]?.hostname}/mms/image/abc?auth=wrong`, {
        method: 'POST',
        ca: emulator.ca,
      });
      upload.on('response', (response) => resolve(response.statusCode)).on('error', reject);
      upload.end('x');
    });
    expect(status).toBe(401);
    await client.close();
  });
});
