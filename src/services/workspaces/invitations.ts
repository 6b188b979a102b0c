/** Asking people to become members: by e-mail where there is an SMTP server, and by a link that is handed over. */

import { and, asc, count, eq, gt, inArray } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { mailOutbox, users, workspaceInvitations, workspaceMembers, workspaces } from '../../db/schema.ts';
import { spendFromWindow } from '../../db/windows.ts';
import { record } from '../../events/record.ts';
import { sha256Hex } from '../../utils/crypto.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { newApiKey } from '../auth/keys.ts';
import { hashPassword } from '../auth/passwords.ts';
import { checkPassword, finishSignIn, type SignedIn, signedInAs, signedInStill } from '../auth/verbs.ts';
import { askedBound, readBound, shownBound, toKept } from '../bound.ts';
import { type Actor, type Ctx, originOf, withParts } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import { mailFailureWords } from '../mail/failure-words.ts';
import type { MailFailureReason } from '../mail/failures.ts';
import { enqueueMail, invitationToken, readInvitationToken } from '../mail/outbox.ts';
import { languageOf, type MailLanguage } from '../mail/texts.ts';
import { takeRoom } from '../quotas.ts';
import type { WorkspaceRole } from '../roles.ts';
import { findUser, insertUser, type UserRow } from '../users.ts';
import { addMember, type Joins } from './add-member.ts';
import { ownersSeeAll } from './members.ts';
import type { AcceptFields, InvitationFields } from './schemas.ts';
import { enterTeam, lockWorkspace, mayInviteAs, mayStillManage, requireRank, requireTeam } from './team.ts';

const LIFE_MS = 7 * DAY_MS;
/** Open at a time; each is a link that opens the workspace. */
const MAX_OPEN = 100;
/** Mails that one address gets in a day, of all workspaces together: nobody's inbox is filled. */
const MAILS_PER_DAY = 3;
/** Mails that one workspace sends in a day. */
const MAILS_OF_WORKSPACE = 50;

/** An invitation as it is kept. */
export type InvitationRow = typeof workspaceInvitations.$inferSelect;
type Row = InvitationRow;

export interface InvitationInfo {
  id: string;
  email: string;
  role: WorkspaceRole;
  /** the sessions that they will see; null: all */
  sessionIds: string[] | null;
  /** the first of them */
  sessionId: string | null;
  invitedBy: number;
  /** its mail has not been handed over yet */
  mailWaiting: boolean;
  /** why nobody gets its mail; null: that is not known of it */
  mailFailure: InvitationMailFailure | null;
  createdAt: string;
  expiresAt: string;
}

export interface InvitationMailFailure {
  at: string;
  reason: MailFailureReason;
  /** for a person */
  text: string;
  /** what to do */
  fix: string;
}

export interface NewInvitation extends InvitationInfo {
  /** null where the service sends mails: whoever has the link may open an account with that address */
  token: string | null;
  /** the page that the token opens */
  url: string | null;
  /** a mail with the link is on its way */
  mailed: boolean;
}

/**
 * Invites somebody for seven days; an invitation of that address that was open is over. The link works once; where the
 * service sends mails only the mail has it, so that an account that is made by it has a proven address. Throws FORBIDDEN,
 * CONFLICT for whoever is a member already and at 100 open invitations, RATE_LIMITED.
 */
export async function inviteMember(
  ctx: Ctx,
  input: InvitationFields & { language?: MailLanguage | undefined },
): Promise<NewInvitation> {
  requireTeam(ctx);
  requireRank(ctx, input.role);
  const sessions = askedBound(input) ?? null;
  if (input.role === 'owner' && sessions !== null) throw ownersSeeAll();
  const { userId: workspaceId, personId } = ctx.actor;
  const sendsMails = ctx.config.smtp !== null;
  const mailed = sendsMails && (await spendMail(ctx, input.email));
  const now = ctx.clock.now();
  const row = {
    id: newId(now),
    workspaceId,
    email: input.email,
    role: input.role,
    ...toKept(sessions),
    invitedBy: personId,
    createdAt: now,
    expiresAt: now + LIFE_MS,
    ...(sendsMails && !mailed
      ? await failureWithoutMail(ctx, input.email, now)
      : { mailFailedAt: null, mailFailure: null }),
  };
  const made: NewInvitation = { ...toInfo(row, mailed), token: null, url: null, mailed };
  await transact(ctx.db, async (tx) => {
    requireRank(await enterTeam(tx, ctx, 'members'), input.role);
    await refuseMember(tx, workspaceId, input.email);
    const earlier = and(
      eq(workspaceInvitations.workspaceId, workspaceId),
      eq(workspaceInvitations.email, input.email),
    );
    await tx.delete(workspaceInvitations).where(earlier);
    await takePlace(tx, workspaceId, now);
    await tx.insert(workspaceInvitations).values(row);
    const language = input.language ?? languageOf(ctx.config);
    if (mailed) {
      const mail = { kind: 'invitation' as const, address: row.email, language, invitationId: row.id };
      await enqueueMail(tx, ctx, mail);
    }
    const data = { email: row.email, role: row.role, sessions };
    const fact = { userId: workspaceId, event: 'member.invited' as const, subject: row.id };
    await record(tx, ctx, [{ ...fact, data, origin: originOf(ctx) }]);
    // A repeated request is told of the invitation, but a secret is in no stored answer.
    await claimIdempotency(ctx, tx, { status: 201, body: { success: true, data: made } }, { final: true });
  });
  if (sendsMails) return made;
  const token = invitationToken(ctx, row.id);
  return { ...made, token, url: urlOf(ctx, token) };
}

