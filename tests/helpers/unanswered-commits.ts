/** Commits whose answers are lost: nobody knows whether they are done. */
import type { Db } from '../../src/db/client.ts';
import { wrapDatabase } from '../../src/db/scope.ts';

/** The same database. While `isLost()` its transactions are committed, and fail all the same. */
export function losingAnswers(db: Db, isLost: () => boolean = () => true): Db {
  return wrapDatabase(Object.create(db), async (fn) => {
    const result = await db.transaction((tx) => fn(tx));
    if (isLost()) throw Object.assign(new Error('connect ECONNRESET'), { code: 'ECONNRESET' });
    return result;
  });
}
