/** A database that does not answer now and then, for queries that are built once and run later. */

export interface Away {
  /** asked when a query runs */
  isAway(): boolean;
  /** what it fails with then */
  refused(): Error;
}

const STEPS = new Set(['from', 'where', 'leftJoin', 'innerJoin', 'orderBy', 'limit', 'offset', 'prepare']);

/** A query that is refused when it runs while the database is away, however early it was built. */
export function whileHere<Q extends object>(query: Q, away: Away): Q {
  return new Proxy(query, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || typeof name === 'symbol' || name === 'constructor') return value;
      return (...args: unknown[]) => {
        const isRefused = (name === 'execute' || name === 'then') && away.isAway();
        const result: unknown = isRefused ? Promise.reject(away.refused()) : value.apply(target, args);
        if (name === 'then' && isRefused && result instanceof Promise)
          return result.then(...args.map(asCallback));
        return STEPS.has(name) && typeof result === 'object' && result !== null
          ? whileHere(result, away)
          : result;
      };
    },
  });
}

/** Safe because `then` is only ever called with functions. */
function asCallback(value: unknown): () => unknown {
  return value as () => unknown;
}
