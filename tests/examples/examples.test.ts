import { spawn } from 'node:child_process';
import { devNull } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

/** What a command printed in the demo's folder; rejects when it cannot be started or ends with another code than 0. */
function run(
  folder: string,
  [command = '', ...args]: readonly string[],
  settings: Record<string, string>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const ours = { WAHUB_URL: gateway.url, WAHUB_KEY: ADMIN_KEY, EMULATOR_URL: emulator.url };
    const env = { ...process.env, ...ours, ...settings };
    const cwd = `examples/${folder}`;
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
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

interface Demo {
  folder: string;
  command: readonly string[];
  /** once before it, for what two of them would each compile */
  before?: readonly string[];
}

const DEMOS: Record<string, Demo> = {
  node: { folder: 'node', command: ['node', 'demo.mjs'] },
  bash: { folder: 'curl', command: ['bash', 'demo.sh'] },
  python3: { folder: 'python', command: ['python3', 'demo.py'] },
  php: { folder: 'php', command: ['php', 'demo.php'] },
  go: { folder: 'go', command: ['go', 'run', '.'], before: ['go', 'build', '-o', devNull, '.'] },
};
/** The languages that this machine has; a plain run of this file takes it that it has them all. */
const languages = process.env.WAHUB_EXAMPLES?.split(',') ?? Object.keys(DEMOS);

test.each(languages)(
  'the example for %s links, sends a code, checks it and retries safely',
  async (name) => {
    const demo = DEMOS[name];
    if (!demo) throw new Error(`there is no example for ${name}`);
    const { folder, command, before } = demo;
    if (before) await run(folder, before, {});
    // A session that nobody has scanned yet is taken up again.
    const waiting = `waiting-${name}`;
    await gateway.call('POST', '/session/create', { sessionId: waiting });
    const n = languages.indexOf(name);
    const again = { SESSION: waiting, PHONE: `62811111020${n}`, RECIPIENT: `62812345680${n}` };
    for (const output of await Promise.all([{}, again].map((settings) => run(folder, command, settings)))) {
      const printed = output.toLowerCase();
      expect(printed).toContain('right code accepted: true');
      expect(printed).not.toContain('wrong code accepted: true');
      expect(printed).toContain('a retry is the same message: true');
      expect(printed).not.toContain('a retry is the same message: false');
      expect(printed.trim().endsWith('done')).toBe(true);
    }
  },
  // Go may compile its own library first.
  180_000,
);
