/** Working off checks of many numbers: a few of them at a time, each answer written with the place that it leads to. */

import {
  and,
  asc,
  eq,
  gt,
  isNotNull,
  isNull,
  lt,
  lte,
  notExists,
  notInArray,
  type SQL,
  sql,
} from 'drizzle-orm';
import { readLive } from '../../cluster/processes.ts';
import { affected, incoming, skipLocked, transact, upsert } from '../../db/ops.ts';
import { numberCheckItems, numberCheckJobs, whatsappAccounts } from '../../db/schema.ts';
import { type BackoffRange, backoffMs, spread } from '../../utils/backoff.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { phoneOf } from '../../whatsapp/jid.ts';
import type { Deps } from '../context.ts';
import { learnAlias } from '../messages/aliases.ts';
import { type CheckedLookup, lookUpNumbers } from './lookup.ts';
import { GIVE_UP_AFTER_MS, type NumberCheckRow, readItems } from './verbs.ts';

export type NumberCheckDeps = Pick<Deps, 'database' | 'db' | 'clock' | 'commands' | 'logger'>;

/** Numbers of one question; WhatsApp Web asks for its contacts in pieces of this order. */
const BATCH_SIZE = 50;
/** Longer than a question may take: a claim that has run out belongs to a process that hangs. */
const CLAIM_MS = MINUTE_MS;
/** Jobs of one tenant at a time in one process. */
const MAX_PER_TENANT = 2;
const RETRY: BackoffRange = { firstMs: 5_000, maxMs: 2 * MINUTE_MS };

/** Why a job waits; after a day of it, why it has failed. */
type WaitReason = 'not_connected' | 'no_answer';

/**
 * The next job that is due, claimed: never two of one session at a time, and none while its workspace is suspended. Null when
 * there is none.
 */
export async function claimCheck(
  { db, clock }: Pick<NumberCheckDeps, 'db' | 'clock'>,
  processId: string,
  running: ReadonlyMap<number, number>,
): Promise<NumberCheckRow | null> {
  const now = clock.now();
  const full = [...running].filter(([, count]) => count >= MAX_PER_TENANT).map(([userId]) => userId);
  const claimed = await db
    .select({ accountId: numberCheckJobs.accountId })
    .from(numberCheckJobs)
    .where(and(isNotNull(numberCheckJobs.claimedBy), isNotNull(numberCheckJobs.dueAt)));
  const busy = claimed.map(({ accountId }) => accountId);
  const { id, suspendedAt } = whatsappAccounts;
  const suspended = db
    .select({ id })
    .from(whatsappAccounts)
    .where(and(eq(id, numberCheckJobs.accountId), isNotNull(suspendedAt)));
  const due = db
    .select()
    .from(numberCheckJobs)
    .where(
      and(
        lte(numberCheckJobs.dueAt, now),
        full.length === 0 ? undefined : notInArray(numberCheckJobs.userId, full),
        busy.length === 0 ? undefined : notInArray(numberCheckJobs.accountId, busy),
        notExists(suspended),
      ),
    )
    .orderBy(asc(numberCheckJobs.dueAt), asc(numberCheckJobs.updatedAt))
    .limit(1);
  const [row] = await skipLocked(due);
  if (!row?.dueAt) return null;
  const taken = await db
    .update(numberCheckJobs)
    .set({ claimedBy: processId, dueAt: now + CLAIM_MS })
    .where(
      and(
        eq(numberCheckJobs.id, row.id),
        eq(numberCheckJobs.dueAt, row.dueAt),
        isNull(numberCheckJobs.claimedBy),
      ),
    );
  return affected(taken) === 1 ? { ...row, claimedBy: processId } : null;
}

/** Frees what processes that are gone had claimed, and claims that have run out; how many. */
export async function releaseChecks(
  { database, db, clock }: Pick<NumberCheckDeps, 'database' | 'db' | 'clock'>,
  processId: string,
): Promise<number> {
  const others = notInArray(numberCheckJobs.claimedBy, [
    ...new Set([...(await readLive(database)), processId]),
  ]);
  const now = clock.now();
  const isClaimed = isNotNull(numberCheckJobs.claimedBy);
  // Since when it is due stays: nobody has asked in the meantime.
  const hung = and(isClaimed, lte(numberCheckJobs.dueAt, now));
  const freed = await db.update(numberCheckJobs).set({ claimedBy: null }).where(hung);
  const free = { claimedBy: null, dueAt: now };
  const dead = await db.update(numberCheckJobs).set(free).where(and(isClaimed, others));
  return affected(freed) + affected(dead);
}

/**
 * Asks about the next numbers of a claimed job and writes what WhatsApp has said, then leaves the session alone for about
 * `paceMs`. Without an answer the job waits, longer each time, and fails after a day of that; time in which it was
 * due and nobody looked does not count. Rejects when the database is away: the claim then runs out.
 */
export async function checkNext(deps: NumberCheckDeps, job: NumberCheckRow, paceMs: number): Promise<void> {
  const [session] = await deps.db
    .select({ status: whatsappAccounts.status })
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.id, job.accountId));
  if (!session) return endCheck(deps, job, { status: 'failed', reason: 'session_deleted' });
  if (session.status !== 'connected') return postpone(deps, job, 'not_connected');
  const items = await readItems(deps.db, job.id, job.done, BATCH_SIZE);
  const phones = [...new Set(items.flatMap(({ phone }) => phone ?? []))];
  try {
    const found = await lookUpNumbers(deps, job, phones);
    await writeAnswers(deps, job, { items, found, paceMs });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    await postpone(deps, job, 'no_answer');
  }
}

type Item = Awaited<ReturnType<typeof readItems>>[number];

