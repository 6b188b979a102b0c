/** Steps that a second factor is asked for: a short-lived token each, which opens once. */
import { randomBytes } from 'node:crypto';
import { and, eq, gt } from 'drizzle-orm';
import type { Tx } from '../../../db/client.ts';
import { affected } from '../../../db/ops.ts';
import { type FACTOR_STEPS, factorChallenges } from '../../../db/schema.ts';
import { MINUTE_MS } from '../../../utils/durations.ts';
import { newId } from '../../../utils/ids.ts';
import type { Ctx } from '../../context.ts';

/** Time enough to find the phone. */
const LIFE_MS = 10 * MINUTE_MS;
const CHALLENGE_BYTES = 32;
/** Of the MACs in tokens. */
const PURPOSE = 'second-factor';

type Step = (typeof FACTOR_STEPS)[number];
export type ChallengeRow = typeof factorChallenges.$inferSelect;

export interface StepFor {
  userId: number;
  step: Step;
  /** users.tokenVersion: a new password ends the step */
  version: number;
}

export interface OpenStep {
  /** the row's id and its MAC: who has it may take the step */
  token: string;
  /** base64url */
  challenge: string;
  expiresAt: string;
}

/** Begins a step; it is open for ten minutes. */
export async function beginStep(ctx: Ctx, { userId, step, version }: StepFor): Promise<OpenStep> {
  const now = ctx.clock.now();
  const row = {
    id: newId(now),
    userId,
    step,
    version,
    challenge: randomBytes(CHALLENGE_BYTES).toString('base64url'),
    createdAt: now,
    expiresAt: now + LIFE_MS,
  };
  await ctx.db.insert(factorChallenges).values(row);
  return {
    token: `${row.id}.${ctx.secrets.mac(PURPOSE, row.id)}`,
    challenge: row.challenge,
    expiresAt: new Date(row.expiresAt).toISOString(),
  };
}

/** The open step of a token; null for one that is not ours, over, taken or of another kind. */
export async function readStep(ctx: Ctx, token: string, step: Step): Promise<ChallengeRow | null> {
  const [id = '', mac = ''] = token.split('.');
  if (!/^[0-9a-f]{32}$/.test(id) || !ctx.secrets.isMac(PURPOSE, id, mac)) return null;
  const open = and(
    eq(factorChallenges.id, id),
    eq(factorChallenges.step, step),
    gt(factorChallenges.expiresAt, ctx.clock.now()),
  );
  const [row] = await ctx.db.select().from(factorChallenges).where(open);
  return row ?? null;
}

/** Takes the step; false when somebody else did meanwhile. */
export async function takeStep(tx: Tx, { id }: ChallengeRow): Promise<boolean> {
  return affected(await tx.delete(factorChallenges).where(eq(factorChallenges.id, id))) === 1;
}
