/**
 * `npx tsx bench/database.ts` (DB_TYPE=mysql with DB_HOST, DB_PORT, … for a server): how much one process writes
 * and reads. On SQLite a throw-away file is used, with DB_SQLITE_SYNCHRONOUS as the service would.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asc, eq, sql } from 'drizzle-orm';
import { readDatabaseOptions } from '../scripts/database-options.ts';
import type { DatabaseOptions } from '../src/db/types.ts';
import { newId } from '../src/utils/ids.ts';

const options = readDatabaseOptions();
const { openDatabase } = await import('../src/db/client.ts');
const { migrate } = await import('../src/db/migrate.ts');
const { deleteInBatches, insertMany } = await import('../src/db/ops.ts');
const { sendAttempts, settings } = await import('../src/db/schema.ts');

const SECONDS = 3;
const CONCURRENCY = 100;

const dir = mkdtempSync(join(tmpdir(), 'wahub-bench-'));
const synchronous = process.env.DB_SQLITE_SYNCHRONOUS === 'FULL' ? 'FULL' : 'NORMAL';
const target: DatabaseOptions =
  options.type === 'sqlite' ? { type: 'sqlite', path: join(dir, 'bench.db'), synchronous } : options;
const database = await openDatabase(target);
await migrate(database);
const { db } = database;
const accountId = newId();

const attempt = (at: number) => ({ id: newId(), accountId, recipient: '15550001', priority: 1, at });

/** Calls `work` from `callers` loops for some seconds; prints calls per second and the longest hold of the loop. */
async function measure(
  name: string,
  callers: number,
  work: (n: number) => PromiseLike<unknown>,
): Promise<void> {
  let calls = 0;
  let worstMs = 0;
  let tickMs = performance.now();
  const timer = setInterval(() => {
    worstMs = Math.max(worstMs, performance.now() - tickMs - 5);
    tickMs = performance.now();
  }, 5);
  const startMs = performance.now();
  const endMs = startMs + SECONDS * 1_000;
  const caller = async () => {
    while (performance.now() < endMs) await work(calls++);
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const perSecond = calls / ((performance.now() - startMs) / 1_000);
  clearInterval(timer);
  console.log(
    `${name.padEnd(48)} ${perSecond.toFixed(0).padStart(8)} /s   event loop held at most ${worstMs.toFixed(0)} ms`,
  );
}

console.log(`${target.type}${target.type === 'sqlite' ? `, synchronous ${synchronous}` : ''}`);
await db.insert(settings).values({ name: 'bench', value: 0, updatedAt: 0 });
await measure('inserts, one after the other', 1, (n) => db.insert(sendAttempts).values(attempt(n)));
await measure(`inserts, ${CONCURRENCY} at once`, CONCURRENCY, (n) =>
  db.insert(sendAttempts).values(attempt(n)),
);
await measure(`transactions of 4 statements, ${CONCURRENCY} at once`, CONCURRENCY, (n) =>
  db.transaction(async (tx) => {
    const row = attempt(n);
    await tx.insert(sendAttempts).values(row);
    await tx.select().from(sendAttempts).where(eq(sendAttempts.id, row.id));
    await tx.update(sendAttempts).set({ priority: 0 }).where(eq(sendAttempts.id, row.id));
    await tx.delete(sendAttempts).where(eq(sendAttempts.id, row.id));
  }),
);
await measure('rows, inserted 500 a statement', 1, async (n) => {
  if (n % 500 === 0)
    await insertMany(
      db,
      sendAttempts,
      Array.from({ length: 500 }, (_, i) => attempt(i)),
    );
});
const [some] = await db.select().from(sendAttempts).orderBy(asc(sendAttempts.at)).limit(1);
const id = some?.id ?? '';
await measure('reads by id', 10, () => db.select().from(sendAttempts).where(eq(sendAttempts.id, id)));
await measure('reads by id during writes, 10 and 10', 20, (n) =>
  n % 2
    ? Promise.resolve(db.insert(sendAttempts).values(attempt(n)))
    : db.select().from(sendAttempts).where(eq(sendAttempts.id, id)),
);
await deleteInBatches(db, {
  table: sendAttempts,
  key: sendAttempts.id,
  where: eq(sendAttempts.accountId, accountId),
});
await db.delete(settings).where(sql`${settings.name} = 'bench'`);
await database.close();
rmSync(dir, { recursive: true, force: true });
