/** SQLite on a disk without room, while messages are sent and new contacts write. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startEmulator } from 'wa-emulator';
import { dbType } from '../../src/db/kit.ts';
import { createMeanwhile } from '../helpers/meanwhile.ts';
import { linkSession, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { canMount, mountSmallDisk } from '../helpers/small-disk.ts';
import { until } from '../helpers/until.ts';

const DISK_MB = 24;
const PHONE = '628111000091';

test.skipIf(dbType !== 'sqlite' || !canMount())(
  'a full disk: not ready, 503, and all goes on by itself when there is room',
  async () => {
    const disk = mountSmallDisk(DISK_MB);
    const emulator = await startEmulator();
    const sandbox = await startSandboxProcess(emulator, {
      DB_SQLITE_PATH: join(disk.dir, 'wahub.db'),
      MESSAGE_DELAY_MIN: '0',
      MESSAGE_DELAY_MAX: '0',
      MAX_MESSAGES_PER_MINUTE: '100000',
      MAX_MESSAGES_PER_HOUR: '100000',
      NEW_CONTACTS_PER_DAY: '0',
      MAX_MESSAGES_PER_RECIPIENT: '100000',
      API_RATE_LIMIT_MAX: '1000000',
      LOG_LEVEL: 'warn',
    });
    try {
      await linkSession(sandbox, emulator, 'main', PHONE);
      const meanwhile = createMeanwhile(emulator, sandbox, { session: 'main', phone: PHONE });
      const ready = async () => sandbox.call('GET', '/health/ready');
      await meanwhile.during(
        (async () => {
          await pause(2_000);
          disk.fill();
          await until(async () => (await ready()).status === 503, 120_000, 'that it is not ready');
          expect((await ready()).body.details.reason).toBe('database_not_writable');
          await pause(5_000);
          disk.empty();
          await until(async () => (await ready()).status === 200, 60_000, 'that it is ready again');
          await pause(2_000);
        })(),
      );
      await meanwhile.allArrived();
      expect(meanwhile.refusals.length).toBeGreaterThan(0);
      for (const { status } of meanwhile.refusals) expect(status).toBe(503);
    } finally {
      await sandbox.remove();
      await emulator.stop();
      disk.remove();
    }
  },
  400_000,
);
