/** Mails wait in the database until the server has taken them: a crash loses none. */

import { and, asc, eq, inArray, lte, sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected } from '../../db/ops.ts';
import {
  MAIL_KINDS,
  mailOutbox,
  passwordResets,
  pendingRegistrations,
  workspaceInvitations,
} from '../../db/schema.ts';
import { type BackoffRange, backoffMs, between } from '../../utils/backoff.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import { createFairQueue, type FairQueue } from '../../utils/fair-queue.ts';
import { newId } from '../../utils/ids.ts';
import { type Mailer, MailFailure } from '../../utils/smtp.ts';
import type { Deps } from '../context.ts';
import { type MailKind, type MailLanguage, mailText } from './texts.ts';

const GIVE_UP_MS = DAY_MS;
/** The first is longer than one attempt may take, so that no other process tries meanwhile. */
const RETRY: BackoffRange = { firstMs: MINUTE_MS, maxMs: HOUR_MS };
const BATCH_SIZE = 10;
/** Mails that are sent at once, and those of one workspace or to one domain among them: a server may take long with these. */
const AT_ONCE = 4;
const AT_ONCE_OF_OWNER = 2;
/** After so long what has not begun waits for the next round, which chooses again. */
const TURN_MS = 5_000;
/** Looked at of those that are due: what ten workspaces may send in a day. */
const SCAN_LIMIT = 500;
/** Of the MACs in links. */
const REGISTRATION = 'verify-email';
const INVITATION = 'invitation';
const RESET = 'password-reset';

type MailDeps = Pick<Deps, 'config' | 'db' | 'clock' | 'logger' | 'secrets'>;
type Row = typeof mailOutbox.$inferSelect;

export interface NewMail {
  kind: MailKind;
  address: string;
  language: MailLanguage;
  registrationId?: string;
  invitationId?: string;
  resetId?: string;
}

/** Keeps a mail to be sent, in the transaction of what it tells about. */
export async function enqueueMail(tx: Tx, { clock }: Pick<Deps, 'clock'>, mail: NewMail): Promise<void> {
  const now = clock.now();
  await tx.insert(mailOutbox).values({
    id: newId(now),
    ...mail,
    nextAttemptAt: now,
    giveUpAt: now + GIVE_UP_MS,
    createdAt: now,
  });
}

const tokenOf = ({ secrets }: Pick<Deps, 'secrets'>, purpose: string, id: string): string =>
  `${id}.${secrets.mac(purpose, id)}`;

function readToken({ secrets }: Pick<Deps, 'secrets'>, purpose: string, token: string): string | null {
  const [id = '', mac = ''] = token.split('.');
  return /^[0-9a-f]{32}$/.test(id) && secrets.isMac(purpose, id, mac) ? id : null;
}

/** The proof in the link of a registration: only who reads the mails of its address has it. Kept nowhere. */
export function verificationToken(deps: Pick<Deps, 'secrets'>, registrationId: string): string {
  return tokenOf(deps, REGISTRATION, registrationId);
}

/** The secret in the link of an invitation: whoever was handed it has it. Kept nowhere. */
export function invitationToken(deps: Pick<Deps, 'secrets'>, invitationId: string): string {
  return tokenOf(deps, INVITATION, invitationId);
}

/** The secret in the link for a new password. Kept nowhere. */
export function resetToken(deps: Pick<Deps, 'secrets'>, resetId: string): string {
  return tokenOf(deps, RESET, resetId);
}

/** The link for a new password that a token was made for; null for what we did not make. */
export function readResetToken(deps: Pick<Deps, 'secrets'>, token: string): string | null {
  return readToken(deps, RESET, token);
}

/** The invitation that a token was made for; null for what we did not make. */
export function readInvitationToken(deps: Pick<Deps, 'secrets'>, token: string): string | null {
  return readToken(deps, INVITATION, token);
}

/** The registration that a token was made for; null for what we did not make. */
export function readVerificationToken(deps: Pick<Deps, 'secrets'>, token: string): string | null {
  return readToken(deps, REGISTRATION, token);
}

/** Where mails are sent from, over the rounds of a sender. */
export interface MailPlaces {
  queue: FairQueue;
  /** what has begun; never rejects */
  running: Set<Promise<unknown>>;
}

/** Places of one sender. */
export function createMailPlaces(): MailPlaces {
  const bounds = { concurrency: AT_ONCE, perOwner: AT_ONCE_OF_OWNER, maxWaiting: BATCH_SIZE };
  return { queue: createFairQueue(bounds), running: new Set() };
}

export interface SendDueOptions {
  kinds?: readonly MailKind[];
  signal?: AbortSignal;
  places?: MailPlaces;
}

/**
 * Sends what is due, of all kinds or of `kinds` alone, at most ten mails, a few at once; how many were handed over. One that
 * takes long goes on in its place afterwards. The invitations of many workspaces, and mails to many domains, take turns. Nothing
 * is tried while the server is left alone, and a server that is away costs no mail one of its attempts. Safe in several processes
 * at once. A mail whose process dies between the server's answer and the row's end may come twice, under the same Message-ID.
 */
export async function sendDueMails(
  deps: MailDeps,
  mailer: Mailer,
  { kinds = MAIL_KINDS, signal, places = createMailPlaces() }: SendDueOptions = {},
): Promise<number> {
  if (mailer.waitMs() > 0) return 0;
  const turn = new AbortController();
  const over = signal === undefined ? turn.signal : AbortSignal.any([signal, turn.signal]);
  let sent = 0;
  const send = async (row: Row) => {
    if (mailer.waitMs() > 0 || !(await claim(deps, row))) return;
    if (await sendOne(deps, mailer, row)) sent++;
  };
  const all = (await readDue(deps, kinds)).map(({ row, owner }) =>
    inPlace(places, owner, () => send(row), over),
  );
  await new Promise<void>((resolve, reject) => {
    const cancel = deps.clock.setTimer(() => {
      turn.abort();
      resolve();
    }, TURN_MS);
    Promise.all(all)
      .then(() => resolve(), reject)
      .finally(cancel);
  });
  return sent;
}

