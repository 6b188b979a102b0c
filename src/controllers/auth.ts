/** `/auth`: registering, signing in, the own account, API keys. */
import { z } from 'zod';
import { bearerToken } from '../middlewares/authenticate.ts';
import { createApiKey, listApiKeys, regenerateApiKey, revokeApiKey } from '../services/api-keys.ts';
import { confirmRegistration, register } from '../services/auth/registration.ts';
import {
  ChangePasswordFields,
  ConfirmFields,
  CreateApiKeyFields,
  LoginFields,
  RegenerateQuery,
  RegisterFields,
  SignOutEverywhereFields,
} from '../services/auth/schemas.ts';
import { updateMe } from '../services/auth/settings.ts';
import { changePassword, login, readMe, signOut, signOutEverywhere } from '../services/auth/verbs.ts';
import { languageOf, mailLanguage } from '../services/mail/texts.ts';
import { isTimeZone } from '../utils/time-zone.ts';
import { type Route, route } from './route.ts';
import { Membership, Message, SignedIn, Timestamp, User } from './schemas.ts';

const tag = 'Auth';

const Confirm = z
  .object({ message: z.string(), verification: z.literal('sent') })
  .meta({ id: 'RegistrationToConfirm' });
const TimeZone = z.string().trim().max(64).refine(isTimeZone, 'must be a time zone such as Asia/Jakarta');

const ApiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    prefix: z.string().describe('what the key begins with'),
    scopes: z.array(z.string()),
    sessionId: z.string().nullable(),
    expiresAt: Timestamp.nullable(),
    lastUsedAt: Timestamp.nullable(),
    createdAt: Timestamp,
    createdBy: z
      .object({ id: z.int(), name: z.string(), removed: z.boolean().describe('no member any more') })
      .describe('who made it'),
  })
  .meta({ id: 'ApiKey' });

