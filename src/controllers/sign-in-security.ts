/** `/auth`: second factors, where one is signed in, a new password by a link. */
import { z } from 'zod';
import { FACTOR_KINDS } from '../db/schema.ts';
import {
  askForReset,
  makeMemberResetLink,
  makeResetLink,
  resetPassword,
} from '../services/auth/password-reset.ts';
import { ForgotPasswordFields, ResetPasswordFields, SignInParams } from '../services/auth/schemas.ts';
import { clearFactors } from '../services/auth/second-factor/clear.ts';
import {
  ConfirmFactorFields,
  ConfirmPasskeyFields,
  ConfirmTotpFields,
  EnrolFields,
  EnrolTotpFields,
  FactorParams,
  FactorSignInFields,
  PasswordAndFactorFields,
  StepToken,
} from '../services/auth/second-factor/schemas.ts';
import { completeSignIn, readSignInOptions } from '../services/auth/second-factor/sign-in.ts';
import {
  askPasskey,
  confirmFactor,
  confirmPasskey,
  confirmTotp,
  enrolPasskey,
  enrolTotp,
  listFactors,
  removeFactor,
  renewRecoveryCodes,
} from '../services/auth/second-factor/verbs.ts';
import { endSignIn, listSignIns } from '../services/auth/sign-ins.ts';
import { languageOf, mailLanguage } from '../services/mail/texts.ts';
import { MemberParams } from '../services/workspaces/schemas.ts';
import { type Route, route } from './route.ts';
import { EXAMPLE_ASSERTION, Message, SignedIn, Timestamp, UserIdParams } from './schemas.ts';

const tag = 'Sign-in';
const NOBODY = '2147483647';
const A_TOKEN = '019316f5a1b27c3d8e4f5a6b7c8d9e0f.5d41402abc4b2a76b9719d911017c592';
const AN_ID = { id: '019316f5a1b27c3d8e4f5a6b7c8d9e0f' };
const { authenticatorData: _data, signature: _signature, ...CLIENT_DATA } = EXAMPLE_ASSERTION.response;
const ATTESTATION = {
  ...EXAMPLE_ASSERTION,
  response: { ...CLIENT_DATA, attestationObject: 'o2NmbXRkbm9uZQ' },
};

const Factor = z
  .object({
    id: z.string(),
    kind: z.enum(FACTOR_KINDS),
    name: z.string(),
    createdAt: Timestamp,
    lastUsedAt: Timestamp.nullable(),
  })
  .meta({ id: 'SecondFactor' });
const Options = z
  .record(z.string(), z.unknown())
  .describe('what navigator.credentials takes as publicKey, as JSON (base64url)');
const PasskeyStep = z
  .object({
    token: z.string().describe('goes back with what the browser gave'),
    options: Options,
    expiresAt: Timestamp,
  })
  .meta({ id: 'PasskeyStep' });
const AddedFactor = z
  .object({
    token: z.string().describe('of the same sign-in, which has given the factor'),
    data: Factor,
    recoveryCodes: z.array(z.string()).nullable().describe('with the first factor; shown once'),
  })
  .meta({ id: 'AddedSecondFactor' });
const ResetLink = z
  .object({ token: z.string(), url: z.string(), expiresAt: Timestamp })
  .meta({ id: 'PasswordResetLink' });
const SignIn = z
  .object({
    id: z.string(),
    name: z.string().describe('of the program and the system'),
    userAgent: z.string().nullable(),
    ip: z.string().nullable(),
    secondFactor: z.boolean().describe('whether one was given'),
    current: z.boolean().describe('the one of this token'),
    createdAt: Timestamp,
    lastSeenAt: Timestamp.describe('to the minute'),
  })
  .meta({ id: 'SignIn' });

