/** The HTTP surface with a supervisor that runs its sessions on a scripted engine. */
import { createCommandBus } from '../../src/cluster/commands.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { newId } from '../../src/utils/ids.ts';
import { createOwnership } from '../../src/workers/ownership.ts';
import { createSessionSupervisor } from '../../src/workers/session-supervisor/index.ts';
import { openTestApp, type Reply, type TestApp } from '../helpers/app.ts';
import { createScriptedEngine } from '../helpers/scripted-engine.ts';
import type { Tenant } from '../helpers/tenant.ts';
import { fakeHost } from '../workers/session-world.ts';

export const QR = 'https://wa.me/settings/linked_devices#2@qr-secret';
export const CODE = 'ABCD1234';

export type SessionApp = Awaited<ReturnType<typeof openSessionApp>>;

export async function openSessionApp() {
  const engine = createScriptedEngine();
  const processId = newId();
  const commands = createCommandBus({ processId, clock: systemClock });
  const t: TestApp = await openTestApp({ deps: { commands }, config: { publicUrl: 'http://hub.test' } });
  const { deps } = t;
  const erased: string[] = [];
  const ownership = createOwnership({ ...deps, host: fakeHost('here', 1), processId, alone: true });
  const supervisor = createSessionSupervisor({
    ...deps,
    engine,
    ownership,
    credentials: { erase: async ({ id }) => erased.push(id) },
    dispatcher: { add: () => undefined, remove: () => undefined, rereadSessions: () => undefined },
    onReceipt: () => undefined,
    onStanding: () => undefined,
    refreshClientVersion: async () => undefined,
    connectConcurrency: 50,
  });
  engine.listen(supervisor.onEvent);
  /** What a WhatsApp that can be reached does: a QR or a code at once. */
  const showSecret: typeof engine.onOpen = (accountId, pairing) => {
    const expiresAt = Date.now() + 60_000;
    setImmediate(() => {
      if (!engine.sockets.has(accountId)) return;
      if (pairing.mode === 'qr') engine.emit(accountId, { type: 'qr', qr: QR, expiresAt });
      else engine.emit(accountId, { type: 'pairing_code', code: CODE, expiresAt });
    });
  };
  engine.onOpen = showSecret;
  await supervisor.start();
  return {
    ...t,
    engine,
    erased,
    showSecret,
    as: (tenant: Tenant) => ({
      get: (path: string): Promise<Reply> => t.call(path, { apiKey: tenant.apiKey }),
      post: (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
        t.call(path, { method: 'POST', body, apiKey: tenant.apiKey, headers }),
      del: (path: string): Promise<Reply> => t.call(path, { method: 'DELETE', apiKey: tenant.apiKey }),
    }),
    /** The id behind the newest socket. */
    newest: () => engine.opens.at(-1)?.accountId ?? '',
    async close() {
      await supervisor.stop();
      await t.close();
    },
  };
}

/** Asks until the session says that. */
export async function untilStatus(ask: () => Promise<Reply>, status: string): Promise<void> {
  const endsAt = performance.now() + 5_000;
  for (;;) {
    const { body } = await ask();
    const data = body.data;
    if (typeof data === 'object' && data !== null && 'status' in data && data.status === status) return;
    if (performance.now() > endsAt) throw new Error(`never ${status}: ${JSON.stringify(body)}`);
  }
}
