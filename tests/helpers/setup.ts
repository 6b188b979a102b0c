/** Runs before each test file, also where files share one process and its modules. */
import { Worker } from 'node:worker_threads';
import { afterAll } from 'vitest';
import { closeTestDatabases } from './database.ts';

afterAll(closeTestDatabases);
watchLoop();

/** Ends this process, and says where it is, when its event loop stands still for longer than any test may take of it. */
function watchLoop(): void {
  const STARTED = Symbol.for('wahub.tests.watchdog');
  if (STARTED in globalThis) return;
  Object.assign(globalThis, { [STARTED]: true });
  const beat = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const limitMs = 90_000;
  new Worker(new URL('watchdog.mjs', import.meta.url), { workerData: { beat, limitMs } }).unref();
  setInterval(() => Atomics.add(beat, 0, 1), 500).unref();
}
