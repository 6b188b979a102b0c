import { spawn } from 'node:child_process';
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

  test('a second process on the same SQLite file is refused with one clear line, and the first goes on', async () => {
    const second = spawn(process.execPath, [PACKED.sandbox], {
      env: { ...first.env, PORT: String(await findFreePort()) },
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
    const lines = printed.split('\n').filter((line) => line !== '');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/is in use by another process \(pid \d+\): SQLite serves one process/);
    expect((await first.call('GET', '/health/ready')).status).toBe(200);
  }, 90_000);
}
