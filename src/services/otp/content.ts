/** From the name of an OTP to the text that is sent, at the last moment. */
import type { TextContent } from '../../whatsapp/content.ts';
import { openCode, type SealedCode } from './codes.ts';
import type { OtpContent } from './deliver.ts';
import type { OtpDeps } from './deps.ts';
import { isOpen, type OtpRow, readOtp } from './rows.ts';
import { fillTemplate } from './template-text.ts';

/** True for the content that history keeps of a code's message. */
export function isOtpContent(content: unknown): content is OtpContent {
  return (
    typeof content === 'object' &&
    content !== null &&
    'type' in content &&
    content.type === 'otp' &&
    'otpId' in content &&
    typeof content.otpId === 'string'
  );
}

/**
 * The text of an OTP's message, for the dispatcher right before it sends and for a resend that the recipient's
 * phone asks for. Null once the code cannot be used any more: a dead code must not leave.
 */
export async function openOtpContent(deps: OtpDeps, content: OtpContent): Promise<TextContent | null> {
  const otp = await readOtp(deps.db, content.otpId);
  const now = deps.clock.now();
  if (!otp || !isOpen(otp) || otp.sealed === null) return null;
  return writeCode({ ...otp, ...openCode(deps.secrets, otp, otp.sealed) }, now);
}

/** The text of a code that is open; null when its time is over. */
export function writeCode(
  { code, template, companyName, expiresAt }: SealedCode & Pick<OtpRow, 'companyName' | 'expiresAt'>,
  now: number,
): TextContent | null {
  const remainingMs = expiresAt - now;
  if (remainingMs <= 0) return null;
  return { type: 'text', text: fillTemplate(template, { otp: code, company: companyName, remainingMs }) };
}
