/** The program in the integration guide, as it is, in English and in Indonesian. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';

import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { findFreePort } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

let emulator: Emulator;
let gateway: TestGateway;
let dir: string;
beforeAll(async () => {
  // Inside the repository, so that its packages are found.
  await mkdir('.test', { recursive: true });
  dir = await mkdtemp(join(process.cwd(), '.test', 'guide-'));
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, { allowPrivateUrls: true });
});
afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
  await rm(dir, { recursive: true, force: true });
});

async function programOf(file: string): Promise<string> {
  const text = await readFile(`docs/${file}`, 'utf8');
  return [...text.matchAll(/```js\n([\s\S]*?)```/g)].map((match) => match[1]).join('\n');
}

/** The code that the phone of 628123456789 has got. */
async function readCode(): Promise<string> {
  let code = '';
  await until(() => {
    const [last] = emulator.messages({ to: '628123456789' }).slice(-1);
    code = /\d{6}/.exec(last?.text ?? '')?.[0] ?? '';
    return code !== '';
  });
  return code;
}

test('the program links, signs in, sends a batch, retries safely and hears of it', async () => {
  const port = await findFreePort();
  const file = join(dir, 'guide.mjs');
  await writeFile(file, await programOf('integration.md'));
  const env = {
    ...process.env,
    WAHUB_URL: gateway.url,
    WAHUB_KEY: ADMIN_KEY,
    HOOK_PORT: String(port),
  };
  const child = spawn(process.execPath, [file], { env });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk));
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await until(() => printed.includes('scan this:') || child.exitCode !== null);
    const { body } = await gateway.call('GET', '/session/qr/main');
    await emulator.scan({ qr: body.qr, phone: '628111000901' });
    await until(() => printed.includes('the code that') || child.exitCode !== null);
    child.stdin.write(`${await readCode()}\n`);
    await until(() => printed.includes('told: webhook.test') || child.exitCode !== null);
  } finally {
    child.kill();
    await ended;
  }
  expect(printed, printed).toContain('linked: +628111000901');
  expect(printed).toContain('signed in: true');
  expect(printed).toContain('order-4711 queued as 3EB0');
  expect(printed).toContain('order-4713 refused: INVALID_NUMBER');
  expect(printed).toContain('one message: true');
  expect(printed).toContain('told: webhook.test');
}, 90_000);

test('the Indonesian guide holds the same program', async () => {
  expect(await programOf('integrasi.md')).toBe(await programOf('integration.md'));
});