/** The invitations of the workspace that open something now, oldest first. Throws FORBIDDEN. */
export async function listInvitations(ctx: Ctx): Promise<InvitationInfo[]> {
  requireTeam(ctx);
  const maker = and(
    eq(workspaceMembers.workspaceId, workspaceInvitations.workspaceId),
    eq(workspaceMembers.userId, workspaceInvitations.invitedBy),
  );
  const rows = await ctx.db
    .select({ row: workspaceInvitations, maker: workspaceMembers, serviceRole: users.role })
    .from(workspaceInvitations)
    .innerJoin(workspaceMembers, maker)
    .innerJoin(users, and(eq(users.id, workspaceMembers.userId), eq(users.status, 'active')))
    .where(
      and(
        eq(workspaceInvitations.workspaceId, ctx.actor.userId),
        gt(workspaceInvitations.expiresAt, ctx.clock.now()),
      ),
    )
    .orderBy(asc(workspaceInvitations.id))
    .limit(MAX_OPEN);
  // One whose maker is disabled, or may not invite so any more, opens nothing; it may again when that changes.
  const isOpen = ({ row, maker: by, serviceRole }: (typeof rows)[number]) =>
    mayInviteAs({ ...by, serviceRole }, row.role);
  const open = rows.filter(isOpen).map(({ row }) => row);
  const waiting = await readWaitingMails(ctx, open);
  return open.map((row) => toInfo(row, waiting.has(row.id)));
}

/** Those of these invitations whose mail the server has not taken yet. */
async function readWaitingMails({ db }: Ctx, invitations: readonly Row[]): Promise<Set<string | null>> {
  const { invitationId } = mailOutbox;
  const ids = invitations.map(({ id }) => id);
  if (ids.length === 0) return new Set();
  const rows = await db.select({ id: invitationId }).from(mailOutbox).where(inArray(invitationId, ids));
  return new Set(rows.map(({ id }) => id));
}

/** Ends an invitation. Throws FORBIDDEN, NOT_FOUND. */
export async function revokeInvitation(ctx: Ctx, input: { id: string }): Promise<void> {
  requireTeam(ctx);
  const { userId: workspaceId } = ctx.actor;
  const own = and(eq(workspaceInvitations.id, input.id), eq(workspaceInvitations.workspaceId, workspaceId));
  await transact(ctx.db, async (tx) => {
    const caller = await enterTeam(tx, ctx, 'members');
    const [row] = await tx.select().from(workspaceInvitations).where(own);
    if (!row) throw new AppError('NOT_FOUND', 'There is no such invitation.');
    requireRank(caller, row.role);
    await tx.delete(workspaceInvitations).where(own);
    const fact = { userId: workspaceId, event: 'member.invitation_revoked' as const, subject: row.id };
    await record(tx, ctx, [{ ...fact, data: { email: row.email, role: row.role }, origin: originOf(ctx) }]);
  });
}

/** The invitation as the holder of its link is told of it: not whether that address has an account, which is nobody's business. */
export interface OpenInvitation {
  workspace: string;
  email: string;
  role: WorkspaceRole;
}

/** Throws NOT_FOUND for a token that is not ours, used, ended or older than seven days. */
export async function readInvitation(ctx: Ctx, input: { token: string }): Promise<OpenInvitation> {
  const { row, name } = await findOpen(ctx, input.token);
  return { workspace: name, email: row.email, role: row.role };
}

