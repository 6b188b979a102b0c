/** From the name of an OTP to the text that is sent, at the last moment. */
import type { TextContent } from '../../whatsapp/content.ts';
import { openCode } from './codes.ts';
import type { OtpContent } from './deliver.ts';
import type { OtpDeps } from './deps.ts';
import { isOpen, readOtp } from './rows.ts';
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
  if (!otp || !isOpen(otp) || otp.sealed === null || otp.expiresAt <= now) return null;
  const { code, template } = openCode(deps.secrets, otp, otp.sealed);
  const remainingMs = otp.expiresAt - now;
  return { type: 'text', text: fillTemplate(template, { otp: code, company: otp.companyName, remainingMs }) };
}
