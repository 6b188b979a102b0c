/** The cost to the database of the work that is measured: its own CPU time, statements and transactions. */
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { cpuTimesOf } from '../../scripts/cpu-time.mjs';

export interface DatabaseUse {
  /** CPU time of the server; NaN where the database is no process of its own, or not on this machine */
  cpuMs: number;
  /** with BEGIN, COMMIT and savepoints */
  statements: number;
  /** explicit ones, committed */
  transactions: number;
  /** how often a statement waited for a row's lock, and for how long in all; NaN on SQLite, which has none */
  lockWaits: number;
  lockWaitMs: number;
}

/** CPU time of another process so far; NaN where it cannot be seen. */
export const cpuMsOf = (pid: number): number => cpuTimesOf(pid).ownMs;

const NAMES = ['Questions', 'Com_commit', 'Innodb_row_lock_waits', 'Innodb_row_lock_time'];
const COUNTERS = `SHOW GLOBAL STATUS WHERE Variable_name IN ('${NAMES.join("', '")}')`;

export interface ServerMeter {
  read(): Promise<DatabaseUse>;
  close(): Promise<void>;
}

/** Reads what a MySQL or MariaDB server counts of itself; other clients of it must be silent. */
export async function meterServer(env: NodeJS.ProcessEnv): Promise<ServerMeter> {
  const connection = await createConnection({
    ...(env.DB_SOCKET === undefined
      ? { host: env.DB_HOST ?? '127.0.0.1', port: Number(env.DB_PORT) }
      : { socketPath: env.DB_SOCKET }),
    user: env.DB_USER ?? '',
    password: env.DB_PASSWORD ?? '',
  });
  const pid = Number(process.env.BENCH_DATABASE_PID ?? Number.NaN);
  let own = 0;
  return {
    async read() {
      const [rows] = await connection.query<RowDataPacket[]>(COUNTERS);
      const counted = new Map(rows.map((row) => [String(row.Variable_name), Number(row.Value)]));
      const of = (name: string) => counted.get(name) ?? Number.NaN;
      return {
        cpuMs: cpuMsOf(pid),
        statements: of('Questions') - ++own,
        transactions: of('Com_commit'),
        lockWaits: of('Innodb_row_lock_waits'),
        lockWaitMs: of('Innodb_row_lock_time'),
      };
    },
    close: () => connection.end(),
  };
}

export function difference(after: DatabaseUse, before: DatabaseUse): DatabaseUse {
  return {
    cpuMs: after.cpuMs - before.cpuMs,
    statements: after.statements - before.statements,
    transactions: after.transactions - before.transactions,
    lockWaits: after.lockWaits - before.lockWaits,
    lockWaitMs: after.lockWaitMs - before.lockWaitMs,
  };
}

/** `0.41 ms, 4.2 statements, 0.3 transactions`, for each of so many. */
export function useEach(use: DatabaseUse, count: number): string {
  const each = (value: number) => (value / count).toFixed(2);
  const cpu = Number.isNaN(use.cpuMs) ? '' : `${each(use.cpuMs)} ms, `;
  return `${cpu}${each(use.statements)} statements, ${each(use.transactions)} transactions`;
}
