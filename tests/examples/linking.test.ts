/** The commands of docs/linking.md, as they are, by a shell. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';

let emulator: Emulator;
let gateway: TestGateway;
beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator);
});
afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
});

it('link a number that asks for a passkey', async () => {
  const text = await readFile('docs/linking.md', 'utf8');
  const commands = /```sh\n([^`]*PHONE[^`]*)```/.exec(text)?.[1] ?? '';
  const env = { ...process.env, URL: gateway.url, KEY: ADMIN_KEY, PHONE: emulator.url };
  const { stdout } = await promisify(execFile)('sh', ['-c', commands], { env, timeout: 50_000 });
  expect(stdout).toContain('"passkey":"asked"');
  expect(stdout).toContain('WhatsApp has the signature');
  expect(stdout).toContain('"status":"connected"');
}, 60_000);
