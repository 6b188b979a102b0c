/** A person's own second factors: setting up, giving one again, taking away. */
import { and, eq, isNull } from 'drizzle-orm';
import QRCode from 'qrcode';
import type { Tx } from '../../../db/client.ts';
import { affected, transact } from '../../../db/ops.ts';
import { secondFactors, signIns, users } from '../../../db/schema.ts';
import { record } from '../../../events/record.ts';
import type { EventName } from '../../../events/table.ts';
import { MINUTE_MS } from '../../../utils/durations.ts';
import { AppError } from '../../../utils/errors.ts';
import { newId } from '../../../utils/ids.ts';
import { requireSelf } from '../../access.ts';
import { type Ctx, originOf, withParts } from '../../context.ts';
import type { UserRow } from '../../users.ts';
import { accountOf } from '../../workspaces/own.ts';
import { forgetNetworks } from '../known-devices.ts';
import { NO_PASSWORD } from '../passwords.ts';
import { endSignInsOf, forgetProofs, goOnSignIn, isProven, markProven } from '../sign-ins.ts';
import { countAttempt, forgetFailures } from '../throttle.ts';
import { ownRow, requirePassword } from '../verbs.ts';
import { beginStep, type ChallengeRow, readStep, takeStep } from './challenges.ts';
import { checkCreation, creationOptions, passkeySite } from './passkeys.ts';
import { type FactorKind, type FactorRow, type Proof, readFactors, readProof, takeCounter } from './proof.ts';
import { countRecoveryCodes, dropRecoveryCodes, makeRecoveryCodes } from './recovery.ts';
import type {
  ConfirmFactorFields,
  ConfirmPasskeyFields,
  ConfirmTotpFields,
  EnrolFields,
  EnrolTotpFields,
  FactorParams,
  PasswordAndFactorFields,
} from './schemas.ts';
import { passkeyOptions } from './sign-in.ts';
import { describeTotp, newTotpSecret, stepOfCode } from './totp.ts';

/** Nobody needs more; it bounds what one account can make. */
const MAX_FACTORS = 10;
/** Wrong codes of somebody who is signed in that cost nothing. */
const FREE_CODES = 5;
/** In all sign-ins together. */
const FREE_CODES_OF_PERSON = 20;
/** So long after a sign-in the password need not be given again to set up a factor. */
const FRESH_MS = 15 * MINUTE_MS;
const DEFAULT_NAMES: Record<FactorKind, string> = { totp: 'Authenticator app', passkey: 'Passkey' };

export interface FactorInfo {
  id: string;
  kind: FactorKind;
  name: string;
  createdAt: string;
  lastUsedAt: string | null;
}

export interface FactorsView {
  data: FactorInfo[];
  recoveryCodesLeft: number;
  /** the workspace asks for one, and none was given in this sign-in */
  missing: boolean;
  /** a second factor was given in this sign-in */
  proven: boolean;
  /** browsers have passkeys for the address of this service */
  passkeysPossible: boolean;
  /** false: signs in with an OpenID provider only */
  hasPassword: boolean;
}

export interface NewFactor {
  /** of the same sign-in, in which the factor was given */
  token: string;
  data: FactorInfo;
  /** of the first factor: shown once, here; null with a further one */
  recoveryCodes: string[] | null;
}

/** The caller's second factors. Throws FORBIDDEN for a key. */
export async function listFactors(ctx: Ctx): Promise<FactorsView> {
  requireSelf(ctx);
  const rows = await readFactors(ctx.db, ctx.actor.personId);
  return {
    data: rows.map(toInfo),
    recoveryCodesLeft: rows.length === 0 ? 0 : await countRecoveryCodes(ctx.db, ctx.actor.personId),
    missing: ctx.actor.lacksFactor === true,
    proven: await isProven(ctx),
    passkeysPossible: passkeySite(ctx.config) !== null,
    hasPassword: (await ownRow(ctx)).passwordHash !== NO_PASSWORD,
  };
}

