/** Who came back from a provider, until the next step is done in the same browser: sealed in its cookie, kept nowhere. */
import { z } from 'zod';
import type { Ctx } from '../context.ts';
import { ProvenIdentity, TRIP_MS, tripIsOver } from './flow.ts';

/** `link`: the person has to say yes, signed in. `factor`: the person's second factor is asked for. */
type NextStep = 'link' | 'factor';

export type Waiting = z.output<typeof Waiting>;
const Waiting = z.object({
  identity: ProvenIdentity,
  personId: z.int(),
  /** users.token_version: the credentials may end meanwhile */
  version: z.int(),
  /** sign_ins.id in which the way began; null for a token of a release before, and before there is one */
  signInId: z.string().nullable(),
  /** epoch milliseconds */
  cameAt: z.number(),
});

const PURPOSES: Record<NextStep, string> = { link: 'oidc-link', factor: 'oidc-factor' };

/** A text that `openWaiting` takes for the same step within ten minutes. */
export function sealWaiting(
  { secrets, clock }: Pick<Ctx, 'secrets' | 'clock'>,
  step: NextStep,
  waiting: Omit<Waiting, 'cameAt'>,
): string {
  return secrets.sealText(JSON.stringify({ ...waiting, cameAt: clock.now() }), PURPOSES[step]);
}

/** Throws UNAUTHORIZED for what is not ours, of another step, or older than ten minutes. */
export function openWaiting(
  { secrets, clock }: Pick<Ctx, 'secrets' | 'clock'>,
  step: NextStep,
  sealed = '',
): Waiting {
  let waiting: Waiting;
  try {
    waiting = Waiting.parse(JSON.parse(secrets.openText(sealed, PURPOSES[step])));
  } catch {
    throw tripIsOver();
  }
  if (clock.now() - waiting.cameAt > TRIP_MS) throw tripIsOver();
  return waiting;
}
