/** bcrypt, off the event loop. */
import bcrypt from 'bcrypt';
import { AppError } from '../../utils/errors.ts';

/** 2^10 rounds: 87 ms on the machine it was measured on. */
const COST = 10;
export const MIN_PASSWORD_LENGTH = 8;
/** bcrypt ignores what comes after these bytes, so two long passwords could be the same. */
export const MAX_PASSWORD_BYTES = 72;
/** Of a random text that was not kept: what an unknown e-mail is compared with, so that it takes as long. */
const NOBODY = '$2b$10$CZexaKiul769xx5AutPquug.UhzpSuoMvqmphQWM2jCKpY32D2Edi';

/** The hash of somebody who has no password and signs in with an OpenID provider: nothing opens it. */
export const NO_PASSWORD = '';

/** Hashes a password. Throws VALIDATION_FAILED when it is too short or too long. */
export async function hashPassword(password: string): Promise<string> {
  const reason = passwordProblem(password);
  if (reason)
    throw new AppError('VALIDATION_FAILED', `The password ${reason}.`, { details: { password: reason } });
  return bcrypt.hash(password, COST);
}

/** Why a password cannot be taken, or null. */
export function passwordProblem(password: string): string | null {
  if (password.length < MIN_PASSWORD_LENGTH) return `must have at least ${MIN_PASSWORD_LENGTH} characters`;
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES)
    return `must have at most ${MAX_PASSWORD_BYTES} bytes`;
  // bcrypt ends a password at NUL.
  if (password.includes('\0')) return 'must not hold the character NUL';
  return null;
}

/** True when it is the password; a `hash` of nobody takes as long. */
export async function isPassword(password: string, hash: string | null): Promise<boolean> {
  const usable = Buffer.byteLength(password) <= MAX_PASSWORD_BYTES && !password.includes('\0');
  const same = await bcrypt.compare(usable ? password : '', hash || NOBODY);
  return same && usable && hash !== null && hash !== NO_PASSWORD;
}