export interface TotpToConfirm {
  id: string;
  /** base32: the secret is returned once, here */
  secret: string;
  /** `otpauth://…` */
  uri: string;
  /** `uri` as an image, `data:image/png` */
  qrCode: string;
}

/**
 * Begins to set up an authenticator app; it counts from `confirmTotp` on, and one that was begun before is over. Throws
 * FORBIDDEN, SECOND_FACTOR_MISSING for whoever has a factor and has not given it in this sign-in, VALIDATION_FAILED when
 * the password is needed, CONFLICT at ten factors.
 */
export async function enrolTotp(ctx: Ctx, input: EnrolTotpFields): Promise<TotpToConfirm> {
  const row = await requireMayEnrol(ctx, input);
  const now = ctx.clock.now();
  const id = newId(now);
  const secret = newTotpSecret(ctx.secrets, id);
  await transact(ctx.db, async (tx) => {
    const begun = and(eq(secondFactors.userId, row.id), isNull(secondFactors.confirmedAt));
    await tx.delete(secondFactors).where(begun);
    const name = input.name ?? DEFAULT_NAMES.totp;
    await tx.insert(secondFactors).values({ id, userId: row.id, kind: 'totp', name, secret, createdAt: now });
  });
  const described = describeTotp(ctx.secrets, { id, secret }, row.email);
  return { id, ...described, qrCode: await QRCode.toDataURL(described.uri, { margin: 1, width: 240 }) };
}

/**
 * The app shows the right code: from now on it is asked for, and this sign-in has given it. Throws NOT_FOUND for one that
 * was not begun, VALIDATION_FAILED for a wrong code, RATE_LIMITED after too many.
 */
export async function confirmTotp(ctx: Ctx, input: ConfirmTotpFields): Promise<NewFactor> {
  requireSelf(ctx);
  const { personId } = ctx.actor;
  const begun = and(
    eq(secondFactors.id, input.id),
    eq(secondFactors.userId, personId),
    isNull(secondFactors.confirmedAt),
  );
  const [row] = await ctx.db.select().from(secondFactors).where(begun);
  if (!row || row.secret === null) throw new AppError('NOT_FOUND', 'Begin to set up the app once more.');
  const { secret } = row;
  const code = input.code.replace(/\s/g, '');
  const step = await counted(ctx, async () =>
    stepOfCode(ctx.secrets, { ...row, secret }, code, ctx.clock.now()),
  );
  return transact(ctx.db, async (tx) => {
    const at = ctx.clock.now();
    const confirmed = await tx.update(secondFactors).set({ confirmedAt: at }).where(begun);
    if (affected(confirmed) === 0) throw new AppError('NOT_FOUND', 'This app was set up already.');
    await takeCounter(tx, ctx, row.id, step);
    return added(tx, ctx, { ...row, confirmedAt: at, lastUsedAt: at });
  });
}

/** What `navigator.credentials.create` is asked with, and the token for `confirmPasskey`. Throws as `enrolTotp`, NOT_SUPPORTED. */
export async function enrolPasskey(
  ctx: Ctx,
  input: EnrolFields,
): Promise<{ token: string; options: Record<string, unknown>; expiresAt: string }> {
  const row = await requireMayEnrol(ctx, input);
  const step = { userId: row.id, step: 'enrol', version: row.tokenVersion } as const;
  const { token, challenge, expiresAt } = await beginStep(ctx, step);
  const known = (await readFactors(ctx.db, row.id)).flatMap(({ credentialId }) =>
    credentialId === null ? [] : [{ credentialId }],
  );
  const { id: userId, email, name } = row;
  return {
    token,
    expiresAt,
    options: await creationOptions(ctx.config, { userId, email, name, challenge, known }),
  };
}

