/** Rows on their way into a log: one that the database refuses is left out, and holds up none behind it. */
import { expect, it } from 'vitest';
import { createWriteBehind } from '../../src/services/write-behind.ts';
import { redact } from '../../src/utils/redact.ts';
import { silentLogger } from '../helpers/engine.ts';
import { createManualClock } from '../helpers/manual-clock.ts';

function setUp(failure: (rows: readonly string[]) => Error | null) {
  const written: string[] = [];
  const told: unknown[] = [];
  let calls = 0;
  const logger = { ...silentLogger, error: (_: string, meta?: object) => void told.push(redact(meta)) };
  const log = createWriteBehind<string>(
    { clock: createManualClock(), logger },
    {
      sorry: 'rows wait',
      flushMs: 500,
      batchSize: 100,
      maxWaiting: 1_000,
      async write(rows) {
        calls += 1;
        const error = failure(rows);
        if (error !== null) throw error;
        written.push(...rows);
      },
    },
  );
  return { log, written, told, calls: () => calls };
}

// As MariaDB says it of a value that is too long.
const refused = () => Object.assign(new Error('Data too long'), { errno: 1406, code: 'ER_DATA_TOO_LONG' });
const names = Array.from({ length: 50 }, (_, n) => `row ${n}`);

it('a row that no table holds is left out alone, with few tries more', async () => {
  const { log, written, told, calls } = setUp((rows) => (rows.includes('row 20') ? refused() : null));
  for (const name of names) log.add(name);
  await log.flush();
  expect(written.toSorted()).toEqual(names.filter((name) => name !== 'row 20').toSorted());
  expect([log.waiting, log.dropped]).toEqual([0, 1]);
  expect(calls()).toBeLessThan(16);
  expect(told).toEqual([{ errno: 1406, errorCode: 'ER_DATA_TOO_LONG' }]);
});

it('rows of a database that is away wait, all of them', async () => {
  const away = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  const { log, written } = setUp(() => away);
  for (const name of names) log.add(name);
  await log.flush();
  expect(written).toEqual([]);
  expect([log.waiting, log.dropped]).toEqual([50, 0]);
});
