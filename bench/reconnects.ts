/**
 * `npm run bench -- reconnects [reconnects]`: what a session that reconnects leaves behind: bytes of the service's heap
 * for each reconnect, after a garbage collection. The emulator has a process of its own. `HEAP_SNAPSHOTS=<folder>` keeps a
 * snapshot of the heap before and after, to be compared.
 */
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString, writeHeapSnapshot } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { whatsappAccounts } from '../src/db/schema.ts';
import { systemClock } from '../src/utils/clock.ts';
import { createSecretBox } from '../src/utils/crypto.ts';
import { newId } from '../src/utils/ids.ts';
import { createBaileysEngine } from '../src/whatsapp/baileys/adapter.ts';
import { createVersionStore } from '../src/whatsapp/baileys/version.ts';
import { createCredentialStore } from '../src/whatsapp/credential-store.ts';
import type { EngineCallbacks, EngineEvent } from '../src/whatsapp/engine.ts';
import { openTestDatabase } from '../tests/helpers/database.ts';
import { silentLogger } from '../tests/helpers/engine.ts';
import { TEST_PROXY_RULES } from '../tests/helpers/proxy-rules.ts';
import { startChild } from './gateway/child.ts';
import type { EmulatorCalls } from './gateway/processes/emulator.ts';

const PHONE = '6281100000001';
/** Caches fill up. */
const WARM_UP = 500;
/** Timers that Baileys leaves behind end within a minute: they are no growth. */
const REST_MS = 65_000;
const MAX_BYTES_EACH = 1_000;

const reconnects = Number(process.argv[2] ?? 2_000);
setFlagsFromString('--expose-gc');
// Compiled code of functions that are called often is on the heap as well: megabytes, but no growth.
setFlagsFromString('--no-opt');
const collect: unknown = runInNewContext('gc');

async function heapUsed(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  for (let n = 0; n < 3 && typeof collect === 'function'; n++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return process.memoryUsage().heapUsed;
}

function keepSnapshot(name: string): void {
  const folder = process.env.HEAP_SNAPSHOTS;
  if (folder) writeHeapSnapshot(join(folder, `${name}.heapsnapshot`));
}

/** Keeps nothing of what it was told but what is waited for. */
function createCallbacks() {
  let wanted: { type: EngineEvent['type']; resolve(event: EngineEvent): void } | null = null;
  const callbacks: EngineCallbacks = {
    onEvent(_account, event) {
      if (event.type !== wanted?.type) return;
      const { resolve } = wanted;
      wanted = null;
      resolve(event);
    },
    connectionOf: async () => ({ proxy: null, browser: null }),
    findOutbound: async () => null,
    findChat: async () => null,
    saveChat: async () => undefined,
    openMedia: async () => null,
    storeInbound: async () => undefined,
  };
  const next = (type: EngineEvent['type']) =>
    new Promise<EngineEvent>((resolve) => {
      wanted = { type, resolve };
    });
  return { callbacks, next };
}

const emulator = startChild<EmulatorCalls>('emulator');
const { waUrl, rootKey, caFile } = await emulator.calls.where();
const database = await openTestDatabase();
const { callbacks, next } = createCallbacks();
const deps = {
  db: database.db,
  secrets: createSecretBox([randomBytes(32)]),
  clock: systemClock,
  logger: silentLogger,
};
const engine = createBaileysEngine({
  ...deps,
  callbacks,
  store: createCredentialStore(deps),
  version: createVersionStore({
    ...deps,
    load: async () => null,
    save: async () => undefined,
    fetchLatest: null,
  }),
  waServer: { url: waUrl, rootKey, caFile },
  stagingPath: join(tmpdir(), 'wahub-bench-uploads'),
  proxyRules: TEST_PROXY_RULES,
});
const account = { id: newId(), userId: 1, sessionId: 'bench', owner: newId(), fence: 1 };
const now = Date.now();
await database.db
  .insert(whatsappAccounts)
  .values({ ...account, status: 'connecting', pairing: 'qr', createdAt: now, updatedAt: now });

async function open(until: EngineEvent['type']): Promise<EngineEvent> {
  const event = next(until);
  await engine.open(account, { mode: 'qr' });
  return event;
}

async function reconnect(times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    const closed = next('closed');
    await emulator.calls.fault({ kind: 'drop', phone: PHONE });
    await closed;
    await open('connected');
  }
  await emulator.calls.reset();
}

const shown = await open('qr');
if (shown.type === 'qr') {
  const paired = next('closed');
  await emulator.calls.scan({ qr: shown.qr, phone: PHONE });
  await paired;
}
await open('connected');
await reconnect(WARM_UP);
const before = await heapUsed();
keepSnapshot('before');
await reconnect(reconnects);
const after = await heapUsed();
keepSnapshot('after');
const each = Math.round((after - before) / reconnects);
console.log(
  `${reconnects} reconnects: ${(before / 1e6).toFixed(1)} -> ${(after / 1e6).toFixed(1)} MB, ${each} bytes each ${each <= MAX_BYTES_EACH ? 'ok' : `ABOVE ${MAX_BYTES_EACH}`}`,
);
if (each > MAX_BYTES_EACH) process.exitCode = 1;
await engine.stop();
await database.close();
await emulator.stop();
