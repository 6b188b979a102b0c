export type { components, operations, paths } from './api.ts';
export { type ClientOptions, createClient, type WaHubClient } from './client.ts';
export { type Failure, type FailureCode, unwrap, WaHubError } from './errors.ts';
export {
  type CallOptions,
  type ResendOtpInput,
  type ResendOtpOutcome,
  resendOtp,
  type SendOtpInput,
  type SendOtpOutcome,
  sendOtp,
  type TooSoon,
  type VerifyOtpInput,
  type VerifyOtpOutcome,
  verifyOtp,
} from './otp.ts';
export { DEFAULT_RETRY, type RetryPolicy } from './retry.ts';
export { type LinkCode, LinkError, type LinkOptions, linkSession, type SessionState } from './sessions.ts';
export { type Delivery, type EventName, verifyWebhook, type WebhookEvent } from './webhooks.ts';
