import type { OtpStatus } from '../../../services/analytics/otp-log.ts';
import { own } from '../../../utils/own.ts';
import { type Lang, texts } from '../i18n.ts';
import * as english from '../locales/en/otp.ts';
import * as indonesian from '../locales/id/otp.ts';

const T = texts({ en: english.otp, id: indonesian.otp });

const STATES: Record<Lang, Record<OtpStatus, readonly [name: string, meaning: string]>> = {
  en: english.states,
  id: indonesian.states,
};

const REASONS: Record<Lang, Record<string, string>> = { en: english.reasons, id: indonesian.reasons };

export const OTP_TEXTS = (lang: Lang) => ({
  ...T(lang),
  states: STATES[lang],
  reasonOf: (reason: string) => own(REASONS[lang], reason) ?? '',
});
export type OtpTexts = ReturnType<typeof OTP_TEXTS>;