const stepRoutes: Route[] = [
  route({
    method: 'post',
    path: '/auth/second-factor',
    tag,
    summary: 'Give the second factor, after the password',
    description:
      'With the `token` in the details of SECOND_FACTOR_REQUIRED, which `POST /auth/login` answers to whoever has a second factor: a `code` of the authenticator app, a recovery code, or the `assertion` of a passkey. The step is open for ten minutes and ends with the first right answer; no code is taken twice.',
    auth: 'public',
    body: FactorSignInFields,
    response: SignedIn,
    errors: ['UNAUTHORIZED'],
    example: { body: { token: A_TOKEN, code: '123456' } },
    handler: async ({ ctx, body }) => {
      const { token, user } = await completeSignIn(ctx, body);
      return { token, user };
    },
  }),
  route({
    method: 'post',
    path: '/auth/second-factor/options',
    tag,
    summary: 'What a passkey is asked with, after the password',
    description:
      'For somebody whose password was right: the options that their browser signs with the passkey.',
    auth: 'public',
    body: StepToken,
    response: z.object({ options: Options }),
    errors: ['UNAUTHORIZED', 'NOT_FOUND', 'NOT_SUPPORTED'],
    example: { body: { token: A_TOKEN } },
    handler: async ({ ctx, body }) => ({ options: await readSignInOptions(ctx, body) }),
  }),
];

