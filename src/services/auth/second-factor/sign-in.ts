/** The second step of a sign-in: the code, or the signature of a passkey. */
import { eq } from 'drizzle-orm';
import { transact } from '../../../db/ops.ts';
import { users } from '../../../db/schema.ts';
import { spendFromWindow } from '../../../db/windows.ts';
import { record } from '../../../events/record.ts';
import { DAY_MS } from '../../../utils/durations.ts';
import { AppError } from '../../../utils/errors.ts';
import { type Ctx, originOf } from '../../context.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import { languageOf } from '../../mail/texts.ts';
import type { UserRow } from '../../users.ts';
import { accountOf } from '../../workspaces/own.ts';
import { originOfSignIn } from '../known-devices.ts';
import { startSignIn } from '../sign-ins.ts';
import { addressThrottle, countAttempt, countFailure, forgetFailures, type Throttle } from '../throttle.ts';
import { finishSignIn, type SignedIn } from '../verbs.ts';
import { type ChallengeRow, readStep, takeStep } from './challenges.ts';
import { requestOptions } from './passkeys.ts';
import { asPasskey, type Proof, readFactors, readProof } from './proof.ts';
import type { FactorSignInFields, StepToken } from './schemas.ts';

/** People mistype. */
const FREE_PER_PLACE = 5;
/** Wrong ones from all unknown networks together, and from all known places; whoever makes them knows the password. */
const FREE_PER_ACCOUNT = 20;
/** Wrong ones within a day after which the owner gets a mail, once. */
const ATTACK_FAILURES = 10;

/**
 * What the browser's passkeys are asked with in the second step. Throws UNAUTHORIZED when the step is over, NOT_FOUND for
 * whoever has no passkey, NOT_SUPPORTED.
 */
export async function readSignInOptions(ctx: Ctx, input: StepToken): Promise<Record<string, unknown>> {
  const { step } = await openStep(ctx, input.token);
  return passkeyOptions(ctx, step);
}

/** Throws NOT_FOUND for whoever has no passkey, NOT_SUPPORTED. */
export async function passkeyOptions(
  ctx: Ctx,
  { userId, challenge }: Pick<ChallengeRow, 'userId' | 'challenge'>,
): Promise<Record<string, unknown>> {
  const known = (await readFactors(ctx.db, userId)).map(asPasskey).filter((row) => row !== null);
  if (known.length === 0) throw new AppError('NOT_FOUND', 'This account has no passkey.');
  return requestOptions(ctx.config, { challenge, known });
}

/**
 * Ends the sign-in that SECOND_FACTOR_REQUIRED has begun. Each code counts once, and so does the step. Throws UNAUTHORIZED
 * for a wrong code and for a step that is over; RATE_LIMITED after too many wrong ones from one network, from one address,
 * from all unknown networks together, or from all known places together. A browser or network that has signed in before is
 * counted apart from strangers, so that they cannot lock the owner out.
 */
export async function completeSignIn(
  ctx: Ctx,
  input: FactorSignInFields & { device?: string | undefined },
): Promise<SignedIn & { userId: number }> {
  const { step, row } = await openStep(ctx, input.token);
  const { id: userId, email } = row;
  const from = await originOfSignIn(ctx, { userId, email, device: input.device });
  const place = { key: `factor:${from.subject}`, free: FREE_PER_PLACE };
  const all = from.kind === 'unknown' ? `factor:account:${userId}` : `factor:known:${userId}`;
  const counted = [place, { key: all, free: FREE_PER_ACCOUNT }];
  const begun = await ctx.credentials.inTurn(place.key, async () => {
    const watched = from.isKnownNetwork ? [] : [addressThrottle(ctx)];
    await countAttempt(ctx.db, counted, watched, ctx.clock.now());
    const proof = await readProof(ctx, userId, input, step.challenge);
    if (proof === null) throw await refuse(ctx, row);
    return take(ctx, step, proof, counted);
  });
  const signedIn = await finishSignIn(ctx, row, begun);
  return { ...signedIn, userId };
}

/** The step, the proof and the new sign-in in one transaction: a crash leaves all of it or nothing. */
async function take(ctx: Ctx, step: ChallengeRow, proof: Proof, counted: readonly Throttle[]) {
  const { userId } = step;
  const signIn = await transact(ctx.db, async (tx) => {
    if (!(await takeStep(tx, step))) throw isOver();
    if (!(await proof.use(tx))) throw isWrong();
    if (proof.by === 'recovery_code') {
      const account = await accountOf(tx, userId);
      const origin = { ...originOf(ctx), actorId: userId };
      await record(tx, ctx, [{ ...account, event: 'auth.recovery_code_used', origin }]);
    }
    return startSignIn(tx, ctx, { userId, proven: true });
  });
  for (const throttle of counted) await forgetFailures(ctx.db, throttle);
  return { signIn, proven: true };
}

/** Throws UNAUTHORIZED: used, older than ten minutes, or the password was changed since. */
async function openStep(ctx: Ctx, token: string): Promise<{ step: ChallengeRow; row: UserRow }> {
  const step = await readStep(ctx, token, 'sign_in');
  if (step === null) throw isOver();
  const [row] = await ctx.db.select().from(users).where(eq(users.id, step.userId));
  if (row?.status !== 'active' || row.tokenVersion !== step.version) throw isOver();
  return { step, row };
}

async function refuse(ctx: Ctx, { id, email: address }: UserRow): Promise<AppError> {
  const now = ctx.clock.now();
  await countFailure(ctx.db, addressThrottle(ctx), now);
  const failures = { key: `factor:failures:${id}`, max: ATTACK_FAILURES, windowMs: DAY_MS };
  const isAttack = (await spendFromWindow(ctx.db, failures, now)) === null;
  const told = { key: `factor:told:${id}`, max: 1, windowMs: DAY_MS };
  const tells = isAttack && ctx.config.smtp !== null && (await spendFromWindow(ctx.db, told, now)) !== null;
  await transact(ctx.db, async (tx) => {
    const account = await accountOf(tx, id);
    const origin = { ...originOf(ctx), actorId: 0 };
    await record(tx, ctx, [{ ...account, event: 'auth.second_factor_failed', status: 'failure', origin }]);
    if (tells)
      await enqueueMail(tx, ctx, { kind: 'factor_guessed', address, language: languageOf(ctx.config) });
  });
  return isWrong();
}

function isWrong(): AppError {
  return new AppError('UNAUTHORIZED', 'The code is not right, or it was used before.');
}

function isOver(): AppError {
  return new AppError(
    'UNAUTHORIZED',
    'This sign-in took too long or was ended: begin again with the password.',
  );
}
