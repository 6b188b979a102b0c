/** Codes of an authenticator app (TOTP, RFC 6238): SHA-1, six digits, a new one every 30 seconds. */
import { Secret, TOTP } from 'otpauth';
import type { SecretBox } from '../../../utils/crypto.ts';

const STEP_SECONDS = 30;
/** A code is good one step before and after its own: 90 seconds in all, for clocks that differ. */
const WINDOW_STEPS = 1;
/** RFC 4226, 4: 160 bits. */
const SECRET_BYTES = 20;
const ISSUER = 'WaHub';

/** Binds a sealed secret to its row. */
export const sealedTotpContext = (id: string): string => `second_factors:${id}`;

/** A new secret, sealed for the row of that id. */
export function newTotpSecret(secrets: SecretBox, id: string): string {
  return secrets.sealText(new Secret({ size: SECRET_BYTES }).base32, sealedTotpContext(id));
}

interface SealedTotp {
  id: string;
  /** as the row holds it */
  secret: string;
}

/** What an app takes to set the secret up: by hand, or as the address in a QR code. */
export function describeTotp(
  secrets: SecretBox,
  row: SealedTotp,
  label: string,
): { secret: string; uri: string } {
  const totp = open(secrets, row, label);
  return { secret: totp.secret.base32, uri: totp.toString() };
}

/** The time step of a code that is right at `now` (epoch ms); null for a wrong one. */
export function stepOfCode(secrets: SecretBox, row: SealedTotp, code: string, now: number): number | null {
  const delta = open(secrets, row, '').validate({ token: code, timestamp: now, window: WINDOW_STEPS });
  return delta === null ? null : Math.floor(now / 1000 / STEP_SECONDS) + delta;
}

function open(secrets: SecretBox, { id, secret }: SealedTotp, label: string): TOTP {
  const base32 = secrets.openText(secret, sealedTotpContext(id));
  return new TOTP({
    issuer: ISSUER,
    label: label === '' ? ISSUER : label,
    algorithm: 'SHA1',
    digits: 6,
    period: STEP_SECONDS,
    secret: Secret.fromBase32(base32),
  });
}
