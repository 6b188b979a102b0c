/** Is the service well? Asked by people, load balancers and process managers. */
import { count, eq } from 'drizzle-orm';
import { upsert } from '../db/ops.ts';
import { SESSION_STATUSES, settings, whatsappAccounts } from '../db/schema.ts';
import { FUTURE_MS } from '../utils/clock.ts';
import type { Deps } from './context.ts';

export interface Health {
  /** `degraded`: files, the clock or the credentials of some sessions are in trouble, everything else works */
  status: 'ok' | 'degraded' | 'down';
  phase: Deps['lifecycle']['phase'];
  /** `writable` false: it answers, but nothing can be kept (disk full, read-only, damaged) */
  database: {
    status: 'up' | 'down';
    type: 'sqlite' | 'mysql';
    latencyMs: number | null;
    writable: boolean;
  };
  /** how far this machine's clock is from the database's, positive when it is ahead; null when not known */
  clock: { status: 'ok' | 'skewed'; skewMs: number | null };
  storage: { status: 'up' | 'down'; type: 'local' | 's3' };
  /** sessions by state, and those whose credentials cannot be read; null while the database is away */
  engine: { name: string; sessions: Record<string, number> | null; unreadable: number | null };
}

type HealthDeps = Pick<Deps, 'config' | 'database' | 'db' | 'clock' | 'lifecycle' | 'storage' | 'probes'>;

/** The last looks at what is dear to look at. */
export interface HealthProbes {
  write: WriteLook | null;
  storage: StorageLook | null;
}

/** Makes the probes of this process; nothing was looked at yet. */
export function createHealthProbes(): HealthProbes {
  return { write: null, storage: null };
}

/** A probe that hangs is useless. */
const PROBE_TIMEOUT_MS = 2000;

/** Probes come often, and each look at a bucket is paid for. */
const STORAGE_FRESH_MS = 5_000;

/** A write is dearer than a read: however often it is asked, once in this time; sooner when the last one failed. */
const WRITE_FRESH_MS = 5_000;
const FAILED_WRITE_FRESH_MS = 1_000;
/** Row of `settings` that is written to see whether anything can be. */
const WRITE_PROBE = 'write_probe';

/** The state of database, storage, clock and engine, as far as it is known within some seconds. Never throws. */
export async function readHealth(deps: HealthDeps): Promise<Health> {
  const storing = isStorageUp(deps);
  const startedMs = deps.clock.monotonic();
  const up = await isDatabaseUp(deps);
  const latencyMs = up ? Math.round(deps.clock.monotonic() - startedMs) : null;
  const writable = up && (await isDatabaseWritable(deps));
  const sessions = up ? await within(deps, countSessions(deps)) : null;
  const unreadable = up ? await within(deps, countUnreadable(deps)) : null;
  const stores = await storing;
  const clock = readClock(deps);
  const well = stores && clock.status === 'ok' && (unreadable ?? 0) === 0;
  return {
    status: writable ? (well ? 'ok' : 'degraded') : 'down',
    phase: deps.lifecycle.phase,
    database: { status: up ? 'up' : 'down', type: deps.database.dialect, latencyMs, writable },
    storage: { status: stores ? 'up' : 'down', type: deps.storage.type },
    clock,
    engine: { name: deps.config.engine, sessions, unreadable },
  };
}

function readClock({ clock }: Pick<Deps, 'clock'>): Health['clock'] {
  const skewMs = clock.skewMs?.() ?? null;
  return { status: Math.abs(skewMs ?? 0) > FUTURE_MS ? 'skewed' : 'ok', skewMs };
}

/** Why requests cannot be served. */
export type NotReady =
  | 'starting'
  | 'stopping'
  | 'database_away'
  | 'database_not_writable'
  | 'credentials_unreadable';

export type Readiness = { ready: true; unreadable: number } | { ready: false; reason: NotReady };

/**
 * Ready: started, not stopping, the database answers and takes writes, and the credentials of at least one session can
 * be read if there are any. `unreadable`: sessions whose credentials cannot be read.
 */
