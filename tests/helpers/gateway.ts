/** The whole service inside the test's process, against an emulator. */
import '../../src/whatsapp/baileys/preload.ts';
import '../../src/whatsapp/baileys/native-curve.ts';
import type { Emulator } from 'wa-emulator';
import type { DatabaseOptions } from '../../src/db/client.ts';
import { type Gateway, startGateway } from '../../src/gateway.ts';
import type { Config } from '../../src/utils/config.ts';
import { testConfig } from './app.ts';
import { createMigratedDatabase } from './database.ts';
import type { Answer } from './sandbox-process.ts';

export interface TestGateway extends Gateway {
  /** as the first admin unless `headers` bring another credential */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** stops it and starts another one on the same database */
  restart(): Promise<TestGateway>;
  /** stops it and removes the database */
  remove(): Promise<void>;
}

export const ADMIN_KEY = 'wahub_test_key_0123456789abcdef';

/** Pacing without limits and gaps, for tests that are not about them. */
export const UNPACED = {
  delayMinMs: 0,
  delayMaxMs: 0,
  perMinute: 100_000,
  perHour: 1_000_000,
  perRecipientPerHour: 100_000,
};

/**
 * Starts the service on a fresh database, or on that of `on`, which its caller removes, and waits until its workers
 * run.
 */
export async function startTestGateway(
  emulator: Emulator,
  overrides: Partial<Config> = {},
  on?: DatabaseOptions,
): Promise<TestGateway> {
  const { options, remove } = on
    ? { options: on, remove: async () => undefined }
    : await createMigratedDatabase();
  const base = testConfig();
  const config: Config = {
    ...base,
    host: '127.0.0.1',
    port: 0,
    adminKey: ADMIN_KEY,
    adminEmail: 'admin@example.com',
    adminPassword: 'correct horse battery',
    waServer: { url: emulator.waUrl, rootKey: emulator.rootKey, caFile: emulator.caFile },
    ...overrides,
    pacing: { ...base.pacing, ...UNPACED, ...overrides.pacing },
    database:
      options.type === 'sqlite'
        ? { ...options, synchronous: 'NORMAL' }
        : { ...options, connectionLimit: options.connectionLimit ?? 10 },
  };

  async function start(): Promise<TestGateway> {
    const gateway = await startGateway(config);
    await gateway.ready;
    return {
      ...gateway,
      async call(method, path, body, headers = { 'x-api-key': ADMIN_KEY }) {
        const response = await fetch(`${gateway.url}${path}`, {
          method,
          headers: { 'content-type': 'application/json', ...headers },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const text = await response.text();
        return { status: response.status, body: text === '' ? null : JSON.parse(text) };
      },
      async restart() {
        await gateway.stop();
        return start();
      },
      async remove() {
        await gateway.stop();
        await remove();
      },
    };
  }
  return start();
}
