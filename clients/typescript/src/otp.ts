/** Login codes, with every outcome that a program has to expect as a value instead of an error. */
import type { operations } from './api.ts';
import type { WaHubClient } from './client.ts';
import { unwrap, WaHubError } from './errors.ts';
import { signalOf } from './retry.ts';

type Body<Name extends 'postOtpSend' | 'postOtpVerify' | 'postOtpResend'> = NonNullable<
  operations[Name]['requestBody']
>['content']['application/json'];
type Sent = operations['postOtpSend']['responses'][202]['content']['application/json']['data'];
type Verified = operations['postOtpVerify']['responses'][200]['content']['application/json']['data'];

export type SendOtpInput = Body<'postOtpSend'>;
export type ResendOtpInput = Body<'postOtpResend'>;
export type VerifyOtpInput = Body<'postOtpVerify'>;

/** Try again after so many seconds. */
export interface TooSoon {
  outcome: 'too_soon';
  retryAfterSeconds: number;
}

export type SendOtpOutcome =
  /** it is on its way; keep `otpId` for the check */
  | ({ outcome: 'accepted' } & Sent)
  | TooSoon
  /** the session has no linked phone, or lost it */
  | { outcome: 'not_connected' }
  | { outcome: 'invalid_number' };

export type ResendOtpOutcome =
  | SendOtpOutcome
  /** nothing is pending: send a new one */
  | { outcome: 'not_found' | 'expired' | 'locked' };

export type VerifyOtpOutcome =
  | ({ outcome: 'right' } & Verified)
  | { outcome: 'wrong'; attemptsLeft: number }
  /** nothing is pending, too old, or wrong too often: only a new code helps */
  | { outcome: 'not_found' | 'expired' | 'locked' }
  | TooSoon;

export interface CallOptions {
  /** the same key never sends a second code; made for each call when missing */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

/** Sends a login code. Throws WaHubError for what is no outcome of it, such as a wrong credential. */
export function sendOtp(
  client: WaHubClient,
  input: SendOtpInput,
  options?: CallOptions,
): Promise<SendOtpOutcome> {
  return outcomeOf(async () => {
    const { data } = await unwrap(client.POST('/otp/send', { body: input, ...initOf(options) }));
    return { outcome: 'accepted' as const, ...data };
  }, asSendOutcome);
}

/** Sends the pending code once more. Throws as `sendOtp`. */
export function resendOtp(
  client: WaHubClient,
  input: ResendOtpInput,
  options?: CallOptions,
): Promise<ResendOtpOutcome> {
  return outcomeOf<ResendOtpOutcome>(
    async () => {
      const { data } = await unwrap(client.POST('/otp/resend', { body: input, ...initOf(options) }));
      return { outcome: 'accepted' as const, ...data };
    },
    (error) => asSendOutcome(error) ?? asEnded(error),
  );
}

/** Is this the code? Only `right` means yes. Throws as `sendOtp`. */
export function verifyOtp(
  client: WaHubClient,
  input: VerifyOtpInput,
  { signal }: Pick<CallOptions, 'signal'> = {},
): Promise<VerifyOtpOutcome> {
  return outcomeOf<VerifyOtpOutcome>(
    async () => {
      const { data } = await unwrap(client.POST('/otp/verify', { body: input, ...signalOf(signal) }));
      return { outcome: 'right' as const, ...data };
    },
    (error) => {
      if (error.code === 'OTP_INVALID') {
        return { outcome: 'wrong', attemptsLeft: Number(error.details.attemptsLeft ?? 0) };
      }
      return asEnded(error) ?? asTooSoon(error);
    },
  );
}

async function outcomeOf<T>(call: () => Promise<T>, read: (error: WaHubError) => T | null): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const outcome = error instanceof WaHubError ? read(error) : null;
    if (outcome === null) throw error;
    return outcome;
  }
}

function asSendOutcome(error: WaHubError): SendOtpOutcome | null {
  if (error.code === 'NOT_CONNECTED') return { outcome: 'not_connected' };
  if (error.code === 'INVALID_NUMBER') return { outcome: 'invalid_number' };
  return asTooSoon(error);
}

function asTooSoon(error: WaHubError): TooSoon | null {
  if (error.code !== 'RATE_LIMITED') return null;
  return { outcome: 'too_soon', retryAfterSeconds: error.retryAfterSeconds ?? 1 };
}

const ENDS = { OTP_NOT_FOUND: 'not_found', OTP_EXPIRED: 'expired', OTP_MAX_ATTEMPTS: 'locked' } as const;

function asEnded({ code }: WaHubError): { outcome: 'not_found' | 'expired' | 'locked' } | null {
  return code === 'OTP_NOT_FOUND' || code === 'OTP_EXPIRED' || code === 'OTP_MAX_ATTEMPTS'
    ? { outcome: ENDS[code] }
    : null;
}

function initOf({ idempotencyKey, signal }: CallOptions = {}) {
  return {
    ...(idempotencyKey === undefined ? {} : { params: { header: { 'Idempotency-Key': idempotencyKey } } }),
    ...signalOf(signal),
  };
}
