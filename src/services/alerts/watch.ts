/** Opens and closes alarms of workspaces that have a channel, and writes what the channels are to be told. */
import { and, eq, inArray, isNotNull } from 'drizzle-orm';
import { inBatches } from '../../db/batches.ts';
import type { Db, Tx } from '../../db/client.ts';
import { affected, transact, tryInsert } from '../../db/ops.ts';
import { ALARM_KINDS, alarms, alertChannels, alertNotices } from '../../db/schema.ts';
import { spendFromWindow } from '../../db/windows.ts';
import { inBackground } from '../../db/work.ts';
import { newId } from '../../utils/ids.ts';
import { createPlaces, type Places, takeTurns } from '../../utils/turns-of-owners.ts';
import { type Alarm, EXPLAINED_BY_SUSPENSION } from '../alarms/alarms.ts';
import { type AlarmDeps, readAlarms } from '../alarms/state.ts';
import type { Deps } from '../context.ts';
import type { ChannelRow } from './deliver.ts';

/** So often one of the processes looks at every workspace. */
export const WATCH_MS = 15_000;
/** Workspaces that are looked at together. */
const AT_ONCE = 4;
/** After so long what has not begun waits for the next round. */
const TURN_MS = 10_000;
/** What was read longer ago is not acted on: another process may have read it since. */
const STALE_MS = 10_000;
/** Alarms whose notices one statement reads. */
const READ_AT_ONCE = 500;

type OpenRow = typeof alarms.$inferSelect;
/** An alarm of a kind that channels are told of. */
type StoredAlarm = Alarm & { kind: OpenRow['kind'] };

/**
 * One look at all workspaces with channels; the first of the processes in each span of WATCH_MS takes it. An alarm is opened
 * and closed once, whatever runs at the same time, and what is to be told is written in the same transaction. A workspace
 * that cannot be looked at stops no other, nor does one that takes long: that goes on in its place afterwards. Each look begins
 * at another workspace (`random`, in [0, 1)), so that none is always the one for which there is no time left.
 */
export async function watchAlarms(
  deps: AlarmDeps & Pick<Deps, 'logger'>,
  signal?: AbortSignal,
  places: Places = createAlarmPlaces(),
  random = Math.random,
): Promise<void> {
  const turn = { key: 'alerts:watch', max: 1, windowMs: WATCH_MS };
  if ((await spendFromWindow(deps.db, turn, deps.clock.now())) === null) return;
  const watched = await watchedWorkspaces(deps.db);
  const first = Math.floor(random() * watched.length);
  const all = [...watched.slice(first), ...watched.slice(0, first)].map((userId) => ({
    owner: String(userId),
    work: () => tryToLookAt(deps, userId),
  }));
  await takeTurns(places, all, { clock: deps.clock, turnMs: TURN_MS, signal });
}

/** Places of one watcher: a workspace has one of them, and at most one look that waits. */
export function createAlarmPlaces(): Places {
  return createPlaces({ concurrency: AT_ONCE, perOwner: 1, maxWaiting: 1 });
}

async function tryToLookAt(deps: AlarmDeps & Pick<Deps, 'logger'>, userId: number): Promise<void> {
  try {
    await inBackground(userId, () => lookAt(deps, userId));
  } catch (error) {
    deps.logger.warn('the alarms of a workspace could not be looked at', { userId, error: String(error) });
  }
}

async function lookAt(deps: AlarmDeps, userId: number): Promise<void> {
  const startedMs = deps.clock.monotonic();
  const found = await readAlarms(deps, { userId, sessionIds: null });
  if (deps.clock.monotonic() - startedMs < STALE_MS) await syncAlarms(deps, userId, found);
}

/** Those with a channel, and those with an alarm that is still open. */
async function watchedWorkspaces(db: Db): Promise<number[]> {
  const [channels, open] = await Promise.all([
    db
      .selectDistinct({ userId: alertChannels.userId })
      .from(alertChannels)
      .where(eq(alertChannels.status, 'active')),
    db.selectDistinct({ userId: alarms.userId }).from(alarms).where(isNotNull(alarms.openKey)),
  ]);
  return [...new Set([...channels, ...open].map(({ userId }) => userId))];
}