const factorRoutes: Route[] = [
  route({
    method: 'get',
    path: '/auth/second-factors',
    tag,
    summary: 'List the own second factors',
    description:
      'Passkeys and authenticator apps of the signed-in person, without secrets, and how many recovery codes are left.',
    auth: 'jwt',
    beforeSecondFactor: true,
    response: z.object({
      data: z.array(Factor),
      recoveryCodesLeft: z.int(),
      missing: z.boolean().describe('the workspace asks for one, and none was given in this sign-in'),
      proven: z.boolean().describe('one was given in this sign-in'),
      passkeysPossible: z.boolean().describe('browsers have passkeys for the address of this service'),
      hasPassword: z.boolean().describe('false: signs in with an OpenID provider only'),
    }),
    handler: async ({ ctx }) => ({ ...(await listFactors(ctx)) }),
  }),
  route({
    method: 'post',
    path: '/auth/second-factors/totp',
    tag,
    summary: 'Begin to set up an authenticator app',
    description:
      'It counts when `POST /auth/second-factors/totp/confirm` was given a code of it. A code is good for 30 seconds and one step before and after.',
    auth: 'jwt',
    beforeSecondFactor: true,
    body: EnrolTotpFields,
    status: 201,
    response: z.object({
      data: z.object({
        id: z.string(),
        secret: z.string().describe('base32; shown once'),
        uri: z.string(),
        qrCode: z.string().describe('`uri` as data:image/png'),
      }),
    }),
    errors: ['CONFLICT', 'SECOND_FACTOR_MISSING'],
    example: { body: { password: 'password123' } },
    handler: async ({ ctx, body }) => ({ data: await enrolTotp(ctx, body) }),
  }),
  route({
    method: 'post',
    path: '/auth/second-factors/totp/confirm',
    tag,
    summary: 'Confirm an authenticator app by its first code',
    description:
      'From then on a sign-in asks for it. With the first factor of an account, recovery codes come along: they are shown once.',
    auth: 'jwt',
    beforeSecondFactor: true,
    body: ConfirmTotpFields,
    response: AddedFactor,
    errors: ['NOT_FOUND', 'SECOND_FACTOR_MISSING'],
    example: { body: { ...AN_ID, code: '123456' } },
    handler: async ({ ctx, body }) => ({ ...(await confirmTotp(ctx, body)) }),
  }),
  route({
    method: 'post',
    path: '/auth/second-factors/passkey',
    tag,
    summary: 'Begin to set up a passkey',
    description:
      'Answers the options for `navigator.credentials.create()` and a token that goes back with what the browser made.',
    auth: 'jwt',
    beforeSecondFactor: true,
    body: EnrolFields,
    response: PasskeyStep,
    errors: ['CONFLICT', 'NOT_SUPPORTED', 'SECOND_FACTOR_MISSING'],
    example: { body: { password: 'password123' } },
    handler: async ({ ctx, body }) => ({ ...(await enrolPasskey(ctx, body)) }),
  }),
  route({
    method: 'post',
    path: '/auth/second-factors/passkey/confirm',
    tag,
    summary: 'Keep the passkey that the browser has made',
    description:
      'From then on a sign-in asks for it. With the first factor of an account, recovery codes come along: they are shown once.',
    auth: 'jwt',
    beforeSecondFactor: true,
    body: ConfirmPasskeyFields,
    response: AddedFactor,
    errors: ['NOT_FOUND', 'CONFLICT', 'NOT_SUPPORTED', 'SECOND_FACTOR_MISSING'],
    example: { body: { token: A_TOKEN, attestation: ATTESTATION } },
    handler: async ({ ctx, body }) => ({ ...(await confirmPasskey(ctx, body)) }),
  }),
  route({
    method: 'post',
    path: '/auth/second-factors/challenge',
    tag,
    summary: 'What the own passkey is asked with, when signed in',
    description: 'For an action that asks for a second factor again, such as taking one away.',
    auth: 'jwt',
    beforeSecondFactor: true,
    response: PasskeyStep,
    errors: ['NOT_FOUND', 'NOT_SUPPORTED'],
    handler: async ({ ctx }) => ({ ...(await askPasskey(ctx)) }),
  }),
  route({
    method: 'post',
    path: '/auth/second-factors/confirm',
    tag,
    summary: 'Give the second factor in this sign-in',
    description: 'Where a workspace asks for one (SECOND_FACTOR_MISSING) and the sign-in was made without.',
    auth: 'jwt',
    beforeSecondFactor: true,
    body: ConfirmFactorFields,
    response: z.object({ token: z.string() }),
    errors: ['NOT_FOUND', 'NOT_SUPPORTED'],
    example: { body: { code: '123456' } },
    handler: async ({ ctx, body }) => ({ ...(await confirmFactor(ctx, body)) }),
  }),
  route({
    method: 'post',
    path: '/auth/second-factors/recovery-codes',
    tag,
    summary: 'Make new recovery codes',
    description: 'Ten, in place of those of before; each signs in once. Shown once.',
    auth: 'jwt',
    beforeSecondFactor: true,
    body: PasswordAndFactorFields,
    response: z.object({ recoveryCodes: z.array(z.string()) }),
    errors: ['NOT_FOUND', 'CONFLICT', 'NOT_SUPPORTED'],
    example: { body: { password: 'password123', code: '123456' } },
    handler: async ({ ctx, body }) => ({ recoveryCodes: await renewRecoveryCodes(ctx, body) }),
  }),
  route({
    method: 'post',
    path: '/auth/second-factors/:id/remove',
    tag,
    summary: 'Take a second factor away',
    description:
      'With the password and a code, or what a passkey signed. An account without a password signs in again instead, at most 15 minutes before. The recovery codes go with the last factor.',
    auth: 'jwt',
    beforeSecondFactor: true,
    params: FactorParams,
    body: PasswordAndFactorFields,
    response: Message,
    errors: ['NOT_FOUND', 'CONFLICT', 'NOT_SUPPORTED'],
    example: { params: AN_ID, body: { password: 'password123', code: '123456' } },
    handler: async ({ ctx, params, body }) => {
      await removeFactor(ctx, { ...body, ...params });
      return { message: 'The second factor was taken away.' };
    },
  }),
  route({
    method: 'delete',
    path: '/user/:id/second-factors',
    tag: 'Users',
    summary: "Take away a user's second factors",
    description:
      'For somebody who has lost them. Who it was is kept in the audit; the user is told by mail where there is an SMTP server.',
    auth: 'jwt',
    role: 'admin',
    writes: true,
    params: UserIdParams,
    response: Message,
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: { id: NOBODY } },
    handler: async ({ ctx, params }) => {
      await clearFactors(ctx, params);
      return { message: 'The second factors were taken away.' };
    },
  }),
];