/** Keeps the passkey that the browser has made. Throws NOT_FOUND when the step is over, VALIDATION_FAILED, CONFLICT. */
export async function confirmPasskey(ctx: Ctx, input: ConfirmPasskeyFields): Promise<NewFactor> {
  requireSelf(ctx);
  const { personId } = ctx.actor;
  const step = await readStep(ctx, input.token, 'enrol');
  if (step?.userId !== personId) throw stepIsOver();
  const made = await checkCreation(ctx.config, input.attestation, step.challenge);
  if (made === null) {
    const details = { attestation: 'is not right' };
    throw new AppError('VALIDATION_FAILED', 'The passkey was not made for this page.', { details });
  }
  return transact(ctx.db, async (tx) => {
    const now = ctx.clock.now();
    if (!(await takeStep(tx, step))) throw stepIsOver();
    const before = await readFactors(tx, personId);
    if (before.some(({ credentialId }) => credentialId === made.credentialId)) {
      throw new AppError('CONFLICT', 'This passkey is set up already.');
    }
    const row: FactorRow = {
      ...made,
      id: newId(now),
      userId: personId,
      kind: 'passkey',
      name: input.name ?? DEFAULT_NAMES.passkey,
      secret: null,
      confirmedAt: now,
      createdAt: now,
      lastUsedAt: null,
    };
    await tx.insert(secondFactors).values(row);
    return added(tx, ctx, row);
  });
}

/** A step for a passkey of somebody who is signed in: its token goes with the assertion. Throws NOT_FOUND, NOT_SUPPORTED. */
export async function askPasskey(
  ctx: Ctx,
): Promise<{ token: string; options: Record<string, unknown>; expiresAt: string }> {
  requireSelf(ctx);
  const row = await ownRow(ctx);
  const step = await beginStep(ctx, { userId: row.id, step: 'prove', version: row.tokenVersion });
  const options = await passkeyOptions(ctx, { userId: row.id, challenge: step.challenge });
  return { token: step.token, expiresAt: step.expiresAt, options };
}

/**
 * Gives the second factor in the sign-in of this token, where a workspace asks for one. The new token is of the same
 * sign-in. Throws VALIDATION_FAILED for a wrong code, RATE_LIMITED.
 */
export async function confirmFactor(ctx: Ctx, input: ConfirmFactorFields): Promise<{ token: string }> {
  requireSelf(ctx);
  const row = await ownRow(ctx);
  const proof = await requireProof(ctx, input);
  const signIn = await transact(ctx.db, async (tx) => {
    await useProof(tx, ctx, proof);
    const goesOn = await goOnSignIn(tx, ctx, true);
    await markProven(tx, goesOn.id, ctx.clock.now());
    tx.afterCommitAsked(() => ctx.credentials.forget(row.id));
    return goesOn;
  });
  return { token: ctx.credentials.signToken(row.id, row.tokenVersion, ctx.actor.userId, signIn) };
}

/**
 * Takes a factor away; the recovery codes go with the last one. Throws NOT_FOUND, VALIDATION_FAILED for a wrong password or
 * code, CONFLICT for whoever has no password and signed in a while ago, RATE_LIMITED.
 */
export async function removeFactor(ctx: Ctx, input: FactorParams & PasswordAndFactorFields): Promise<void> {
  const { personId } = ctx.actor;
  const proof = await requireBoth(ctx, input);
  await transact(ctx.db, async (tx) => {
    await lockPerson(tx, ctx);
    await useProof(tx, ctx, proof);
    const own = and(eq(secondFactors.id, input.id), eq(secondFactors.userId, personId));
    const [row] = await tx.select().from(secondFactors).where(own);
    if (!row) throw new AppError('NOT_FOUND', 'There is no such second factor.');
    await tx.delete(secondFactors).where(own);
    if ((await readFactors(tx, personId)).length === 0) await endProofs(tx, personId);
    await note(tx, ctx, 'auth.second_factor_removed', row.id, { kind: row.kind, name: row.name });
    tx.afterCommitAsked(() => ctx.credentials.forget(personId));
  });
}

