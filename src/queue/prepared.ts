import type { Db } from '../db/client.ts';

/**
 * A query that is built once per database and run with other values each time: building costs about as much as
 * running. Only for the outer `db`; a transaction has a connection of its own.
 */
export function prepared<Q>(build: (db: Db) => Q): (db: Db) => Q {
  const built = new WeakMap<Db, Q>();
  return (db) => {
    const known = built.get(db);
    if (known !== undefined) return known;
    const made = build(db);
    built.set(db, made);
    return made;
  };
}
