/** The client as it is published: built, then used by a program that is checked against its declarations. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';

const runFile = promisify(execFile);

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

test('the example in TypeScript links, sends a code, checks it and retries safely', async () => {
  const env = { ...process.env, WAHUB_URL: gateway.url, WAHUB_KEY: ADMIN_KEY, EMULATOR_URL: emulator.url };
  await runFile('npm', ['run', '--silent', 'build', '-w', 'clients/typescript'], { env });
  await runFile('npx', ['tsc', '-p', 'examples/typescript'], { env });
  const { stdout } = await runFile(process.execPath, ['--import', 'tsx', 'examples/typescript/demo.ts'], {
    env,
  });
  expect(stdout).toContain('right code accepted: true');
  expect(stdout).toContain('wrong code accepted: false');
  expect(stdout).toContain('a retry is the same message: true');
  expect(stdout).not.toContain('a retry is the same message: false');
  expect(stdout.trim().endsWith('done')).toBe(true);
}, 180_000);
