import { expect, it } from 'vitest';
import { createAuthState } from '../../src/whatsapp/baileys/auth-state.ts';
import type { AccountKeys } from '../../src/whatsapp/credential-store.ts';

/** Keeps the very bytes that it is given. */
function setUp() {
  const kept = new Map<string, Buffer>();
  const keys: AccountKeys = {
    credentials: null,
    async get(_type, names) {
      return new Map(names.flatMap((name) => (kept.has(name) ? [[name, kept.get(name) as Buffer]] : [])));
    },
    async set(changes) {
      for (const { name, value } of changes) if (value) kept.set(name, value);
    },
    setCredentials: async () => undefined,
    onLost: () => undefined,
    onAway: () => undefined,
    close: async () => undefined,
  };
  const { raw } = createAuthState(keys, () => undefined);
  return {
    raw,
    kept,
    read: async (type: 'session' | 'tctoken', name: string) => (await raw.get(type, [name]))[name],
  };
}

it('a session that was set is found as it was, and kept as text in memory of its own', async () => {
  const { raw, kept, read } = setUp();
  const session = { _sessions: { 'Bé==': { registrationId: 5, _chains: {} } }, version: 'v1' };
  await raw.set({ session: { one: session } });
  const bytes = kept.get('one');
  expect(String(bytes)).toBe(JSON.stringify(session));
  // The store's cache would make a copy of any other: that would be read again from its text.
  expect(bytes?.buffer.byteLength).toBe(bytes?.byteLength);
  expect(await read('session', 'one')).toBe(session);
});

it('a session that is set beside the version of what a phone shares can be read at once', async () => {
  const { raw, kept, read } = setUp();
  const session = { _sessions: {}, version: 'v1' };
  const state = { version: 3, hash: Buffer.alloc(128), indexValueMap: {} };
  const written = raw.set({ session: { one: session }, 'app-state-sync-version': { regular: state } });
  expect(await read('session', 'one')).toBe(session);
  await written;
  expect(kept.has('regular')).toBe(true);
});

it('a session and the token of a chat are read from their text once', async () => {
  const { kept, read } = setUp();
  kept.set('one', Buffer.from('{"_sessions":{},"version":"v1"}'));
  kept.set('chat', Buffer.from('{"token":{"type":"Buffer","data":"AQI="},"timestamp":"5"}'));
  const session = await read('session', 'one');
  expect(session).toEqual({ _sessions: {}, version: 'v1' });
  expect(await read('session', 'one')).toBe(session);
  const token = await read('tctoken', 'chat');
  expect(token).toEqual({ token: Buffer.from([1, 2]), timestamp: '5' });
  expect(await read('tctoken', 'chat')).toBe(token);
});