interface Answers {
  items: readonly Item[];
  found: ReadonlyMap<string, CheckedLookup>;
  paceMs: number;
}

async function writeAnswers(deps: NumberCheckDeps, job: NumberCheckRow, answers: Answers): Promise<void> {
  const now = deps.clock.now();
  const rows = answers.items.map((item) => answered(item, answers.found));
  const count = (state: Item['state']) => rows.filter((row) => row.state === state).length;
  const done = rows.at(-1)?.position ?? job.total;
  const isLast = done >= job.total;
  const nextAt = now + Math.round(spread(answers.paceMs, Math.random()));
  const changes = {
    done,
    registered: job.registered + count('registered'),
    notRegistered: job.notRegistered + count('not_registered'),
    invalid: job.invalid + count('invalid'),
    ...NOT_FAILING,
    claimedBy: null,
    updatedAt: now,
    ...(isLast ? { status: 'completed' as const, dueAt: null, finishedAt: now } : { dueAt: nextAt }),
  };
  await transact(deps.database, async (tx) => {
    // A job that was canceled meanwhile, or that another process works on, keeps its answers as they are.
    if (affected(await tx.update(numberCheckJobs).set(changes).where(isMine(job))) === 0) return;
    await upsert(tx, numberCheckItems, rows, [numberCheckItems.jobId, numberCheckItems.position], {
      state: incoming(numberCheckItems.state),
      jid: incoming(numberCheckItems.jid),
      checkedAt: incoming(numberCheckItems.checkedAt),
    });
    for (const [alias, { jid, lid }] of answers.found) {
      const phone = phoneOf(jid);
      if (phone !== null && phone !== alias) await learnAlias(tx, job.userId, { alias, phone, lid }, now);
    }
    // The other jobs of the session share its pace.
    await tx
      .update(numberCheckJobs)
      .set({ failingSince: failingOf(now), dueAt: nextAt })
      .where(waitsUntil(job, nextAt));
    await tx
      .update(numberCheckJobs)
      .set(NOT_FAILING)
      .where(and(othersOf(job), eq(numberCheckJobs.reason, 'not_connected')));
  });
}

const NOT_FAILING = { attempts: 0, reason: null, failingSince: null };

/**
 * Since when a job fails, without the time in which it was due and nobody looked: the service stood still. MySQL sets the
 * columns in the order of the table, where this one comes before `due_at`.
 */
function failingOf(now: number): SQL<number | null> {
  const { failingSince, dueAt } = numberCheckJobs;
  return sql`${failingSince} + case when ${dueAt} < ${now} then ${now} - ${dueAt} else 0 end`;
}

/** Jobs of the same session that wait. Those that have ended are due never. */
const othersOf = ({ accountId }: NumberCheckRow): SQL | undefined =>
  and(eq(numberCheckJobs.accountId, accountId), gt(numberCheckJobs.dueAt, 0), isWaiting);

const waitsUntil = (job: NumberCheckRow, at: number): SQL | undefined =>
  and(othersOf(job), lt(numberCheckJobs.dueAt, at));

const isWaiting: SQL | undefined = and(
  eq(numberCheckJobs.status, 'running'),
  isNull(numberCheckJobs.claimedBy),
);

/** With what WhatsApp has said, and when: that may have been before the job. */
function answered(item: Item, found: ReadonlyMap<string, CheckedLookup>): Item {
  const answer = item.phone === null ? undefined : found.get(item.phone);
  if (answer === undefined) return item;
  const { exists, jid, checkedAt } = answer;
  if (exists === null) return { ...item, state: 'unknown', checkedAt };
  return { ...item, state: exists ? 'registered' : 'not_registered', jid, checkedAt };
}

/** The claim of a job as it was read. */
function isMine({ id, claimedBy, done }: NumberCheckRow): SQL | undefined {
  if (claimedBy === null) throw new Error('the job was not claimed');
  return and(
    eq(numberCheckJobs.id, id),
    eq(numberCheckJobs.claimedBy, claimedBy),
    eq(numberCheckJobs.status, 'running'),
    eq(numberCheckJobs.done, done),
  );
}

async function postpone(deps: NumberCheckDeps, job: NumberCheckRow, reason: WaitReason): Promise<void> {
  const now = deps.clock.now();
  const overdueMs = Math.max(0, now - (job.dueAt ?? now));
  const failingSince = job.failingSince === null ? now : Math.min(now, job.failingSince + overdueMs);
  if (now - failingSince > GIVE_UP_AFTER_MS) return endCheck(deps, job, { status: 'failed', reason });
  const attempts = job.attempts + 1;
  const dueAt = now + Math.round(spread(backoffMs(RETRY, attempts), Math.random()));
  await transact(deps.database, async (tx) => {
    const changes = { reason, attempts, failingSince, claimedBy: null, dueAt };
    if (affected(await tx.update(numberCheckJobs).set(changes).where(isMine(job))) === 0) return;
    if (reason === 'no_answer') return;
    // It is the session that is away: its other checks wait for it as long, and nobody looks at each of them.
    await tx
      .update(numberCheckJobs)
      .set({ reason, attempts, failingSince: sql`coalesce(${failingOf(now)}, ${now})`, dueAt })
      .where(waitsUntil(job, dueAt));
  });
}

async function endCheck(
  { db, clock }: Pick<NumberCheckDeps, 'db' | 'clock'>,
  job: NumberCheckRow,
  ending: { status: 'failed'; reason: string },
): Promise<void> {
  const now = clock.now();
  const ended = { ...ending, claimedBy: null, dueAt: null, updatedAt: now, finishedAt: now };
  await db.update(numberCheckJobs).set(ended).where(isMine(job));
}
