/** The passkey that WhatsApp asks an account for before it links a device: read, answered, confirmed. */
import { z } from 'zod';
import { AppError } from '../../utils/errors.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { askOwner } from './ask-owner.ts';
import { findSession, type SessionRecord, type SessionRef } from './find.ts';
import { toIso } from './view.ts';

/** WhatsApp is asked for a reference and then to check: two queries of 20 s at most. */
const ANSWER_TIMEOUT_MS = 45_000;

/** base64url, as `PublicKeyCredential.toJSON()` writes it; padding is taken, too */
const bytes = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[A-Za-z0-9_-]+={0,2}$/, 'must be base64url');

export const PasskeyAssertionInput = z.object(
  {
    id: bytes(2_048),
    rawId: bytes(2_048),
    type: z.literal('public-key'),
    response: z.object({
      clientDataJSON: bytes(8_192),
      authenticatorData: bytes(8_192),
      signature: bytes(2_048),
      userHandle: bytes(512).nullish(),
    }),
  },
  'must be the JSON that the browser gave after signing',
);

export const PasskeyOutput = z.object({
  sessionId: z.string(),
  stage: z
    .enum(['asked', 'answered', 'confirm', 'failed'])
    .describe(
      '`asked`: sign `options`; `answered`: the phone is awaited; `confirm`: compare `code` with the phone; `failed`: see `reason`',
    ),
  options: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe('what navigator.credentials.get takes as publicKey, as JSON (base64url)'),
  code: z.string().nullable().describe('the phone must show the same'),
  expiresAt: z.iso.datetime().nullable(),
  reason: z.string().nullable().describe('why the last try failed'),
});
export type PasskeyOutput = z.infer<typeof PasskeyOutput>;

/** How far the step is. Throws NOT_FOUND when no passkey is asked for, and none was in the pairing before. */
export async function getPasskey(ctx: Ctx, ref: SessionRef): Promise<PasskeyOutput> {
  requireScope(ctx, 'read');
  return toPasskey(await findSession(ctx, ref));
}

/**
 * Hands in what the browser signed. Throws PASSKEY_REFUSED when WhatsApp does not accept it (a new challenge follows),
 * PASSKEY_EXPIRED when the challenge has run out, CONFLICT when none is awaited, UNAVAILABLE.
 */
export async function answerPasskey(
  ctx: Ctx,
  ref: SessionRef,
  assertion: z.output<typeof PasskeyAssertionInput>,
): Promise<PasskeyOutput> {
  requireScope(ctx, 'sessions:write');
  const row = await findSession(ctx, ref);
  if (row.passkey?.stage !== 'asked') throw notAwaited(row, 'a signature');
  if (!isForOptions(row.passkey.options, assertion)) {
    throw new AppError('PASSKEY_EXPIRED', 'This signature is for another challenge. Sign the current one.');
  }
  const { userHandle, ...response } = assertion.response;
  const input = { ...assertion, response: { ...response, userHandle: userHandle ?? null } };
  await askOwner(ctx, row, 'answer_passkey', { assertion: input }, ANSWER_TIMEOUT_MS);
  return toPasskey(await findSession(ctx, ref), 'answered');
}

/** Passes on what the person says of the two codes: `equal` false ends the pairing. Throws as `answerPasskey`. */
export async function confirmPasskey(ctx: Ctx, ref: SessionRef, equal: boolean): Promise<PasskeyOutput> {
  requireScope(ctx, 'sessions:write');
  const row = await findSession(ctx, ref);
  if (row.passkey?.stage !== 'confirm') throw notAwaited(row, 'a comparison');
  await askOwner(ctx, row, 'confirm_passkey', { equal }, ANSWER_TIMEOUT_MS);
  return toPasskey(await findSession(ctx, ref), equal ? 'answered' : 'failed');
}

/** `after`: what to say when the row has moved on already. */
function toPasskey(row: SessionRecord, after: PasskeyOutput['stage'] | null = null): PasskeyOutput {
  const { sessionId, passkey, reason } = row;
  const base = { sessionId, options: null, code: null, expiresAt: null, reason };
  if (passkey) {
    const { stage, options, code, expiresAt } = passkey;
    return { sessionId, stage, options, code, expiresAt: toIso(expiresAt), reason };
  }
  if (reason?.startsWith('passkey_')) return { ...base, stage: 'failed' };
  // A pairing that has just begun is `connecting` as well, but not paired.
  const linked = row.status === 'connected' || (row.status === 'connecting' && row.paired);
  if (linked || after) {
    return { ...base, stage: after ?? 'answered' };
  }
  throw new AppError('NOT_FOUND', 'WhatsApp asks for no passkey: scan the code first.');
}

/** Whether the signed client data names the challenge of these options. */
function isForOptions(
  options: Record<string, unknown> | null,
  { response }: z.output<typeof PasskeyAssertionInput>,
): boolean {
  try {
    const signed: unknown = JSON.parse(Buffer.from(response.clientDataJSON, 'base64url').toString());
    return typeof options?.challenge === 'string' && Object(signed).challenge === options.challenge;
  } catch {
    return false;
  }
}

function notAwaited({ status, reason, passkey }: SessionRecord, what: string): AppError {
  if (reason === 'passkey_expired') {
    return new AppError('PASSKEY_EXPIRED', 'Nobody signed in time. Scan a new code to begin again.');
  }
  const message = `The pairing does not wait for ${what} now: ${standingOf(status, passkey?.stage)}.`;
  return new AppError('CONFLICT', message, { details: { status, reason } });
}

function standingOf(status: SessionRecord['status'], stage: string | undefined): string {
  if (stage === 'asked') return 'it waits for the signature first';
  if (stage === 'answered') return 'WhatsApp has the signature, and the phone is awaited';
  if (stage === 'confirm') return 'it waits until the codes are compared';
  return status === 'connected' ? 'the session is connected already' : 'WhatsApp asks for no passkey';
}
