/** MariaDB is killed, stands still and has a full disk, each while messages are sent and new contacts write. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { startEmulator } from 'wa-emulator';
import { type Mariadb, startMariadb } from '../../scripts/mariadb.mjs';
import { startCluster } from '../helpers/cluster.ts';
import { createMeanwhile } from '../helpers/meanwhile.ts';
import { canMount, mountSmallDisk } from '../helpers/small-disk.ts';
import { until } from '../helpers/until.ts';

const AWAY_MS = 12_000;
const STALL_MS = 30_000;
const DISK_MB = 512;
const PHONE = '628111000081';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanups.splice(0).reverse()) await step();
}, 60_000);

async function startOn(dir: string) {
  const emulator = await startEmulator();
  cleanups.push(() => emulator.stop());
  const state: { server: Mariadb } = { server: await startMariadb({ dir, durable: true }) };
  cleanups.push(() => state.server.stop());
  await state.server.createDatabase('wahub');
  const { host, port, user, password } = state.server;
  const on = { type: 'mysql', host, port, user, password, database: 'wahub' } as const;
  const cluster = await startCluster(emulator, 2, { on: [on] });
  cleanups.push(() => cluster.remove());
  await cluster.link([{ name: 's0', phone: PHONE }]);
  const [first] = cluster.processes;
  if (!first) throw new Error('no process was started');
  const ready = async () => (await first.call('GET', '/health/ready')).status;
  const meanwhile = createMeanwhile(emulator, first, { session: 's0', phone: PHONE });
  return { state, port, first, ready, meanwhile };
}

function runs({ pid }: Mariadb): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function newDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'wahub-faults-'));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test(`killed, and back after ${AWAY_MS / 1_000} s`, async () => {
  const dir = newDir();
  const { state, port, ready, meanwhile } = await startOn(dir);
  await meanwhile.during(
    (async () => {
      await pause(2_000);
      process.kill(state.server.pid, 'SIGKILL');
      await pause(AWAY_MS);
      state.server = await startMariadb({ dir, port, durable: true });
      await until(async () => (await ready()) === 200, 60_000, 'that it is ready again');
      await pause(2_000);
    })(),
  );
  await meanwhile.allArrived();
  expect(meanwhile.refusals.map(({ status }) => status)).toContain(503);
}, 400_000);

test(`standing still for ${STALL_MS / 1_000} s`, async () => {
  const { state, ready, meanwhile } = await startOn(newDir());
  await meanwhile.during(
    (async () => {
      await pause(2_000);
      process.kill(state.server.pid, 'SIGSTOP');
      await pause(STALL_MS);
      process.kill(state.server.pid, 'SIGCONT');
      await until(async () => (await ready()) === 200, 60_000, 'that it is ready again');
      await pause(2_000);
    })(),
  );
  await meanwhile.allArrived();
}, 400_000);

test.skipIf(!canMount())(
  'its disk full: not ready, 503, and all goes on when there is room',
  async () => {
    const disk = mountSmallDisk(DISK_MB);
    cleanups.push(() => disk.remove());
    const dir = join(disk.dir, 'data');
    const { state, port, ready, first, meanwhile } = await startOn(dir);
    await meanwhile.during(
      (async () => {
        await pause(2_000);
        disk.fill();
        await until(async () => (await ready()) === 503, 120_000, 'that it is not ready');
        await pause(5_000);
        expect((await first.call('GET', '/health')).status).toBe(503);
        disk.empty();
        // Some servers end themselves when they cannot write, and somebody starts them again.
        if (!runs(state.server)) {
          console.log('the server had ended itself');
          state.server = await startMariadb({ dir, port, durable: true });
        }
        await until(async () => (await ready()) === 200, 120_000, 'that it is ready again');
        await pause(2_000);
      })(),
    );
    await meanwhile.allArrived();
    for (const { status, retryAfter } of meanwhile.refusals) {
      expect(status).toBe(503);
      expect(Number(retryAfter)).toBeGreaterThan(0);
    }
  },
  600_000,
);
