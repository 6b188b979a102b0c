/** Whether a code or a signature is one of a person's second factors, and using it up. */
import { and, asc, eq, isNotNull, lt } from 'drizzle-orm';
import type { Db, Tx } from '../../../db/client.ts';
import { affected } from '../../../db/ops.ts';
import { type FACTOR_KINDS, secondFactors } from '../../../db/schema.ts';
import type { Ctx } from '../../context.ts';
import { checkAssertion, type KnownPasskey } from './passkeys.ts';
import { isRecoveryCode, useRecoveryCode } from './recovery.ts';
import type { FactorSignInFields } from './schemas.ts';
import { stepOfCode } from './totp.ts';

export type FactorRow = typeof secondFactors.$inferSelect;
export type FactorKind = (typeof FACTOR_KINDS)[number];
export type ProofInput = Pick<FactorSignInFields, 'code' | 'assertion'>;

/** A right code or signature. It counts once: whoever uses it up first. */
export interface Proof {
  by: FactorKind | 'recovery_code';
  /** Call it in the transaction of what is proven; false when it was used meanwhile. */
  use(tx: Tx): Promise<boolean>;
}

/** The factors of a person that are asked for, the oldest first. */
export function readFactors(db: Db, userId: number): Promise<FactorRow[]> {
  return db
    .select()
    .from(secondFactors)
    .where(and(eq(secondFactors.userId, userId), isNotNull(secondFactors.confirmedAt)))
    .orderBy(asc(secondFactors.id));
}

/** Null when nothing of it is right. `challenge` is what a passkey had to sign; null when none was asked to. */
export async function readProof(
  ctx: Ctx,
  userId: number,
  input: ProofInput,
  challenge: string | null,
): Promise<Proof | null> {
  const factors = await readFactors(ctx.db, userId);
  // What is left of codes opens nothing once there is no factor.
  if (factors.length === 0) return null;
  if (input.assertion !== undefined) {
    return challenge === null ? null : bySignature(ctx, factors, input.assertion, challenge);
  }
  const code = input.code ?? '';
  const bare = code.replace(/\s/g, '');
  if (/^\d{6}$/.test(bare)) return byCode(ctx, factors, bare);
  if (!(await isRecoveryCode(ctx.db, userId, code))) return null;
  return { by: 'recovery_code', use: (tx) => useRecoveryCode(tx, userId, code) };
}

function byCode(ctx: Ctx, factors: readonly FactorRow[], code: string): Proof | null {
  for (const { id, secret } of factors) {
    if (secret === null) continue;
    const step = stepOfCode(ctx.secrets, { id, secret }, code, ctx.clock.now());
    if (step !== null) return { by: 'totp', use: (tx) => takeCounter(tx, ctx, id, step) };
  }
  return null;
}

async function bySignature(
  ctx: Ctx,
  factors: readonly FactorRow[],
  assertion: NonNullable<ProofInput['assertion']>,
  challenge: string,
): Promise<Proof | null> {
  const row = factors.find(({ credentialId }) => credentialId === assertion.id);
  const known = row ? asPasskey(row) : null;
  if (!row || known === null) return null;
  const counter = await checkAssertion(ctx.config, assertion, challenge, known);
  if (counter === null) return null;
  // Many authenticators count nothing: then the challenge alone makes it count once.
  const use = (tx: Tx) => (counter === 0 ? touch(tx, ctx, row.id) : takeCounter(tx, ctx, row.id, counter));
  return { by: 'passkey', use };
}

/** Null for what is no passkey. */
export function asPasskey({ credentialId, publicKey, counter, transports }: FactorRow): KnownPasskey | null {
  if (credentialId === null || publicKey === null) return null;
  return { credentialId, publicKey, counter, transports: transports ?? [] };
}

/** Moves the counter forward; false when it is there already. */
export async function takeCounter(tx: Tx, { clock }: Ctx, id: string, counter: number): Promise<boolean> {
  const taken = await tx
    .update(secondFactors)
    .set({ counter, lastUsedAt: clock.now() })
    .where(and(eq(secondFactors.id, id), lt(secondFactors.counter, counter)));
  return affected(taken) === 1;
}

async function touch(tx: Tx, { clock }: Ctx, id: string): Promise<boolean> {
  const at = { lastUsedAt: clock.now() };
  return affected(await tx.update(secondFactors).set(at).where(eq(secondFactors.id, id))) === 1;
}