/** Makes the open alarms of the workspace those that were found. */
export async function syncAlarms(
  deps: Pick<AlarmDeps, 'database' | 'clock'>,
  userId: number,
  found: readonly Alarm[],
): Promise<void> {
  await transact(deps.database, async (tx) => {
    const now = deps.clock.now();
    const channels = await tx
      .select()
      .from(alertChannels)
      .where(and(eq(alertChannels.userId, userId), eq(alertChannels.status, 'active')));
    const before = await tx
      .select()
      .from(alarms)
      .where(and(eq(alarms.userId, userId), isNotNull(alarms.openKey)));
    const byKey = new Map(before.map((row) => [row.openKey, row]));
    const told = await toldOf(tx, channels.length === 0 ? [] : before.map(({ id }) => id));
    const current = new Set<string>();
    for (const alarm of found.filter(isStored)) {
      const openKey = `${userId}:${alarm.key}`;
      current.add(openKey);
      const known = byKey.get(openKey);
      if (known) await renew(tx, known, alarm);
      const id = known?.id ?? (await open(tx, { userId, openKey, alarm, now }));
      if (id === null) continue;
      // Each channel that wants it and has not heard of it, also one that is newer than the alarm.
      const missing = channels.filter(
        (channel) => wants(channel, alarm.kind) && !told.get(id)?.has(channel.id),
      );
      await write(tx, missing, { userId, id, phase: 'began', now });
    }
    const isSuspended = found.some(({ kind }) => kind === 'workspace_suspended');
    for (const row of before) {
      // What is only not seen while the workspace is suspended is not solved.
      const isHidden = isSuspended && EXPLAINED_BY_SUSPENSION.has(row.kind);
      if (!current.has(row.openKey ?? '') && !isHidden) await close(tx, row, channels, now);
    }
  });
}

function isStored(alarm: Alarm): alarm is StoredAlarm {
  return ALARM_KINDS.some((kind) => kind === alarm.kind);
}

/** Null: another process has opened it at the same moment. */
async function open(
  tx: Tx,
  { userId, openKey, alarm, now }: { userId: number; openKey: string; alarm: StoredAlarm; now: number },
): Promise<string | null> {
  const id = newId(now);
  const row = { id, userId, openKey, kind: alarm.kind, data: { ...alarm }, beganAt: now };
  return (await tryInsert(tx, alarms, row)) ? id : null;
}

/** Keeps what is known of it now: that is what the end will tell. */
async function renew(tx: Tx, row: OpenRow, alarm: StoredAlarm): Promise<void> {
  if (JSON.stringify(row.data) !== JSON.stringify(alarm)) {
    await tx
      .update(alarms)
      .set({ kind: alarm.kind, data: { ...alarm } })
      .where(eq(alarms.id, row.id));
  }
}

const wants = ({ kinds }: ChannelRow, kind: string) => kinds.includes('*') || kinds.includes(kind);

/** The channels that were told of the begin of each of these alarms. */
async function toldOf(tx: Tx, ids: readonly string[]): Promise<Map<string, Set<string>>> {
  const told = new Map<string, Set<string>>();
  const { alarmId, channelId, phase } = alertNotices;
  for await (const some of inBatches(ids, READ_AT_ONCE)) {
    const isBegin = and(inArray(alarmId, some), eq(phase, 'began'));
    for (const row of await tx.select({ alarmId, channelId }).from(alertNotices).where(isBegin)) {
      const channels = told.get(row.alarmId) ?? new Set();
      told.set(row.alarmId, channels.add(row.channelId));
    }
  }
  return told;
}

/** The end is told to those who were told of the begin. */
async function close(tx: Tx, row: OpenRow, channels: readonly ChannelRow[], now: number): Promise<void> {
  const closed = await tx
    .update(alarms)
    .set({ openKey: null, endedAt: now })
    .where(and(eq(alarms.id, row.id), isNotNull(alarms.openKey)));
  if (affected(closed) === 0) return;
  const told = (await toldOf(tx, [row.id])).get(row.id);
  const still = channels.filter(({ id }) => told?.has(id));
  await write(tx, still, { userId: row.userId, id: row.id, phase: 'solved', now });
}

async function write(
  tx: Tx,
  channels: readonly ChannelRow[],
  { userId, id, phase, now }: { userId: number; id: string; phase: 'began' | 'solved'; now: number },
): Promise<void> {
  for (const { id: channelId } of channels) {
    const row = { id: newId(now), userId, channelId, alarmId: id, phase, state: 'waiting' as const };
    await tryInsert(tx, alertNotices, { ...row, nextAttemptAt: now, createdAt: now });
  }
}

/** The alarm that a row keeps. Safe because only `syncAlarms` writes the column, from this type. */
function alarmOf(row: Pick<OpenRow, 'data'>): Alarm {
  return row.data as unknown as Alarm;
}

/** The alarms of these ids. */
export async function readAlarmRows(db: Db, ids: readonly string[]): Promise<Map<string, Alarm>> {
  const rows = await db
    .select({ id: alarms.id, data: alarms.data })
    .from(alarms)
    .where(inArray(alarms.id, [...ids]));
  return new Map(rows.map((row) => [row.id, alarmOf(row)]));
}