/**
 * Makes whom the token was made for a member, once: a new person with this name (the beginning of the address when it is
 * missing) and password, or one who has an account with that address and proves it by its password or by being signed in
 * (`signedInAs`). The link alone proves nothing: it may have been handed to anybody. Throws NOT_FOUND, VALIDATION_FAILED
 * without a password, UNAUTHORIZED for a wrong one, RATE_LIMITED, SECOND_FACTOR_REQUIRED for whoever has a second factor
 * and is not signed in.
 */
export async function acceptInvitation(
  ctx: Ctx,
  input: AcceptFields & { signedInAs?: Actor | null },
): Promise<SignedIn> {
  const { row } = await findOpen(ctx, input.token);
  const known = await findPerson(ctx, row.email);
  const actor = input.signedInAs ?? ctx.actor;
  const isProven = known !== null && known.id === actor.personId;
  if (!isProven && input.password === undefined) {
    const details = { password: 'is required' };
    throw new AppError('VALIDATION_FAILED', 'Send the password of the account, or of a new one.', {
      details,
    });
  }
  if (known !== null && !isProven) {
    await checkPassword(ctx, { email: row.email, password: input.password ?? '' });
  }
  const fresh = known === null ? await newPerson(row, input) : null;
  const person = await transact(ctx.db, (tx) => join(ctx, tx, row, known, fresh));
  if (known === null) return signedInAs(ctx, person);
  return isProven ? signedInStill(withParts(ctx, { actor }), person) : finishSignIn(ctx, person);
}

interface Fresh {
  name: string;
  passwordHash: string;
}

async function newPerson({ email }: Row, { name, password = '' }: AcceptFields): Promise<Fresh> {
  const named = name ?? email.split('@')[0]?.slice(0, MAX_NAME) ?? email;
  return { name: named, passwordHash: await hashPassword(password) };
}

/** As long as the name of a person may be. */
const MAX_NAME = 120;

async function join(
  ctx: Ctx,
  tx: Tx,
  row: Row,
  known: UserRow | null,
  fresh: Fresh | null,
): Promise<UserRow> {
  if (known === null) {
    if (fresh === null) throw new Error('a new person has no password');
    const person = { ...fresh, email: row.email, role: 'user' as const, apiKey: newApiKey() };
    return joinAsNew(ctx, tx, row, (joins) => insertUser(tx, ctx, { ...person, joins }));
  }
  const joins = await useUp(ctx, tx, row);
  const { workspaceId } = row;
  if (await addMember(tx, ctx, joins, known.id)) await recordJoin(ctx, tx, row, known.id);
  await tx.update(users).set({ workspaceId }).where(eq(users.id, known.id));
  tx.afterCommitAsked(() => ctx.credentials.forget(known.id));
  return findUser(tx, known.id);
}

/**
 * Makes whom `insert` adds a member, once, in the caller's transaction: a new person, who was told apart from others by the
 * caller. Throws NOT_FOUND for an invitation that is over, QUOTA_EXCEEDED when the workspace has no place left.
 */
export async function joinAsNew(
  ctx: Ctx,
  tx: Tx,
  row: InvitationRow,
  insert: (joins: Joins) => Promise<UserRow>,
): Promise<UserRow> {
  const joins = await useUp(ctx, tx, row);
  await takeRoom(tx, ctx, row.workspaceId, 'members');
  const made = await insert(joins);
  await recordJoin(ctx, tx, row, made.id);
  return made;
}

/** Takes the invitation, with the members of its workspace locked. Throws NOT_FOUND. */
async function useUp(ctx: Ctx, tx: Tx, row: Row): Promise<Joins> {
  const { workspaceId, role } = row;
  await lockWorkspace(tx, workspaceId, ctx.clock.now());
  const used = await tx.delete(workspaceInvitations).where(eq(workspaceInvitations.id, row.id));
  if (affected(used) === 0) throw isOver();
  // Whoever was disabled or made read-only by the service's administrators invites nobody any more.
  if (!(await mayStillManage(tx, { ...row, by: row.invitedBy }))) throw isOver();
  return { workspaceId, role, sessions: readBound(row) };
}

/** The invitation of this token. Throws NOT_FOUND when it is not ours, used, ended or older than seven days. */
export async function findInvitation(ctx: Ctx, token: string): Promise<InvitationRow> {
  return (await findOpen(ctx, token)).row;
}

function recordJoin(ctx: Ctx, tx: Tx, row: Row, personId: number): Promise<void> {
  const { workspaceId, role, invitedBy } = row;
  const data = { userId: personId, role, sessions: readBound(row), invitedBy };
  const origin = { ...originOf(ctx), actorId: personId };
  return record(tx, ctx, [
    { userId: workspaceId, event: 'member.added', subject: String(personId), data, origin },
  ]);
}

