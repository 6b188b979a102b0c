/** Several processes of the service on one MySQL database. */
import { randomBytes } from 'node:crypto';
import type { Emulator } from 'wa-emulator';
import { type Database, type DatabaseOptions, openDatabase } from '../../src/db/client.ts';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { createMigratedDatabase } from './database.ts';
import { type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';
import { until } from './until.ts';

export interface Cluster {
  processes: SandboxProcess[];
  options: DatabaseOptions;
  /** the database as a test reads it */
  database: Database;
  /** Starts one more process on it. */
  add(): Promise<SandboxProcess>;
  /** ids of the owners (null: none) with their sessions' names */
  owners(): Promise<Map<string | null, string[]>>;
  /** Links these sessions, each by the process of the same place in turn; resolves when all are connected. */
  link(sessions: readonly { name: string; phone: string }[]): Promise<void>;
  /** Resolves when every session is connected, as the database says. */
  untilConnected(timeoutMs?: number): Promise<void>;
  remove(): Promise<void>;
}

const UNPACED = {
  MESSAGE_DELAY_MIN: '0',
  MESSAGE_DELAY_MAX: '0',
  MAX_MESSAGES_PER_MINUTE: '100000',
  MAX_MESSAGES_PER_HOUR: '100000',
  NEW_CONTACTS_PER_DAY: '0',
  MAX_MESSAGES_PER_RECIPIENT: '100000',
  API_RATE_LIMIT_MAX: '1000000',
  RATE_LIMIT_MAX: '1000000',
};

/**
 * Starts `count` processes with the same secrets. `on`: a database that the caller made and removes, as each process
 * in turn is led to it.
 */
export async function startCluster(
  emulator: Emulator,
  count: number,
  settings: {
    env?: Record<string, string>;
    on?: readonly [DatabaseOptions, ...DatabaseOptions[]];
  } = {},
): Promise<Cluster> {
  const [given, ...others] = settings.on ?? [];
  const made = given ? { options: given, remove: async () => undefined } : await createMigratedDatabase();
  const { options } = made;
  const ways = [options, ...others];
  const env = {
    ...UNPACED,
    JWT_SECRET: randomBytes(48).toString('hex'),
    ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    KEY: `wahub_test_${randomBytes(16).toString('hex')}`,
    ADMIN_PASSWORD: 'correct horse battery',
    ...settings.env,
  };
  const processes: SandboxProcess[] = [];
  const add = async () => {
    const way = ways[processes.length % ways.length];
    const added = await startSandboxProcess(emulator, env, way);
    processes.push(added);
    return added;
  };
  for (let i = 0; i < count; i++) await add();
  const database = await openDatabase(options);

  async function owners(): Promise<Map<string | null, string[]>> {
    const rows = await database.db.select().from(whatsappAccounts);
    const found = new Map<string | null, string[]>();
    for (const { owner, sessionId } of rows) found.set(owner, [...(found.get(owner) ?? []), sessionId]);
    return found;
  }

  async function untilConnected(timeoutMs = 60_000): Promise<void> {
    await until(
      async () => {
        const rows = await database.db.select().from(whatsappAccounts);
        return rows.every(({ status }) => status === 'connected');
      },
      timeoutMs,
      'that all sessions are connected',
    );
  }

  return {
    processes,
    options,
    database,
    add,
    owners,
    async link(sessions) {
      const todo = sessions.map((session, i) => ({ ...session, by: processes[i % processes.length] }));
      const work = async () => {
        for (let next = todo.shift(); next; next = todo.shift()) {
          const { body } = (await next.by?.call('POST', '/session/create', { sessionId: next.name })) ?? {};
          await emulator.scan({ qr: body.data.qr, phone: next.phone });
        }
      };
      await Promise.all([work(), work(), work(), work()]);
      await untilConnected();
    },
    untilConnected,
    async remove() {
      await Promise.all(processes.map((process) => process.remove()));
      await database.close();
      await made.remove();
    },
  };
}
