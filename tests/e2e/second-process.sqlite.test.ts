import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { dbType } from '../../src/db/kit.ts';
import { PACKED } from '../helpers/packed.ts';
import { findFreePort, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';

// On MySQL a second process is welcome: see cluster-two.test.ts.
if (dbType === 'sqlite') {
  let emulator: Emulator;
  let first: SandboxProcess;

  beforeAll(async () => {
    emulator = await startEmulator();
    first = await startSandboxProcess(emulator);
  });
  afterAll(async () => {
    await first?.remove();
    await emulator?.stop();
  });

  /** What a sandbox says that cannot start. */
  async function linesOf(env: Record<string, string>): Promise<string[]> {
    const second = spawn(process.execPath, [PACKED.sandbox], {
      env: { ...first.env, PORT: String(await findFreePort()), ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let printed = '';
    second.stderr.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    const late = setTimeout(() => second.kill('SIGKILL'), 60_000);
    const code = await new Promise((resolve) => second.once('exit', resolve));
    clearTimeout(late);
    expect(code).toBe(1);
    return printed.split('\n').filter((line) => line !== '');
  }

  test('a sandbox says without a stack which of its settings is wrong', async () => {
    expect(await linesOf({ DB_TYPE: 'sqlit' })).toEqual([
      'sandbox could not start: The configuration is not usable:',
      '  DB_TYPE must be sqlite or mysql',
    ]);
  }, 90_000);

  test('a second process on the same SQLite file is refused with one clear line, and the first goes on', async () => {
    const lines = await linesOf({});
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/is in use by another process \(pid \d+\): SQLite serves one process/);
    expect((await first.call('GET', '/health/ready')).status).toBe(200);
  }, 90_000);

  test('a sandbox prints the address to which its answers link', async () => {
    const { docUrl } = (await first.call('GET', '/message/none')).body;
    expect(new URL(docUrl).origin).toBe(first.url);
    expect(first.output()).toContain(`running at ${first.url}\n`);
  });

  test('a second sandbox beside another takes the port that is named, and free ones for the others', async () => {
    const taken = await Promise.all([5003, 5004].map(occupy));
    const port = await findFreePort();
    const own = { EMULATOR: '', EMULATOR_PORT: String(port) };
    let second: SandboxProcess | undefined;
    try {
      second = await startSandboxProcess(emulator, own);
      const phone = `http://127.0.0.1:${port}`;
      expect(await (await fetch(`${phone}/messages`)).json()).toEqual([]);
      const { emulator: told } = JSON.parse(await readFile(join(second.dir, 'sandbox.json'), 'utf8'));
      expect(told.url).toBe(phone);
      expect(['5003', '5004']).not.toContain(new URL(told.waUrl).port);
    } finally {
      await second?.remove();
      for (const server of taken) server?.close();
    }
  }, 90_000);

  test('a sandbox whose named port is taken does not start', async () => {
    const taken = new URL(emulator.url).port;
    await expect(startSandboxProcess(emulator, { EMULATOR: '', EMULATOR_PORT: taken })).rejects.toThrow(
      /EADDRINUSE.*\(EMULATOR_PORT names another port\)/,
    );
  }, 90_000);
}

/** Listens there; null where somebody else does already. */
function occupy(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
