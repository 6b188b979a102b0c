/**
 * What a session that reconnects leaves behind: bytes of heap for each reconnect, after a garbage collection.
 * `node --expose-gc --import tsx bench/reconnects.ts [reconnects]`; the emulator runs in the same process.
 */
import { startTestEngine } from '../tests/helpers/engine.ts';

const WARM_UP = 200;
const reconnects = Number(process.argv[2] ?? 2_000);
const collect = globalThis.gc;
if (!collect) throw new Error('start it with --expose-gc');

/** Timers that Baileys leaves behind end within a minute: they are no growth. */
const SETTLE_MS = 65_000;

async function heapUsed(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  collect?.();
  collect?.();
  return process.memoryUsage().heapUsed;
}

const test = await startTestEngine();
const account = await test.connect('6281100000001');

async function reconnect(times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await test.emulator.fault({ kind: 'drop', phone: '6281100000001' });
    await test.host.next(account.id, 'closed');
    await test.engine.open(account, { mode: 'qr' });
    await test.host.next(account.id, 'connected');
    test.host.events(account.id).length = 0;
  }
  await test.emulator.reset();
}

await reconnect(WARM_UP);
const before = await heapUsed();
await reconnect(reconnects);
const after = await heapUsed();
const each = Math.round((after - before) / reconnects);
process.stdout.write(
  `${reconnects} reconnects: ${(before / 1e6).toFixed(1)} -> ${(after / 1e6).toFixed(1)} MB, ${each} bytes each\n`,
);
await test.stop();
