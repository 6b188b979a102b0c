/** The inputs of the verbs of accounts and API keys, for every surface. */
import { z } from 'zod';
import { Email, NewPassword, PersonName, SessionName } from '../fields.ts';
import { SCOPES } from '../roles.ts';

const MAX_GRACE_MINUTES = 30 * 24 * 60;

const Password = z.string().min(1, 'must not be empty').max(1024);
const RevokeApiKeys = z
  .boolean()
  .optional()
  .describe('end all API keys as well; the own key is a new one then');

export const RegisterFields = z.object({ email: Email, password: NewPassword, name: PersonName });
export type RegisterFields = z.output<typeof RegisterFields>;

export const ConfirmFields = z.object({
  token: z.string().min(1, 'must not be empty').max(200),
  password: Password,
});
export type ConfirmFields = z.output<typeof ConfirmFields>;

export const LoginFields = z.object({ email: z.string().trim().min(1).max(255), password: Password });
export type LoginFields = z.output<typeof LoginFields>;

export const ForgotPasswordFields = z.object({ email: Email });
export type ForgotPasswordFields = z.output<typeof ForgotPasswordFields>;

export const ResetToken = z.string().min(1, 'must not be empty').max(200);

export const ResetPasswordFields = z.object({
  token: ResetToken.describe('of the link'),
  password: NewPassword,
  revokeApiKeys: RevokeApiKeys,
});
export type ResetPasswordFields = z.output<typeof ResetPasswordFields>;

export const SignInParams = z.object({ id: z.string().max(64) });

export const ChangePasswordFields = z.object({
  currentPassword: Password,
  newPassword: NewPassword,
  revokeApiKeys: RevokeApiKeys,
});
export type ChangePasswordFields = z.output<typeof ChangePasswordFields>;

export const SignOutEverywhereFields = z.object({ revokeApiKeys: RevokeApiKeys });
export type SignOutEverywhereFields = z.output<typeof SignOutEverywhereFields>;

/** Where an own key is replaced. */
export const RegenerateQuery = z.object({
  graceMinutes: z.coerce
    .number()
    .int()
    .min(0)
    .max(MAX_GRACE_MINUTES)
    .default(0)
    .describe('how long the old key goes on working'),
});
export type RegenerateQuery = z.output<typeof RegenerateQuery>;

export const CreateApiKeyFields = z.object({
  name: PersonName,
  scopes: z.array(z.enum(SCOPES)).min(1, 'must name at least one').max(SCOPES.length),
  sessionId: SessionName.optional(),
  expiresAt: z.iso
    .datetime({ offset: true, error: 'must be an ISO 8601 time' })
    .transform((text) => Date.parse(text))
    .optional(),
});
export type CreateApiKeyFields = z.output<typeof CreateApiKeyFields>;
