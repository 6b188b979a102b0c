/** Is the service well? Asked by people, load balancers and process managers. */
import { count } from 'drizzle-orm';
import { SESSION_STATUSES, whatsappAccounts } from '../db/schema.ts';
import type { Deps } from './context.ts';

export interface Health {
  /** `degraded`: files cannot be kept or read, everything else works */
  status: 'ok' | 'degraded' | 'down';
  phase: Deps['lifecycle']['phase'];
  database: { status: 'up' | 'down'; type: 'sqlite' | 'mysql'; latencyMs: number | null };
  storage: { status: 'up' | 'down'; type: 'local' | 's3' };
  /** sessions by state; null while the database is away */
  engine: { name: string; sessions: Record<string, number> | null };
}

type HealthDeps = Pick<Deps, 'config' | 'database' | 'db' | 'clock' | 'lifecycle' | 'storage'>;

/** A probe that hangs helps nobody. */
const PROBE_TIMEOUT_MS = 2000;

/** Probes come often, and each look at a bucket is paid for. */
const STORAGE_FRESH_MS = 5_000;

/** What can be said of database, storage and engine within some seconds. Never throws. */
export async function readHealth(deps: HealthDeps): Promise<Health> {
  const storing = isStorageUp(deps);
  const startedMs = deps.clock.monotonic();
  const up = await isDatabaseUp(deps);
  const latencyMs = up ? Math.round(deps.clock.monotonic() - startedMs) : null;
  const sessions = up ? await within(deps, countSessions(deps)) : null;
  const stores = await storing;
  return {
    status: up ? (stores ? 'ok' : 'degraded') : 'down',
    phase: deps.lifecycle.phase,
    database: { status: up ? 'up' : 'down', type: deps.database.dialect, latencyMs },
    storage: { status: stores ? 'up' : 'down', type: deps.storage.type },
    engine: { name: deps.config.engine, sessions },
  };
}

/** True when requests can be served: started, not stopping, and the database answers. */
export async function isReady(deps: HealthDeps): Promise<boolean> {
  return deps.lifecycle.phase === 'ready' && (await isDatabaseUp(deps));
}

async function isDatabaseUp(deps: HealthDeps): Promise<boolean> {
  const ping = deps.database.ping().then(() => true);
  return (await within(deps, ping)) ?? false;
}

const storageLooks = new WeakMap<Deps['storage'], { atMs: number; up: Promise<boolean> }>();

/** Whether files can be kept, a few seconds old at most. */
export function isStorageUp(deps: Pick<Deps, 'storage' | 'clock'>): Promise<boolean> {
  const known = storageLooks.get(deps.storage);
  const atMs = deps.clock.monotonic();
  if (known && atMs - known.atMs < STORAGE_FRESH_MS) return known.up;
  const look = deps.storage.check().then(() => true);
  const up = within(deps, look).then((found) => found ?? false);
  storageLooks.set(deps.storage, { atMs, up });
  return up;
}

async function countSessions({ db }: HealthDeps): Promise<Record<string, number>> {
  const { status } = whatsappAccounts;
  const rows = await db.select({ status, n: count() }).from(whatsappAccounts).groupBy(status);
  const counts = new Map<string, number>(rows.map((row) => [row.status, Number(row.n)]));
  return Object.fromEntries(SESSION_STATUSES.map((name) => [name, counts.get(name) ?? 0]));
}

/** Null when it failed or took too long. */
function within<T>({ clock }: Pick<Deps, 'clock'>, work: Promise<T>): Promise<T | null> {
  return new Promise((resolve) => {
    const cancel = clock.setTimer(() => resolve(null), PROBE_TIMEOUT_MS);
    const done = (value: T | null) => {
      cancel();
      resolve(value);
    };
    work.then(done, () => done(null));
  });
}
