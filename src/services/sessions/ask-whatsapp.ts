/** Asking WhatsApp on somebody's behalf: bounded in time, and in how often, for each session. */
import { spendFromWindow } from '../../db/windows.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { EngineRequest, EngineRequests, RequestName } from '../../whatsapp/requests.ts';
import type { Ctx } from '../context.ts';
import { requireConnected, type SendingSession } from '../messages/session.ts';
import { askOwner } from './ask-owner.ts';

/** Longer than the engine waits for WhatsApp itself. */
const ASK_TIMEOUT_MS = 25_000;

/**
 * Requests of a session in a minute, all callers and processes together. WhatsApp names no numbers: a person who manages groups
 * by hand stays below both, and programs that make many changes in short time are reported to get numbers banned.
 */
const READS_PER_MINUTE = 60;
const CHANGES_PER_MINUTE = 20;

/** What a request counts as: a question, or so many changes (one when `steps` is missing). */
interface Asked {
  changes: boolean;
  steps?: number;
}

/**
 * Asks through the process that holds the session. Throws NOT_CONNECTED, RATE_LIMITED when the session has asked too
 * much, UNAVAILABLE when no answer comes in time, SESSION_NOT_FOUND, and what WhatsApp's refusal means.
 */
export async function askWhatsApp<N extends RequestName>(
  ctx: Ctx,
  session: SendingSession,
  { name, input, ...asked }: { name: N; input: EngineRequests[N]['input'] } & Asked,
): Promise<EngineRequests[N]['output']> {
  requireConnected(session);
  await spendAsk(ctx, session, asked);
  // The owner answers a request with the answer of that request.
  const request = { name, input } as EngineRequest;
  return askOwner(ctx, session, 'ask', request, ASK_TIMEOUT_MS) as Promise<EngineRequests[N]['output']>;
}

/** After these it is not known whether WhatsApp has done it, unless the failure says that nothing was sent. */
const UNCERTAIN: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'NOT_CONNECTED',
  'SESSION_NOT_FOUND',
  'INTERNAL',
]);

/** Whether nothing was done at WhatsApp when `askWhatsApp` has failed so: it refused, or was never asked. */
export function didNothing(error: unknown): boolean {
  return error instanceof AppError && (!UNCERTAIN.has(error.code) || error.details?.sent === false);
}

/** Counts what WhatsApp is asked. Throws RATE_LIMITED when the session has asked too much in this minute. */
export async function spendAsk(
  ctx: Ctx,
  { id }: SendingSession,
  { changes, steps = 1 }: Asked,
): Promise<void> {
  const now = ctx.clock.now();
  const max = changes ? CHANGES_PER_MINUTE : READS_PER_MINUTE;
  const window = { key: `wa:${changes ? 'changes' : 'reads'}:${id}`, max, windowMs: MINUTE_MS };
  if ((await spendFromWindow(ctx.db, window, now, steps)) !== null) return;
  throw new AppError('RATE_LIMITED', 'This session has asked WhatsApp a lot in this minute: wait a little.', {
    retryAfterSeconds: Math.ceil((MINUTE_MS - (now % MINUTE_MS)) / 1000),
    details: { limit: max, windowSeconds: MINUTE_MS / 1000 },
  });
}