export async function readReadiness(deps: HealthDeps): Promise<Readiness> {
  const { phase } = deps.lifecycle;
  if (phase !== 'ready') return { ready: false, reason: phase };
  if (!(await isDatabaseUp(deps))) return { ready: false, reason: 'database_away' };
  if (!(await isDatabaseWritable(deps))) return { ready: false, reason: 'database_not_writable' };
  const counts = await within(deps, Promise.all([countSessions(deps), countUnreadable(deps)]));
  const [sessions, unreadable] = counts ?? [{}, 0];
  const active = (['connecting', 'connected', 'disconnected'] as const).reduce(
    (sum, status) => sum + (sessions[status] ?? 0),
    0,
  );
  if (unreadable > 0 && unreadable === active) return { ready: false, reason: 'credentials_unreadable' };
  return { ready: true, unreadable };
}

async function isDatabaseUp(deps: HealthDeps): Promise<boolean> {
  const ping = deps.database.ping().then(() => true);
  return (await within(deps, ping)) ?? false;
}

interface WriteLook {
  atMs: number;
  result: Promise<boolean>;
  /** null while it goes on */
  ended: boolean | null;
}

interface StorageLook {
  atMs: number;
  up: Promise<boolean>;
}

type WriteDeps = Pick<Deps, 'database' | 'clock' | 'probes'>;

/** Whether rows can be written, as of the last seconds: the probe's own, and those that others wanted to write. */
export async function isDatabaseWritable(deps: WriteDeps): Promise<boolean> {
  const refusedForMs = deps.database.sinceWriteRefused?.() ?? Number.POSITIVE_INFINITY;
  return (await probe(deps)) && refusedForMs > WRITE_FRESH_MS;
}

function probe(deps: WriteDeps): Promise<boolean> {
  const known = deps.probes.write;
  const atMs = deps.clock.monotonic();
  const freshMs = known?.ended === false ? FAILED_WRITE_FRESH_MS : WRITE_FRESH_MS;
  if (known && (known.ended === null || atMs - known.atMs < freshMs)) return known.result;
  const look: WriteLook = { atMs, ended: null, result: Promise.resolve(false) };
  look.result = within(deps, writeProbe(deps)).then((done) => {
    look.ended = done ?? false;
    return look.ended;
  });
  deps.probes.write = look;
  return look.result;
}

async function writeProbe({ database, clock }: Pick<Deps, 'database' | 'clock'>): Promise<true> {
  const row = { name: WRITE_PROBE, value: { at: clock.now() }, updatedAt: clock.now() };
  await upsert(database.db, settings, row, [settings.name], { value: row.value, updatedAt: row.updatedAt });
  return true;
}

/** Whether files can be kept, a few seconds old at most. */
export function isStorageUp(deps: Pick<Deps, 'storage' | 'clock' | 'probes'>): Promise<boolean> {
  const known = deps.probes.storage;
  const atMs = deps.clock.monotonic();
  if (known && atMs - known.atMs < STORAGE_FRESH_MS) return known.up;
  const look = deps.storage.check().then(() => true);
  const up = within(deps, look).then((found) => found ?? false);
  deps.probes.storage = { atMs, up };
  return up;
}

async function countSessions({ db }: HealthDeps): Promise<Record<string, number>> {
  const { status } = whatsappAccounts;
  const rows = await db.select({ status, n: count() }).from(whatsappAccounts).groupBy(status);
  const counts = new Map<string, number>(rows.map((row) => [row.status, Number(row.n)]));
  return Object.fromEntries(SESSION_STATUSES.map((name) => [name, counts.get(name) ?? 0]));
}

/** Sessions whose credentials cannot be read; they reconnect by themselves when they can. */
export async function countUnreadable({ db }: Pick<Deps, 'db'>): Promise<number> {
  const unreadable = eq(whatsappAccounts.reason, 'credentials_unreadable');
  const rows = await db.select({ n: count() }).from(whatsappAccounts).where(unreadable);
  return Number(rows[0]?.n ?? 0);
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
