/** Asking for the second factor once the password was right. */
import { AppError } from '../../../utils/errors.ts';
import type { Ctx } from '../../context.ts';
import type { UserRow } from '../../users.ts';
import { beginStep } from './challenges.ts';
import { passkeySite } from './passkeys.ts';
import { type FactorKind, readFactors } from './proof.ts';

/** What the details of SECOND_FACTOR_REQUIRED say. */
export interface FactorAsked {
  /** opens the second step for ten minutes, to whoever has the factor */
  token: string;
  methods: (FactorKind | 'recovery_code')[];
  expiresAt: string;
}

/**
 * Nothing for whoever has no second factor. Throws SECOND_FACTOR_REQUIRED for everybody else, with what
 * `POST /auth/second-factor` is asked with.
 */
export async function askForFactor(ctx: Ctx, row: UserRow): Promise<void> {
  const factors = await readFactors(ctx.db, row.id);
  if (factors.length === 0) return;
  const hasSite = passkeySite(ctx.config) !== null;
  const kinds = [...new Set(factors.map(({ kind }) => kind))].filter((kind) => kind !== 'passkey' || hasSite);
  const step = { userId: row.id, step: 'sign_in', version: row.tokenVersion } as const;
  const { token, expiresAt } = await beginStep(ctx, step);
  const details: FactorAsked = { token, methods: [...kinds, 'recovery_code'], expiresAt };
  throw new AppError('SECOND_FACTOR_REQUIRED', 'The password is right. Now give your second factor.', {
    details: { ...details },
  });
}
