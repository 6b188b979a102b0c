/** Recovery codes: for whoever has lost the second factor. Each opens once, and is shown when it is made only. */
import { randomBytes } from 'node:crypto';
import { and, count, eq } from 'drizzle-orm';
import type { Db, Tx } from '../../../db/client.ts';
import { affected, insertMany } from '../../../db/ops.ts';
import { recoveryCodes } from '../../../db/schema.ts';
import { sha256Hex } from '../../../utils/crypto.ts';

const CODES = 10;
/** 80 bits: what is kept is a plain hash, which must not be tried through. */
const CODE_BYTES = 10;
/** Crockford's base32: no letter is taken for a digit. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 16;

const hashOf = (userId: number, code: string) => sha256Hex(`recovery-code:${userId}:${code}`);

/** The code as it is hashed, of whatever way it is typed; null for what cannot be one. */
function normalize(code: string): string | null {
  const bare = code.toLowerCase().replace(/[\s-]/g, '').replaceAll('o', '0').replace(/[il]/g, '1');
  return bare.length === LENGTH && [...bare].every((letter) => ALPHABET.includes(letter)) ? bare : null;
}

/** Ten new codes in place of those of before. They are returned once, here. */
export async function makeRecoveryCodes(tx: Tx, userId: number, now: number): Promise<string[]> {
  const codes = Array.from({ length: CODES }, newCode);
  await dropRecoveryCodes(tx, userId);
  await insertMany(
    tx,
    recoveryCodes,
    codes.map((code) => ({ userId, hash: hashOf(userId, code), createdAt: now })),
  );
  return codes.map((code) => (code.match(/.{4}/g) ?? []).join('-'));
}

function newCode(): string {
  const bits = BigInt(`0x${randomBytes(CODE_BYTES).toString('hex')}`);
  return Array.from({ length: LENGTH }, (_, i) => ALPHABET[Number((bits >> BigInt(5 * i)) & 31n)]).join('');
}

/** Whether the code is one of the person's. */
export async function isRecoveryCode(db: Db, userId: number, code: string): Promise<boolean> {
  const bare = normalize(code);
  if (bare === null) return false;
  const rows = await db
    .select({ hash: recoveryCodes.hash })
    .from(recoveryCodes)
    .where(and(eq(recoveryCodes.userId, userId), eq(recoveryCodes.hash, hashOf(userId, bare))));
  return rows.length > 0;
}

/** Uses the code up; false when it was used meanwhile. */
export async function useRecoveryCode(tx: Tx, userId: number, code: string): Promise<boolean> {
  const bare = normalize(code) ?? '';
  const one = and(eq(recoveryCodes.userId, userId), eq(recoveryCodes.hash, hashOf(userId, bare)));
  return affected(await tx.delete(recoveryCodes).where(one)) === 1;
}

/** Ends all of them. */
export async function dropRecoveryCodes(tx: Tx, userId: number): Promise<void> {
  await tx.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId));
}

/** How many are left. */
export async function countRecoveryCodes(db: Db, userId: number): Promise<number> {
  const [row] = await db.select({ n: count() }).from(recoveryCodes).where(eq(recoveryCodes.userId, userId));
  return Number(row?.n ?? 0);
}