const signInRoutes: Route[] = [
  route({
    method: 'get',
    path: '/auth/sign-ins',
    tag,
    summary: 'Where one is signed in',
    description:
      'At most 100, whichever was used last comes first. A token of a release before is in none of them.',
    auth: 'jwt',
    beforeSecondFactor: true,
    response: z.object({ data: z.array(SignIn) }),
    handler: async ({ ctx }) => ({ data: await listSignIns(ctx) }),
  }),
  route({
    method: 'delete',
    path: '/auth/sign-ins/:id',
    tag,
    summary: 'End one sign-in',
    description: 'With all its tokens, at once; its event streams end within five seconds.',
    auth: 'jwt',
    beforeSecondFactor: true,
    params: SignInParams,
    response: Message,
    errors: ['NOT_FOUND'],
    example: { params: AN_ID },
    handler: async ({ ctx, params }) => {
      await endSignIn(ctx, params);
      return { message: 'The sign-in was ended.' };
    },
  }),
];

const resetRoutes: Route[] = [
  route({
    method: 'post',
    path: '/auth/forgot-password',
    tag,
    summary: 'Ask for a link for a new password',
    description:
      'Where the service sends mails (SMTP_HOST). The answer is the same whether there is such an account or not. The link works once, for an hour; at most three mails to one address in an hour, and 20 questions from one network.',
    auth: 'public',
    body: ForgotPasswordFields,
    status: 202,
    response: Message,
    errors: ['NOT_SUPPORTED'],
    example: { body: { email: 'user@example.com' } },
    handler: async ({ ctx, body, http }) => {
      const language = mailLanguage(http.req.header('accept-language'), languageOf(ctx.config));
      await askForReset(ctx, { ...body, language });
      return { message: 'If there is an account with this address, a mail with a link is on its way.' };
    },
  }),
  route({
    method: 'post',
    path: '/auth/reset-password',
    tag,
    summary: 'Choose a new password, with the token of a link',
    description: 'Once. Every sign-in, token and signed link of before is over; the second factor stays.',
    auth: 'public',
    body: ResetPasswordFields,
    response: Message,
    errors: ['NOT_FOUND'],
    example: { body: { token: A_TOKEN, password: 'correct horse battery' } },
    handler: async ({ ctx, body }) => {
      await resetPassword(ctx, body);
      return { message: 'The password was changed: sign in with it.' };
    },
  }),
  route({
    method: 'post',
    path: '/user/:id/reset-link',
    tag: 'Users',
    summary: 'Make a link for a new password of a user',
    description: 'It works once, for a day; hand it over. One that was made before is over.',
    auth: 'jwt',
    role: 'admin',
    writes: true,
    params: UserIdParams,
    status: 201,
    response: z.object({ data: ResetLink }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: { id: NOBODY } },
    handler: async ({ ctx, params }) => ({ data: await makeResetLink(ctx, params) }),
  }),
  route({
    method: 'post',
    path: '/workspace/members/:userId/reset-link',
    tag: 'Workspace',
    summary: 'Make a link for a new password of a member',
    description:
      'For a member who belongs to this workspace only and does not administer the service. It works once, for a day; hand it over.',
    auth: 'jwt',
    writes: true,
    permission: 'members',
    params: MemberParams,
    status: 201,
    response: z.object({ data: ResetLink }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: { userId: NOBODY } },
    handler: async ({ ctx, params }) => ({ data: await makeMemberResetLink(ctx, params) }),
  }),
];

export const signInSecurityRoutes: Route[] = [
  ...stepRoutes,
  ...factorRoutes,
  ...signInRoutes,
  ...resetRoutes,
];
