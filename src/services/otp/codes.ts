/** Making, proving and sealing codes. Only these functions ever hold one. */
import { randomInt } from 'node:crypto';
import type { SecretBox } from '../../utils/crypto.ts';
import { toPlainText } from '../../utils/phone/characters.ts';

export const MIN_LENGTH = 4;
export const MAX_LENGTH = 8;

/** The sealed part of a pending OTP: enough to write the same message again. */
export interface SealedCode {
  code: string;
  template: string;
}

interface OtpRef {
  id: string;
  userId: number;
}

/** Digits from the system's random source, each value as likely as the next, leading zeros included. */
export function makeCode(length: number): string {
  return String(randomInt(10 ** length)).padStart(length, '0');
}

/** The code that a person typed or pasted: digits of any script, without the spaces, dashes and invisible marks around them. */
export function cleanCode(typed: string): string {
  return toPlainText(typed).replace(/[\s-]/g, '');
}

/** Binds the code to its tenant and OTP under the server's key: equal codes have different proofs. */
export function macOf(secrets: SecretBox, otp: OtpRef, code: string): string {
  return secrets.mac(PURPOSE, provenText(otp, code));
}

/** Compares in constant time. False once the proof is erased. */
export function isRight(secrets: SecretBox, otp: OtpRef & { codeMac: string | null }, code: string): boolean {
  return secrets.isMac(PURPOSE, provenText(otp, code), otp.codeMac ?? '') && otp.codeMac !== null;
}

const PURPOSE = 'otp';
const provenText = (otp: OtpRef, code: string) => `${otp.userId}:${otp.id}:${code}`;

/** Encrypts for this OTP alone. */
export function sealCode(secrets: SecretBox, otp: OtpRef, sealed: SealedCode): string {
  return secrets.sealText(JSON.stringify(sealed), sealedCodeContext(otp));
}

/** Throws when the key is not known any more or the text was moved from another row. */
export function openCode(secrets: SecretBox, otp: OtpRef, sealed: string): SealedCode {
  return toSealedCode(secrets.openText(sealed, sealedCodeContext(otp)));
}

/** Safe because the text is authenticated and only `sealCode` makes it. */
function toSealedCode(text: string): SealedCode {
  return JSON.parse(text) as SealedCode;
}

/** The context that a code is sealed with. */
export const sealedCodeContext = (otp: OtpRef) => `otp:${otp.userId}:${otp.id}`;
