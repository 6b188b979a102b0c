import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/index.ts';
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

/** What the program printed; rejects when it cannot be started or ends with another code than 0. */
function run(command: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, WAHUB_URL: gateway.url, WAHUB_KEY: ADMIN_KEY, EMULATOR_URL: emulator.url };
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    const collect = (chunk: Buffer) => {
      printed += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(printed) : reject(new Error(`ended with ${code}:\n${printed}`)),
    );
  });
}

const DEMOS: Record<string, string> = {
  node: 'examples/node/demo.mjs',
  bash: 'examples/curl/demo.sh',
  python3: 'examples/python/demo.py',
  php: 'examples/php/demo.php',
};
/** The languages that this machine has; a plain run of this file takes it that it has them all. */
const languages = process.env.WAHUB_EXAMPLES?.split(',') ?? Object.keys(DEMOS);

test.each(languages)(
  'the example for %s links, sends a code, checks it and retries safely',
  async (name) => {
    const printed = (await run(name, [DEMOS[name] ?? ''])).toLowerCase();
    expect(printed).toContain('right code accepted: true');
    expect(printed).not.toContain('wrong code accepted: true');
    expect(printed).toContain('a retry is the same message: true');
    expect(printed).not.toContain('a retry is the same message: false');
    expect(printed.trim().endsWith('done')).toBe(true);
  },
  90_000,
);
