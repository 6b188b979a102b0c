/** The inputs of the verbs of second factors, for every surface. */
import { z } from 'zod';
import { nameOf } from '../../fields.ts';

/** base64url, as `PublicKeyCredential.toJSON()` writes it */
const bytes = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[A-Za-z0-9_-]+={0,2}$/, 'must be base64url');

const credential = { id: bytes(2_048), rawId: bytes(2_048), type: z.literal('public-key') };
const FROM_BROWSER = 'must be the JSON that the browser gave';
/** Nothing of it is used; the library asks for the field. */
const clientExtensionResults = z
  .record(z.string(), z.unknown())
  .optional()
  .transform(() => ({}));

/** What `navigator.credentials.create` gave, as JSON. */
export const Attestation = z.object(
  {
    ...credential,
    response: z.object({
      clientDataJSON: bytes(8_192),
      attestationObject: bytes(32_768),
      transports: z.array(z.string().max(32)).max(10).optional(),
    }),
    clientExtensionResults,
  },
  FROM_BROWSER,
);

/** What `navigator.credentials.get` gave, as JSON. */
export const Assertion = z.object(
  {
    ...credential,
    response: z.object({
      clientDataJSON: bytes(8_192),
      authenticatorData: bytes(8_192),
      signature: bytes(2_048),
      userHandle: bytes(512)
        .nullish()
        .transform((handle) => handle ?? undefined),
    }),
    clientExtensionResults,
  },
  FROM_BROWSER,
);

const Password = z.string().min(1, 'must not be empty').max(1024);
const Token = z.string().min(1, 'must not be empty').max(200);
const Code = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(64)
  .describe('of the authenticator app, or a recovery code');

/** One of the two. */
const proof = {
  code: Code.optional(),
  assertion: Assertion.optional().describe('what the passkey signed; with `token`'),
};

interface Given {
  code?: string | undefined;
  assertion?: unknown;
}
const isOne = ({ code, assertion }: Given) => (code === undefined) !== (assertion === undefined);
const ONE = { path: ['code'], error: 'send a code or an assertion' };

export const FactorSignInFields = z
  .object({ token: Token.describe('of the answer SECOND_FACTOR_REQUIRED'), ...proof })
  .refine(isOne, ONE);
export type FactorSignInFields = z.output<typeof FactorSignInFields>;

export const StepToken = z.object({ token: Token });
export type StepToken = z.output<typeof StepToken>;

const ProofFields = z.object({
  ...proof,
  token: Token.optional().describe('of `POST /auth/second-factors/challenge`, with `assertion`'),
});
export type ProofFields = z.output<typeof ProofFields>;

export const ConfirmFactorFields = ProofFields.refine(isOne, ONE);
export type ConfirmFactorFields = z.output<typeof ConfirmFactorFields>;

/** What weakens the account asks for both. */
export const PasswordAndFactorFields = z
  .object({
    ...ProofFields.shape,
    password: Password.optional().describe(
      'needed but for an account without one: that is to have signed in within the last 15 minutes',
    ),
  })
  .refine(isOne, ONE);
export type PasswordAndFactorFields = z.output<typeof PasswordAndFactorFields>;

export const FactorName = nameOf(100);

export const EnrolFields = z.object({
  password: Password.optional().describe('needed when the sign-in is older than 15 minutes'),
});
export type EnrolFields = z.output<typeof EnrolFields>;

export const EnrolTotpFields = z.object({ ...EnrolFields.shape, name: FactorName.optional() });
export type EnrolTotpFields = z.output<typeof EnrolTotpFields>;

export const ConfirmTotpFields = z.object({ id: z.string().max(64), code: Code.describe('of the app') });
export type ConfirmTotpFields = z.output<typeof ConfirmTotpFields>;

export const ConfirmPasskeyFields = z.object({
  token: Token,
  name: FactorName.optional(),
  attestation: Attestation.describe('what `navigator.credentials.create` gave'),
});
export type ConfirmPasskeyFields = z.output<typeof ConfirmPasskeyFields>;

export const FactorParams = z.object({ id: z.string().max(64) });
export type FactorParams = z.output<typeof FactorParams>;