/** Ten new recovery codes; those of before are over. Throws CONFLICT without a second factor, VALIDATION_FAILED, RATE_LIMITED. */
export async function renewRecoveryCodes(ctx: Ctx, input: PasswordAndFactorFields): Promise<string[]> {
  const { personId } = ctx.actor;
  const proof = await requireBoth(ctx, input);
  return transact(ctx.db, async (tx) => {
    await lockPerson(tx, ctx);
    await useProof(tx, ctx, proof);
    await note(tx, ctx, 'auth.recovery_codes_made');
    return makeRecoveryCodes(tx, personId, ctx.clock.now());
  });
}

async function requireMayEnrol(ctx: Ctx, input: EnrolFields): Promise<UserRow> {
  const row = await requireFreshProof(ctx, input);
  if ((await readFactors(ctx.db, row.id)).length >= MAX_FACTORS) {
    throw new AppError('CONFLICT', `One person can have at most ${MAX_FACTORS} second factors.`);
  }
  return row;
}

/**
 * The caller, who adds a way to sign in. Throws FORBIDDEN for a key, SECOND_FACTOR_MISSING for whoever has a factor and has
 * not given it in this sign-in, VALIDATION_FAILED for a wrong password and without one in a sign-in older than 15 minutes,
 * RATE_LIMITED.
 */
export async function requireFreshProof(ctx: Ctx, { password }: EnrolFields): Promise<UserRow> {
  requireSelf(ctx);
  const row = await ownRow(ctx);
  const factors = await readFactors(ctx.db, row.id);
  if (factors.length > 0 && !(await isProven(ctx))) throw giveFirst();
  if (row.passwordHash === NO_PASSWORD) await requireFresh(ctx);
  else if (password !== undefined) await requirePassword(ctx, row, { password });
  else if (!(await isFresh(ctx))) {
    throw passwordMissing('You signed in a while ago: send the password as well.');
  }
  return row;
}

async function isFresh({ db, actor, clock }: Ctx): Promise<boolean> {
  if (actor.signInId === undefined) return false;
  const [row] = await db
    .select({ createdAt: signIns.createdAt })
    .from(signIns)
    .where(eq(signIns.id, actor.signInId));
  return row !== undefined && clock.now() - row.createdAt < FRESH_MS;
}

/**
 * The factor counts from now on. With the first one come recovery codes, and this sign-in has given it; all others are over,
 * and known from here alone.
 */
async function added(tx: Tx, ctx: Ctx, row: FactorRow): Promise<NewFactor> {
  const { personId } = ctx.actor;
  const now = ctx.clock.now();
  const person = await lockPerson(tx, ctx);
  const others = (await readFactors(tx, personId)).filter(({ id }) => id !== row.id);
  const isFirst = others.length === 0;
  if (!isFirst && !(await isProven(withParts(ctx, { db: tx })))) throw giveFirst();
  const signIn = await goOnSignIn(tx, ctx, isFirst);
  if (isFirst) {
    await markProven(tx, signIn.id, now);
    await endSignInsOf(tx, personId, signIn.id);
    await forgetNetworks(tx, ctx, personId);
  }
  await note(tx, ctx, 'auth.second_factor_added', row.id, { kind: row.kind, name: row.name });
  tx.afterCommitAsked(() => ctx.credentials.forget(personId));
  const recoveryCodes = isFirst ? await makeRecoveryCodes(tx, personId, now) : null;
  const token = ctx.credentials.signToken(personId, person.tokenVersion, ctx.actor.userId, signIn);
  return { token, data: toInfo(row), recoveryCodes };
}

/** Changes of one person's factors wait for each other. */
async function lockPerson(tx: Tx, { actor }: Ctx): Promise<UserRow> {
  const active = and(eq(users.id, actor.personId), eq(users.status, 'active'));
  await tx.update(users).set({ status: 'active' }).where(active);
  const [row] = await tx.select().from(users).where(active);
  if (!row) throw new AppError('UNAUTHORIZED', 'This user is gone.');
  return row;
}

interface Given {
  proof: Proof;
  /** what the passkey had to sign */
  step: ChallengeRow | null;
}

