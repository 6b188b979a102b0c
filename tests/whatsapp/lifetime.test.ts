import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CredentialStore } from '../../src/whatsapp/credential-store.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { startTestEngine, type TestEngine, until } from '../helpers/engine.ts';

let test: TestEngine;
beforeAll(async () => {
  test = await startTestEngine();
});
afterAll(() => test.stop());

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

async function cycle(account: AccountRef, afterMs: number | null): Promise<void> {
  await test.engine.open(account, { mode: 'qr' });
  if (afterMs !== null) {
    await test.callbacks.next(account.id, 'connected');
    await new Promise((resolve) => setTimeout(resolve, afterMs));
  }
  await test.engine.close(account.id);
  await test.callbacks.next(account.id, 'closed');
}

describe('a socket that is gone', () => {
  it.each([
    ['before it is connected', null],
    ['right after it is connected', 0],
    ['when it is stable', 60],
  ])(
    'leaves no timer and no connection, closed %s',
    async (_name, afterMs) => {
      const account = await test.connect(`62855000000${afterMs ?? 1}`);
      await test.engine.close(account.id);
      await test.callbacks.next(account.id, 'closed');
      await cycle(account, afterMs);
      const before = timers();
      for (let i = 0; i < 50; i++) await cycle(account, afterMs);
      await until(() => test.emulator.health().connections === 0, 5_000);
      await until(() => timers() <= before, 5_000);
    },
    60_000,
  );

  it('is collected, with everything that hung on it', async () => {
    const account = await test.connect('628559999999');
    await test.engine.close(account.id);
    await test.callbacks.next(account.id, 'closed');
    // What a socket was opened with is held by all of its parts.
    const opened: WeakRef<object>[] = [];
    const store: CredentialStore = {
      ...test.store,
      async load(ref) {
        const keys = await test.store.load(ref);
        opened.push(new WeakRef(keys));
        return keys;
      },
    };
    const { engine, callbacks } = test.another({ store });
    for (let i = 0; i < 20; i++) {
      await engine.open(account, { mode: 'qr' });
      await callbacks.next(account.id, 'connected');
      await engine.close(account.id);
      await callbacks.next(account.id, 'closed');
    }
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    await until(() => {
      if (typeof collect === 'function') collect();
      return opened.filter((ref) => ref.deref()).length <= 1;
    });
    expect(opened).toHaveLength(20);
  }, 60_000);
});