export const authRoutes: Route[] = [
  route({
    method: 'post',
    path: '/auth/register',
    tag,
    summary: 'Register',
    description:
      'A new user with the role `user`. Closed in production unless ALLOW_REGISTRATION=true. Where the service sends mails (SMTP_HOST), the answer is 202 with `verification`, also for an e-mail that is taken, and the account begins with `POST /auth/verify-email`.',
    auth: 'public',
    body: RegisterFields,
    status: 201,
    statuses: { 202: 'Where the service sends mails: one is on its way.' },
    response: z.union([SignedIn, Confirm]),
    errors: ['FORBIDDEN', 'CONFLICT'],
    example: { body: { email: 'user@example.com', password: 'password123', name: 'John Doe' } },
    async handler({ ctx, body, http }) {
      const language = mailLanguage(http.req.header('accept-language'), languageOf(ctx.config));
      const made = await register(ctx, { ...body, language });
      if (made !== 'confirm') return { ...made };
      http.status(202);
      return { message: 'A mail was sent to this address: open its link to go on.', verification: 'sent' };
    },
  }),
  route({
    method: 'post',
    path: '/auth/verify-email',
    tag,
    summary: 'Confirm the e-mail of a registration',
    description:
      'With the `token` of the link in the mail and the password of the registration. It works once and for a day, and signs in.',
    auth: 'public',
    body: ConfirmFields,
    status: 201,
    response: SignedIn,
    errors: ['UNAUTHORIZED', 'NOT_FOUND', 'CONFLICT', 'FORBIDDEN'],
    example: {
      body: {
        password: 'password123',
        token: '019316f5a1b27c3d8e4f5a6b7c8d9e0f.5d41402abc4b2a76b9719d911017c592',
      },
    },
    handler: async ({ ctx, body }) => ({ ...(await confirmRegistration(ctx, body)) }),
  }),
  route({
    method: 'post',
    path: '/auth/login',
    tag,
    summary: 'Sign in',
    description:
      'Whoever has a second factor is answered 401 SECOND_FACTOR_REQUIRED, with `details`: the `token` for `POST /auth/second-factor`, the `methods` that are possible (`totp`, `passkey`, `recovery_code`) and `expiresAt`.',
    auth: 'public',
    body: LoginFields,
    response: SignedIn,
    errors: ['UNAUTHORIZED', 'SECOND_FACTOR_REQUIRED'],
    example: { body: { email: 'user@example.com', password: 'password123' } },
    handler: async ({ ctx, body }) => {
      const { token, user } = await login(ctx, body);
      return { token, user };
    },
  }),
  route({
    method: 'get',
    path: '/auth/me',
    tag,
    whileSuspended: true,
    summary: 'Who am I',
    description: '`apiKey` is only in the answer to a JWT.',
    auth: 'credential',
    beforeSecondFactor: true,
    response: z.object({
      user: User.extend({ apiKey: z.string().nullable().optional(), workspace: Membership }),
    }),
    handler: async ({ ctx }) => ({ user: await readMe(ctx) }),
  }),
  route({
    method: 'put',
    path: '/auth/me',
    tag,
    summary: 'Change the settings of the workspace',
    description:
      '`timezone` is an IANA name; `scheduledAt` and `expiresAt` without an offset are times in it. null: the zone of the service.',
    auth: 'jwt',
    writes: true,
    permission: 'settings',
    body: z.object({ timezone: TimeZone.nullable() }),
    response: z.object({ user: User }),
    example: { body: { timezone: 'Asia/Makassar' } },
    handler: async ({ ctx, body }) => ({ user: await updateMe(ctx, body) }),
  }),
  route({
    method: 'post',
    path: '/auth/change-password',
    tag,
    whileSuspended: true,
    summary: 'Change the own password',
    description: 'Ends every token and signed link that was made before; the answer holds a new token.',
    auth: 'jwt',
    beforeSecondFactor: true,
    body: ChangePasswordFields,
    response: Message.extend({ token: z.string() }),
    example: { body: { currentPassword: 'password123', newPassword: 'correct horse battery' } },
    handler: async ({ ctx, body }) => ({
      message: 'The password was changed.',
      ...(await changePassword(ctx, body)),
    }),
  }),
  route({
    method: 'post',
    path: '/auth/sign-out',
    tag,
    whileSuspended: true,
    summary: 'End the token of this request',
    description: 'And the other tokens of the same sign-in.',
    auth: 'jwt',
    beforeSecondFactor: true,
    response: Message,
    handler: async ({ ctx, http }) => {
      await signOut(ctx, { token: bearerToken(http.req.header('authorization')) ?? '' });
      return { message: 'The token was ended.' };
    },
  }),
  route({
    method: 'post',
    path: '/auth/sign-out-everywhere',
    tag,
    whileSuspended: true,
    summary: 'End all own tokens',
    description:
      'And all signed links; the answer holds a new token. `revokeApiKeys: true` ends all API keys, too.',
    auth: 'jwt',
    beforeSecondFactor: true,
    body: SignOutEverywhereFields,
    response: Message.extend({ token: z.string() }),
    handler: async ({ ctx, body }) => ({
      message: 'You are signed out everywhere else.',
      ...(await signOutEverywhere(ctx, body)),
    }),
  }),
  route({
    method: 'post',
    path: '/auth/regenerate-api-key',
    tag,
    summary: 'Replace the own API key',
    description:
      'Answers the new key. The old one works for `graceMinutes` more, so that programs can be changed without a gap.',
    auth: 'jwt',
    writes: true,
    query: RegenerateQuery,
    response: z.object({ apiKey: z.string() }),
    errors: ['QUOTA_EXCEEDED'],
    handler: async ({ ctx, query }) => regenerateApiKey(ctx, query),
  }),
  route({
    method: 'get',
    path: '/auth/api-keys',
    tag,
    summary: 'List extra API keys',
    description: 'Their names, scopes, makers and last use. A key itself is shown only when it is made.',
    auth: 'jwt',
    response: z.object({ data: z.array(ApiKey) }),
    handler: async ({ ctx }) => ({ data: await listApiKeys(ctx) }),
  }),
  route({
    method: 'post',
    path: '/auth/api-keys',
    tag,
    summary: 'Make an extra API key',
    description:
      'Named, with scopes, optionally for one session and until a time. A member of several sessions has to name one of ' +
      'them. The key is shown once.',
    auth: 'jwt',
    writes: true,
    permission: 'keys',
    body: CreateApiKeyFields,
    status: 201,
    response: z.object({ apiKey: z.string(), data: ApiKey.extend({ apiKey: z.string() }) }),
    errors: ['CONFLICT', 'QUOTA_EXCEEDED'],
    example: { body: { name: 'shop', scopes: ['messages:write', 'read'] } },
    handler: async ({ ctx, body }) => {
      const data = await createApiKey(ctx, body);
      return { apiKey: data.apiKey, data };
    },
  }),
  route({
    method: 'delete',
    path: '/auth/api-keys/:id',
    tag,
    summary: 'End an extra API key',
    description: 'It stops working at once, also for requests that come in at this moment.',
    auth: 'jwt',
    writes: true,
    permission: 'keys',
    params: z.object({ id: z.string().max(64) }),
    response: Message,
    errors: ['NOT_FOUND'],
    example: { params: { id: '019316f5a1b27c3d8e4f5a6b7c8d9e0f' } },
    handler: async ({ ctx, params }) => {
      await revokeApiKey(ctx, params);
      return { message: 'The API key was ended.' };
    },
  }),
];
