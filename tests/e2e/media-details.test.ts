/** What a recipient's phone is told of a file before it has it, and voice notes that were no Ogg Opus. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Emulator, type Received, startEmulator } from 'wa-emulator';
import { testConfig } from '../helpers/app.ts';
import { dataUrl, sha256 } from '../helpers/files.ts';
import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';
import { filmOf, mp3File, toneFile } from '../media/sounds.ts';

const TO = '628130000001';
const WAIT = { 'x-api-key': ADMIN_KEY, prefer: 'wait=30' };
const OWN = '628111000031';

let emulator: Emulator;
let gateway: TestGateway;
let folder: string;

/** A program that writes a known voice note where ffmpeg is told to write, and keeps what it was asked for. */
async function fakeFfmpeg(): Promise<string> {
  const path = join(folder, 'ffmpeg');
  const sound = join(folder, 'tone.ogg');
  await writeFile(sound, toneFile());
  const lines = [
    '#!/bin/sh',
    `echo "$@" > ${join(folder, 'asked')}`,
    'for last in "$@"; do :; done',
    `case "$last" in *.ogg) cp ${sound} "\${last#file:}";; *) exit 1;; esac`,
  ];
  await writeFile(path, `${lines.join('\n')}\n`);
  await chmod(path, 0o755);
  return path;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wahub-details-'));
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, {
    files: { ...testConfig().files, ffmpeg: await fakeFfmpeg() },
  });
  await linkSession(gateway, emulator, 'main', OWN);
});
afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
  await rm(folder, { recursive: true, force: true });
});

const post = (kind: string, fields: object) =>
  gateway.call('POST', `/message/send-${kind}`, { session: 'main', to: TO, ...fields }, WAIT);

async function send(kind: string, fields: object): Promise<Received> {
  const { body } = await post(kind, fields);
  expect(body).toMatchObject({ success: true });
  const find = () => emulator.messages({ to: TO }).find(({ id }) => id === body.data.messageId);
  await until(async () => find()?.deliveredAt !== undefined);
  const received = find();
  if (!received) throw new Error('nothing arrived');
  return received;
}

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'teal' } });

describe('a phone is told of', () => {
  test('a picture: its size and a small preview', async () => {
    const image = await picture(640, 480).jpeg().toBuffer();
    const received = await send('image', { image: dataUrl('image/jpeg', image) });
    expect(received).toMatchObject({ type: 'image', width: 640, height: 480 });
    const preview = await sharp(Buffer.from(String(received.thumbnail), 'base64')).metadata();
    expect(preview).toMatchObject({ format: 'jpeg', width: 72, height: 54 });
  });

  test('a film: its size and its seconds', async () => {
    const video = dataUrl('video/mp4', filmOf({ seconds: 9, width: 320, height: 240, turned: false }));
    expect(await send('video', { video })).toMatchObject({ width: 320, height: 240, seconds: 9 });
  });

  test('a sticker: its size, and whether it moves', async () => {
    const still = await picture(512, 512).webp().toBuffer();
    const frames = [await picture(64, 64).png().toBuffer(), await picture(64, 64).negate().png().toBuffer()];
    const moving = await sharp(frames, { join: { animated: true } })
      .webp()
      .toBuffer();
    expect(await send('sticker', { sticker: dataUrl('image/webp', still) })).toMatchObject({
      width: 512,
      height: 512,
      isAnimated: false,
    });
    expect(await send('sticker', { sticker: dataUrl('image/webp', moving) })).toMatchObject({
      width: 64,
      height: 64,
      isAnimated: true,
    });
  });

  test('a PDF: its pages, also from an upload', async () => {
    const pdf = Buffer.from('%PDF-1.4\n2 0 obj\n<</Type/Pages/Kids[]/Count 4>>\nendobj\n');
    const upload = await gateway.call('POST', '/media', { file: dataUrl('application/pdf', pdf) });
    expect(upload.status).toBe(201);
    const received = await send('document', { document: upload.body.data.id });
    expect(received).toMatchObject({ type: 'document', pageCount: 4 });
  });

  test('a voice note: its seconds and its bars', async () => {
    const received = await send('audio', { audio: dataUrl('audio/ogg', toneFile()), ptt: true });
    expect(received).toMatchObject({ type: 'ptt', seconds: 2 });
    expect(Buffer.from(String(received.waveform), 'base64')).toHaveLength(64);
    const sound = await send('audio', { audio: dataUrl('audio/ogg', toneFile()) });
    expect(sound).toMatchObject({ type: 'audio', seconds: 2 });
    expect(sound.waveform).toBeUndefined();
  });
});

describe('an MP3', () => {
  const audio = dataUrl('audio/mpeg', mp3File());

  test('becomes a voice note where there is an ffmpeg, also from an upload', async () => {
    const uploaded = await gateway.call('POST', '/media', { file: audio });
    for (const source of [audio, uploaded.body.data.id]) {
      expect(await send('audio', { audio: source, ptt: true })).toMatchObject({
        type: 'ptt',
        mimetype: 'audio/ogg; codecs=opus',
        fileSha256: sha256(toneFile()),
        seconds: 2,
      });
    }
    const asked = await readFile(join(folder, 'asked'), 'utf8');
    // Its container is named, so that nothing in the file chooses another reader.
    expect(asked).toMatch(/-protocol_whitelist file .*-f mp3 .*-i file:\/.*libopus/);
  });

  test('that is a sound stays what it is', async () => {
    const received = await send('audio', { audio });
    expect(received).toMatchObject({ type: 'audio', mimetype: 'audio/mpeg', seconds: 1 });
  });

  test('that ffmpeg cannot read is refused with the reason', async () => {
    await writeFile(join(folder, 'tone.ogg'), '');
    const { status, body } = await post('audio', { audio, ptt: true });
    expect(status).toBe(415);
    expect(body).toMatchObject({ code: 'UNSUPPORTED_MEDIA', details: { reason: 'failed' } });
    await rm(join(folder, 'ffmpeg'));
    const without = await post('audio', { audio, ptt: true });
    expect(without.body).toMatchObject({
      code: 'UNSUPPORTED_MEDIA',
      message: expect.stringMatching(/no ffmpeg.*FFMPEG_PATH.*without ptt/),
      details: { reason: 'missing', mimetype: 'audio/mpeg' },
    });
  });
});
