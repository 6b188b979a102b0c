/** Runs before each test file, also where files share one process and its modules. */
import { Worker } from 'node:worker_threads';
import { afterAll } from 'vitest';
import { cpuTimesOf } from '../../scripts/cpu-time.mjs';
import { closeTestDatabases } from './database.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** of a test file: what was spent on it, imports and programs that have ended included; NaN where it cannot be seen */
    cpuMs?: number;
  }
}

/** Of the CPU time of this process, what its earlier test files took. */
const spent = keptInProcess('wahub.tests.spent', () => ({ ms: 0 }));

// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are wanted
afterAll(({}, { file }) => {
  const { ownMs, endedMs } = cpuTimesOf('self');
  const now = ownMs + endedMs;
  file.meta.cpuMs = now - spent.ms;
  spent.ms = now;
});
afterAll(closeTestDatabases);
keptInProcess('wahub.tests.watchdog', watchLoop);

/** What is made once in a process, however often its modules are loaded. */
function keptInProcess<T>(name: string, make: () => T): T {
  const kept = globalThis as { [key: symbol]: T };
  const key = Symbol.for(name);
  if (!(key in kept)) kept[key] = make();
  return kept[key] as T;
}

/** Ends this process, and says where it is, when its event loop stands still for longer than any test may take of it. */
function watchLoop(): void {
  const beat = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const limitMs = 90_000;
  new Worker(new URL('watchdog.mjs', import.meta.url), { workerData: { beat, limitMs } }).unref();
  setInterval(() => Atomics.add(beat, 0, 1), 500).unref();
}
