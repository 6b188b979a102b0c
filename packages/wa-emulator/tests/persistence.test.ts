import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../src/index.ts';
import { openStore } from '../src/store.ts';
import { connectBareClient, until } from './bare-client.ts';

let stateDir: string;
let emulator: Emulator | undefined;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'emulator-test-'));
});

afterEach(async () => {
  await emulator?.stop();
  await rm(stateDir, { recursive: true, force: true });
});

async function restart(): Promise<Emulator> {
  await emulator?.stop();
  emulator = await startEmulator({ stateDir });
  return emulator;
}

describe('an emulator with a state folder', () => {
  it('is the same server after a restart: identity, links, Signal sessions, groups and waiting messages', async () => {
    const phone = '6281100000071';
    const to = '6281200007001';
    const first = await restart();
    const { rootKey, ca } = first;
    const client = await connectBareClient({ emulator: first, phone });
    await client.send(to, 'before');
    await until('the message', () => first.messages({ to })[0]);
    const group = first.createGroup({ subject: 'Tetap', participants: [phone, to] });
    await client.close();
    await until('offline', () => first.sessions()[0]?.connected === false);
    const { ids } = await first.deliver({ to: phone, from: to, text: 'while away' });

    const second = await restart();
    expect([second.rootKey, second.ca]).toEqual([rootKey, ca]);
    expect(second.groups()).toEqual([group]);
    const again = await connectBareClient({ emulator: second, phone, auth: client.auth });
    expect(again.closes).toEqual([]);
    const id = await again.send(to, 'after');
    expect(await until('the message', () => second.messages({ id })[0])).toMatchObject({
      text: 'after',
      copies: 1,
    });
    expect(second.messages({ id })[0]?.refused).toBeUndefined();
    await until('the waiting message', () => second.sessions()[0]?.pending === 0);
    expect(ids).toHaveLength(1);
    await again.close();
  });

  it('without one starts as another server', async () => {
    const one = await startEmulator();
    const other = await startEmulator();
    expect(one.rootKey).not.toBe(other.rootKey);
    await Promise.all([one.stop(), other.stop(), one.stop()]);
  });
});

describe('the store', () => {
  it('reads back what was set and deleted, and survives a line that was cut off', async () => {
    const store = await openStore(stateDir);
    store.set('a', '1');
    store.set('b', '2');
    store.set('a', '3');
    store.delete('b');
    await store.close();
    await appendFile(join(stateDir, 'state.jsonl'), '["c","torn');
    const again = await openStore(stateDir);
    expect(again.entries('')).toEqual([['a', '3']]);
    await again.close();
  });

  it('writes within a second without being closed', async () => {
    const store = await openStore(stateDir);
    store.set('key', 'value');
    const deadline = Date.now() + 1000;
    let found: string | undefined;
    while (found === undefined && Date.now() < deadline) {
      const reader = await openStore(stateDir);
      found = reader.get('key');
      await reader.close();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(found).toBe('value');
    await store.close();
  });
});
