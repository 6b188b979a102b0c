/** What docs/messages.md and docs/chats.md have to paste into a shell against the sandbox, as it is. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

/** As the README links it. */
const PHONE = '628111111111';
const PERSON = '6281234567890';

vi.setConfig({ testTimeout: 60_000 });

/** What is pasted may make files. */
const cwd = mkdtempSync(join(tmpdir(), 'wahub-paste-'));
let emulator: Emulator;
let gateway: TestGateway;
beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator);
  await linkSession(gateway, emulator, 'main', PHONE);
});
afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
  rmSync(cwd, { recursive: true, force: true });
});

/** The first commands of a document, which make its words, and the first under that heading. */
async function paste(file: string, heading: string): Promise<string> {
  const text = await readFile(`docs/${file}`, 'utf8');
  const blockIn = (part: string) => /```(?:sh|bash)\n([\s\S]*?)```/.exec(part)?.[1] ?? '';
  const under = text.slice(text.indexOf(`\n${heading}\n`));
  const words = blockIn(text)
    .split('\n')
    .filter((line) => /^\w+\(\)/.test(line));
  const env = { ...process.env, URL: gateway.url, KEY: ADMIN_KEY, PHONE: emulator.url };
  const commands = [...words, blockIn(under)].join('\n');
  const { stdout } = await promisify(execFile)('sh', ['-c', commands], { env, cwd, timeout: 50_000 });
  return stdout;
}

it('an album is sent', async () => {
  expect(await paste('messages.md', '## Albums')).toContain('"message":"Album queued"');
  const images = () => emulator.messages({ to: PERSON }).filter(({ type }) => type === 'image');
  await until(() => images().length === 2);
  expect(images()[0]).toMatchObject({ caption: 'Front', album: expect.any(String) });
});

it('a post reaches an own channel', async () => {
  expect(await paste('messages.md', '## Channels')).toContain('"canPost":true');
  const [channel] = emulator.channels();
  await until(() => emulator.messages({ to: channel?.id ?? '' }).length === 1);
  const shown = await fetch(`${emulator.url}/messages?to=${channel?.id}`);
  expect(await shown.json()).toMatchObject([{ text: 'We open at ten.' }]);
});

it('an event is answered', async () => {
  const printed = await paste('messages.md', '### Answers to events');
  const id = /"messageId":"(3EB0[0-9A-F]+)"/.exec(printed)?.[1];
  const totals = async () => (await gateway.call('GET', `/message/${id}/event`)).body.data.totals;
  await until(async () => (await totals()).going === 1);
  expect(await totals()).toMatchObject({ going: 1, guests: 2 });
});

it('a label is put on a chat', async () => {
  const made = () => gateway.call('POST', '/session/main/labels', { name: 'First' });
  await until(async () => (await made()).status === 201);
  await paste('chats.md', '## Labels');
  const onPhone = Object.values(await emulator.labels({ phone: PHONE }));
  expect(onPhone).toContainEqual(
    expect.objectContaining({ name: 'New order', color: 2, on: [expect.any(String)] }),
  );
});