async function findOpen(ctx: Ctx, token: string): Promise<{ row: Row; name: string }> {
  const id = readInvitationToken(ctx, token);
  if (id === null) throw isOver();
  const [found] = await ctx.db
    .select({ row: workspaceInvitations, name: workspaces.name })
    .from(workspaceInvitations)
    .innerJoin(
      workspaces,
      and(eq(workspaces.id, workspaceInvitations.workspaceId), eq(workspaces.status, 'active')),
    )
    .where(and(eq(workspaceInvitations.id, id), gt(workspaceInvitations.expiresAt, ctx.clock.now())));
  if (!found) throw isOver();
  return found;
}

async function findPerson(ctx: Ctx, email: string): Promise<UserRow | null> {
  const [row] = await ctx.db.select().from(users).where(eq(users.email, email));
  return row ?? null;
}

async function refuseMember(tx: Tx, workspaceId: number, email: string): Promise<void> {
  const [member] = await tx
    .select({ id: users.id })
    .from(workspaceMembers)
    .innerJoin(users, eq(users.id, workspaceMembers.userId))
    .where(and(eq(workspaceMembers.workspaceId, workspaceId), eq(users.email, email)));
  if (member) throw new AppError('CONFLICT', 'Whoever has this address is a member already.');
}

async function takePlace(tx: Tx, workspaceId: number, now: number): Promise<void> {
  const [open] = await tx
    .select({ n: count() })
    .from(workspaceInvitations)
    .where(and(eq(workspaceInvitations.workspaceId, workspaceId), gt(workspaceInvitations.expiresAt, now)));
  if (Number(open?.n ?? 0) < MAX_OPEN) return;
  throw new AppError('CONFLICT', `At most ${MAX_OPEN} invitations can be open: end one that is not needed.`);
}

/**
 * False when that address had its mails of today, some of other workspaces maybe: nobody can keep it from being invited by
 * spending them. Throws RATE_LIMITED when the workspace had its own.
 */
async function spendMail(ctx: Ctx, email: string): Promise<boolean> {
  const now = ctx.clock.now();
  const ofWorkspace = {
    key: `invite:workspace:${ctx.actor.userId}`,
    max: MAILS_OF_WORKSPACE,
    windowMs: DAY_MS,
  };
  if ((await spendFromWindow(ctx.db, ofWorkspace, now)) === null) {
    throw new AppError('RATE_LIMITED', 'Too many invitations were sent today: go on tomorrow.', {
      retryAfterSeconds: Math.ceil((DAY_MS - (now % DAY_MS)) / 1000),
      details: { limit: MAILS_OF_WORKSPACE, windowSeconds: DAY_MS / 1000 },
    });
  }
  const ofAddress = { key: `invite:mails:${sha256Hex(email)}`, max: MAILS_PER_DAY, windowMs: DAY_MS };
  return (await spendFromWindow(ctx.db, ofAddress, now)) !== null;
}

/** Why nobody gets a mail of an invitation for which none is left: the server's own refusal of the address says more. */
async function failureWithoutMail(
  ctx: Ctx,
  email: string,
  now: number,
): Promise<Pick<Row, 'mailFailedAt' | 'mailFailure'>> {
  const { mailFailedAt, mailFailure } = workspaceInvitations;
  const [refused] = await ctx.db
    .select({ mailFailedAt, mailFailure })
    .from(workspaceInvitations)
    .where(
      and(
        eq(workspaceInvitations.workspaceId, ctx.actor.userId),
        eq(workspaceInvitations.email, email),
        eq(mailFailure, 'address_refused'),
      ),
    );
  return refused ?? { mailFailedAt: now, mailFailure: 'mails_spent' };
}

function urlOf({ config }: Pick<Ctx, 'config'>, token: string): string {
  return `${config.publicUrl}/dashboard/join?token=${token}`;
}

function isOver(): AppError {
  return new AppError(
    'NOT_FOUND',
    'This invitation was used, was ended or is older than seven days: ask for another one.',
  );
}

function toInfo(row: Row, mailWaiting: boolean): InvitationInfo {
  const { id, email, role, invitedBy, createdAt, expiresAt } = row;
  const times = { createdAt: toIso(createdAt), expiresAt: toIso(expiresAt) };
  return {
    id,
    email,
    role,
    ...shownBound(row),
    invitedBy,
    mailWaiting,
    mailFailure: failureOf(row),
    ...times,
  };
}

function failureOf({ mailFailedAt, mailFailure: reason }: Row): InvitationMailFailure | null {
  if (mailFailedAt === null || reason === null) return null;
  return { at: toIso(mailFailedAt), reason, ...mailFailureWords('en', reason) };
}

const toIso = (at: number) => new Date(at).toISOString();
