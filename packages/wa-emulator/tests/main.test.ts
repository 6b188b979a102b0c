import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Emulator, Received } from '../src/index.ts';
import { connectBareClient } from './bare-client.ts';

/** Longer than the emulator takes to write a change. */
const WRITTEN_MS = 1000;
let stateDir: string;
let running: ChildProcess | undefined;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'emulator-main-'));
});

afterEach(async () => {
  running?.kill('SIGKILL');
  await rm(stateDir, { recursive: true, force: true });
});

async function start() {
  const child = spawn(process.execPath, ['--import', 'tsx', 'packages/wa-emulator/src/main.ts'], {
    env: {
      ...process.env,
      EMULATOR_PORT: '0',
      EMULATOR_WA_PORT: '0',
      EMULATOR_MEDIA_PORT: '0',
      EMULATOR_STATE_DIR: stateDir,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running = child;
  let output = '';
  for await (const chunk of child.stdout) {
    output += String(chunk);
    if (output.includes('WA_SERVER_CA=')) {
      break;
    }
  }
  const value = (pattern: RegExp) => pattern.exec(output)?.[1] ?? '';
  const url = value(/control API +(\S+)/);
  const request = async (path: string, body?: unknown) => {
    const init = {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    };
    return (await fetch(url + path, body === undefined ? {} : init)).json();
  };
  return {
    child,
    rootKey: value(/WA_SERVER_ROOT_KEY=(\S+)/),
    request,
    emulator: {
      waUrl: value(/WA_SERVER_URL=(\S+)/),
      scan: (input: unknown) => request('/scan', input) as ReturnType<Emulator['scan']>,
      pair: (input: unknown) => request('/pair', input) as ReturnType<Emulator['pair']>,
    },
  };
}

const exitOf = (child: ChildProcess) =>
  new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));

describe('npm run emulator', () => {
  it('goes on as the same server after kill -9, and ends cleanly on SIGTERM', async () => {
    const [phone, to] = ['6281100000095', '6281200009501'];
    const first = await start();
    const client = await connectBareClient({ emulator: first.emulator, phone });
    await client.waitAck(await client.send(to, 'before'));
    await client.close();
    await sleep(WRITTEN_MS);
    const killed = exitOf(first.child);
    first.child.kill('SIGKILL');
    await killed;

    const second = await start();
    expect(second.rootKey).toBe(first.rootKey);
    const again = await connectBareClient({ emulator: second.emulator, phone, auth: client.auth });
    const id = await again.send(to, 'after');
    await again.waitAck(id);
    let entry: Received | undefined;
    while (!entry?.ownCopy) {
      await sleep(20);
      [entry] = (await second.request(`/messages?id=${id}`)) as Received[];
    }
    expect(entry).toMatchObject({ text: 'after', copies: 1, ownCopy: true });
    expect(entry?.refused).toBeUndefined();
    await again.close();
    const ended = exitOf(second.child);
    second.child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });
});