/** Does the work when there is a place for this owner, unless it is over before. */
async function inPlace(
  { queue, running }: MailPlaces,
  owner: string,
  work: () => Promise<void>,
  over: AbortSignal,
): Promise<void> {
  const begin = () => {
    const done = work();
    const ended = done.catch(() => undefined).finally(() => running.delete(ended));
    running.add(ended);
    return done;
  };
  try {
    await queue.run(owner, begin, over);
  } catch (error) {
    if (error !== over.reason) throw error;
  }
}

async function readDue({ db, clock }: MailDeps, kinds: readonly MailKind[]): Promise<DueMail[]> {
  const due = await db
    .select({ row: mailOutbox, workspaceId: workspaceInvitations.workspaceId })
    .from(mailOutbox)
    .leftJoin(workspaceInvitations, eq(workspaceInvitations.id, mailOutbox.invitationId))
    .where(and(lte(mailOutbox.nextAttemptAt, clock.now()), inArray(mailOutbox.kind, [...kinds])))
    .orderBy(asc(mailOutbox.nextAttemptAt), asc(mailOutbox.id))
    .limit(SCAN_LIMIT);
  const counts = new Map<string, number>();
  const inTurn = due.map(({ row, workspaceId }) => {
    const { address } = row;
    const owner = workspaceId === null ? address.slice(address.lastIndexOf('@')) : String(workspaceId);
    const turn = counts.get(owner) ?? 0;
    counts.set(owner, turn + 1);
    return { row, owner, turn };
  });
  inTurn.sort((a, b) => a.turn - b.turn);
  return inTurn.slice(0, BATCH_SIZE);
}

interface DueMail {
  row: Row;
  /** the workspace that invites, else the domain that is written to */
  owner: string;
}

async function claim({ db, clock }: MailDeps, row: Row): Promise<boolean> {
  const pauseMs = backoffMs(RETRY, row.attempts + 1);
  const nextAttemptAt = clock.now() + Math.round(between(pauseMs, pauseMs * 1.25, Math.random()));
  const claimed = await db
    .update(mailOutbox)
    .set({ attempts: sql`${mailOutbox.attempts} + 1`, nextAttemptAt })
    .where(and(eq(mailOutbox.id, row.id), eq(mailOutbox.attempts, row.attempts)));
  return affected(claimed) === 1;
}

/** As before the attempt, which says nothing of this mail, behind the others that are due: none is the one that always tries. */
async function giveBack({ db, clock }: MailDeps, { id, attempts }: Row): Promise<void> {
  await db
    .update(mailOutbox)
    .set({ attempts, nextAttemptAt: clock.now() })
    .where(and(eq(mailOutbox.id, id), eq(mailOutbox.attempts, attempts + 1)));
}

async function sendOne(deps: MailDeps, mailer: Mailer, row: Row): Promise<boolean> {
  if (!(await isForSomebody(deps, row))) {
    await remove(deps, row);
    return false;
  }
  try {
    const text = mailText(row.kind, row.language, linkOf(deps, row));
    await mailer.send({ id: row.id, to: row.address, ...text });
  } catch (error) {
    if (!(error instanceof MailFailure)) throw error;
    const givenUp = error.kind === 'final' || deps.clock.now() >= row.giveUpAt;
    if (error.kind === 'away' && !givenUp) {
      await giveBack(deps, row);
      return false;
    }
    const about = {
      mail: row.id,
      kind: row.kind,
      attempts: row.attempts + 1,
      givenUp,
      reason: error.message,
    };
    deps.logger.warn('a mail was not sent', about);
    if (givenUp) await remove(deps, row);
    return false;
  }
  await remove(deps, row);
  return true;
}

/** A new password may be asked for with any address; one that nobody has gets no mail. */
async function isForSomebody({ db }: MailDeps, { resetId }: Row): Promise<boolean> {
  if (resetId === null) return true;
  const [reset] = await db
    .select({ userId: passwordResets.userId })
    .from(passwordResets)
    .where(eq(passwordResets.id, resetId));
  return reset !== undefined && reset.userId !== 0;
}

const remove = ({ db }: MailDeps, row: Row) => db.delete(mailOutbox).where(eq(mailOutbox.id, row.id));

function linkOf(deps: MailDeps, { registrationId, invitationId, resetId }: Row): string {
  const page = `${deps.config.publicUrl}/dashboard`;
  if (invitationId !== null) return `${page}/join?token=${invitationToken(deps, invitationId)}`;
  if (resetId !== null) return `${page}/reset-password?token=${resetToken(deps, resetId)}`;
  if (registrationId === null) return `${page}/sign-in`;
  return `${page}/verify-email?token=${verificationToken(deps, registrationId)}`;
}

/** Forgets registrations that were not confirmed in time, and mails that could not be sent. */
export async function forgetUnconfirmed({ db, clock }: Pick<Deps, 'db' | 'clock'>): Promise<void> {
  const now = clock.now();
  await db.delete(pendingRegistrations).where(lte(pendingRegistrations.expiresAt, now));
  await db.delete(mailOutbox).where(lte(mailOutbox.giveUpAt, now - RETRY.maxMs));
}
