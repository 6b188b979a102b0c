const WRITE = /^\s*(insert|update|delete)\b/i;

/** Whether a statement is one of those whose answers tell how many rows they matched. */
export const isWrite = (sql: string): boolean => WRITE.test(sql);

/** How many rows a write matched (not: changed), the same in both dialects. */
export function affected(result: unknown): number {
  const header: unknown = Array.isArray(result) ? result[0] : result;
  if (typeof header === 'object' && header !== null) {
    if ('affectedRows' in header && typeof header.affectedRows === 'number') return header.affectedRows;
    if ('rowsAffected' in header && typeof header.rowsAffected === 'number') return header.rowsAffected;
  }
  throw new TypeError('not the result of a write');
}
