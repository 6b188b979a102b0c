/** Mails wait in the database until the server has taken them: a crash loses none. */

import { and, asc, eq, gt, inArray, lte, sql } from 'drizzle-orm';
import { readBatches } from '../../db/batches.ts';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import {
  MAIL_KINDS,
  mailOutbox,
  passwordResets,
  pendingRegistrations,
  workspaceInvitations,
} from '../../db/schema.ts';
import { type BackoffRange, backoffMs, between } from '../../utils/backoff.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import { newId } from '../../utils/ids.ts';
import { type Mailer, MailFailure, type MailFailureKind } from '../../utils/smtp.ts';
import { createPlaces, type Places, takeTurns } from '../../utils/turns-of-owners.ts';
import type { Deps } from '../context.ts';
import { failInvitation, type MailFailureReason } from './failures.ts';
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

type MailDeps = Pick<Deps, 'config' | 'db' | 'clock' | 'logger' | 'secrets' | 'stream'>;
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

/** Places of one sender. */
export function createMailPlaces(): Places {
  return createPlaces({ concurrency: AT_ONCE, perOwner: AT_ONCE_OF_OWNER, maxWaiting: BATCH_SIZE });
}

export interface SendDueOptions {
  kinds?: readonly MailKind[];
  signal?: AbortSignal;
  places?: Places;
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
  let sent = 0;
  const send = async (row: Row) => {
    if (mailer.waitMs() > 0 || !(await claim(deps, row))) return;
    if (await sendOne(deps, mailer, row)) sent++;
  };
  const due = await readDue(deps, kinds);
  const all = due.map(({ row, owner }) => ({ owner, work: () => send(row) }));
  await takeTurns(places, all, { clock: deps.clock, turnMs: TURN_MS, signal });
  return sent;
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
  if (!(await isWanted(deps, row))) {
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
    if (givenUp) await giveUp(deps, row, REASONS[error.kind]);
    return false;
  }
  await remove(deps, row);
  return true;
}

const REASONS: Record<MailFailureKind, MailFailureReason> = {
  final: 'address_refused',
  refused: 'mail_refused',
  away: 'server_away',
};

/** Ends a mail that nobody gets. Of an invitation whoever invited is told, by a mail too. */
async function giveUp(
  deps: Pick<Deps, 'db' | 'clock' | 'stream'>,
  { id, invitationId, language }: Row,
  reason: MailFailureReason,
): Promise<void> {
  await transact(deps.db, async (tx) => {
    const ended = await tx.delete(mailOutbox).where(eq(mailOutbox.id, id));
    if (affected(ended) === 0 || invitationId === null) return;
    const address = await failInvitation(tx, deps, { id: invitationId, reason });
    if (address !== null) await enqueueMail(tx, deps, { kind: 'invitation_failed', address, language });
  });
}

/**
 * Whether its link opens something still: an invitation may have been ended, and a link for a new password is over after an hour. A new
 * password may be asked for with any address; one that nobody has gets no mail.
 */
async function isWanted(
  { db, clock }: MailDeps,
  { resetId, invitationId, registrationId }: Row,
): Promise<boolean> {
  const now = clock.now();
  if (resetId !== null) {
    const { userId } = passwordResets;
    const isOpen = and(eq(passwordResets.id, resetId), gt(passwordResets.expiresAt, now));
    const [reset] = await db.select({ userId }).from(passwordResets).where(isOpen);
    return reset !== undefined && reset.userId !== 0;
  }
  if (invitationId !== null) {
    const { id, expiresAt } = workspaceInvitations;
    const isOpen = and(eq(id, invitationId), gt(expiresAt, now));
    return (await db.select({ id }).from(workspaceInvitations).where(isOpen)).length > 0;
  }
  if (registrationId === null) return true;
  const { id, expiresAt } = pendingRegistrations;
  const isOpen = and(eq(id, registrationId), gt(expiresAt, now));
  return (await db.select({ id }).from(pendingRegistrations).where(isOpen)).length > 0;
}

const remove = ({ db }: MailDeps, row: Row) => db.delete(mailOutbox).where(eq(mailOutbox.id, row.id));

function linkOf(deps: MailDeps, { kind, registrationId, invitationId, resetId }: Row): string {
  const page = `${deps.config.publicUrl}/dashboard`;
  if (kind === 'invitation_failed') return `${page}/team`;
  if (invitationId !== null) return `${page}/join?token=${invitationToken(deps, invitationId)}`;
  if (resetId !== null) return `${page}/reset-password?token=${resetToken(deps, resetId)}`;
  if (registrationId === null) return `${page}/sign-in`;
  return `${page}/verify-email?token=${verificationToken(deps, registrationId)}`;
}

/** Forgets registrations that were not confirmed in time, and gives up mails that no round got to while the server was away. */
export async function forgetUnconfirmed(deps: Pick<Deps, 'db' | 'clock' | 'stream'>): Promise<void> {
  const { db, clock } = deps;
  const now = clock.now();
  await db.delete(pendingRegistrations).where(lte(pendingRegistrations.expiresAt, now));
  const isOver = lte(mailOutbox.giveUpAt, now - RETRY.maxMs);
  const read = (last: Row | null) =>
    db
      .select()
      .from(mailOutbox)
      .where(and(isOver, gt(mailOutbox.id, last?.id ?? '')))
      .orderBy(asc(mailOutbox.id))
      .limit(BATCH_SIZE);
  for await (const rows of readBatches<Row>(BATCH_SIZE, read)) {
    for (const row of rows) await giveUp(deps, row, row.attempts > 0 ? 'mail_refused' : 'server_away');
  }
}
