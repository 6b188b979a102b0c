/** A row that the database refuses to change, as a damaged one would be. */
import { type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../src/db/client.ts';
import { rawRun } from '../../src/db/ops.ts';

/** Every UPDATE of the row fails until the function that it resolves with has been called. `id` is one of the test's own. */
export async function refuseUpdates(
  { db, dialect }: Pick<Database, 'db' | 'dialect'>,
  table: string,
  id: string,
): Promise<() => Promise<void>> {
  const name = `refuse_${id}`;
  const run = (query: SQL) => rawRun(db, query);
  const before = `create trigger ${name} before update on ${table} for each row`;
  const refuse =
    dialect === 'sqlite'
      ? `when old.id = '${id}' begin select raise(abort, 'refused by the test'); end`
      : `begin if old.id = '${id}' then signal sqlstate '45000' set message_text = 'refused by the test'; end if; end`;
  await run(sql.raw(`${before} ${refuse}`));
  return async () => {
    await run(sql.raw(`drop trigger ${name}`));
  };
}