async function requireBoth(ctx: Ctx, input: PasswordAndFactorFields): Promise<Given> {
  requireSelf(ctx);
  const row = await ownRow(ctx);
  if ((await readFactors(ctx.db, row.id)).length === 0) {
    throw new AppError('CONFLICT', 'There is no second factor yet: set one up first.');
  }
  if (row.passwordHash === NO_PASSWORD) await requireFresh(ctx);
  else if (input.password === undefined) throw passwordMissing('Send the password as well.');
  else await requirePassword(ctx, row, { password: input.password });
  return requireProof(ctx, input);
}

/** For whoever has no password to give. */
async function requireFresh(ctx: Ctx): Promise<void> {
  if (await isFresh(ctx)) return;
  throw new AppError('CONFLICT', 'You signed in a while ago: sign out, sign in again, and try once more.');
}

function passwordMissing(message: string): AppError {
  return new AppError('VALIDATION_FAILED', message, { details: { password: 'is required' } });
}

async function requireProof(ctx: Ctx, input: ConfirmFactorFields): Promise<Given> {
  const { personId } = ctx.actor;
  const step = input.token === undefined ? null : await readStep(ctx, input.token, 'prove');
  if (input.assertion !== undefined && step?.userId !== personId) throw stepIsOver();
  const proof = await counted(ctx, () => readProof(ctx, personId, input, step?.challenge ?? null));
  return { proof, step };
}

/** Throws VALIDATION_FAILED for nothing right, RATE_LIMITED after too many of those. */
async function counted<T>(ctx: Ctx, read: () => Promise<T | null>): Promise<T> {
  const { personId, signInId } = ctx.actor;
  const here = { key: `factor:own:${signInId ?? personId}`, free: FREE_CODES };
  const account = { key: `factor:person:${personId}`, free: FREE_CODES_OF_PERSON };
  return ctx.credentials.inTurn(account.key, async () => {
    await countAttempt(ctx.db, [here, account], [], ctx.clock.now());
    const found = await read();
    if (found === null) throw wrongCode();
    for (const throttle of [here, account]) await forgetFailures(ctx.db, throttle);
    return found;
  });
}

async function useProof(tx: Tx, ctx: Ctx, { proof, step }: Given): Promise<void> {
  if (proof.by === 'passkey' && step !== null && !(await takeStep(tx, step))) throw stepIsOver();
  if (!(await proof.use(tx))) throw wrongCode();
  if (proof.by === 'recovery_code') await note(tx, ctx, 'auth.recovery_code_used');
}

/** No factor is left: the codes go, and no sign-in is proven any more. */
export async function endProofs(tx: Tx, personId: number): Promise<void> {
  await dropRecoveryCodes(tx, personId);
  await forgetProofs(tx, personId);
}

async function note(
  tx: Tx,
  ctx: Ctx,
  event: EventName,
  subject?: string,
  data: Record<string, unknown> = {},
): Promise<void> {
  const account = await accountOf(tx, ctx.actor.personId);
  const about = subject === undefined ? {} : { subject };
  await record(tx, ctx, [{ ...account, event, ...about, data, origin: originOf(ctx) }]);
}

function toInfo({ id, kind, name, createdAt, lastUsedAt }: FactorRow): FactorInfo {
  const toIso = (at: number) => new Date(at).toISOString();
  return {
    id,
    kind,
    name,
    createdAt: toIso(createdAt),
    lastUsedAt: lastUsedAt === null ? null : toIso(lastUsedAt),
  };
}

function wrongCode(): AppError {
  return new AppError('VALIDATION_FAILED', 'The code is not right, or it was used before.', {
    details: { code: 'is not right' },
  });
}

function stepIsOver(): AppError {
  return new AppError('NOT_FOUND', 'This step took too long: begin it again.');
}

function giveFirst(): AppError {
  return new AppError('SECOND_FACTOR_MISSING', 'Give the second factor that you have first.');
}
