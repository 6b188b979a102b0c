/** The words around a code. Pure: checking, filling in, and the two default texts. */

import type { OTP_LANGUAGES } from '../../db/schema.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';

export type OtpLanguage = (typeof OTP_LANGUAGES)[number];

/** WhatsApp takes far more; a code that has to be looked for is not read. */
const MAX_TEMPLATE_LENGTH = 1000;
/** Of the three, each counted each time: what is filled in stays far below WhatsApp's limit of a text. */
const MAX_PLACEHOLDERS = 50;
const PLACEHOLDERS: ReadonlySet<string> = new Set(['otp', 'company', 'minutes']);
const PLACEHOLDER = /\{([^{}]*)\}/g;

const DEFAULTS: Record<OtpLanguage, { named: string; plain: string }> = {
  id: {
    named:
      '🔐 *Kode verifikasi {company}*\n\nKode Anda: *{otp}*\n\n⏳ Berlaku {minutes} menit.\n⚠️ Jangan berikan kode ini kepada siapa pun, termasuk yang mengaku dari {company}.',
    plain:
      '🔐 *Kode verifikasi*\n\nKode Anda: *{otp}*\n\n⏳ Berlaku {minutes} menit.\n⚠️ Jangan berikan kode ini kepada siapa pun.',
  },
  en: {
    named:
      '🔐 *{company} verification code*\n\nYour code: *{otp}*\n\n⏳ Valid for {minutes} minutes.\n⚠️ Never give this code to anyone, not even to somebody from {company}.',
    plain:
      '🔐 *Verification code*\n\nYour code: *{otp}*\n\n⏳ Valid for {minutes} minutes.\n⚠️ Never give this code to anyone.',
  },
};

/** The text for those who brought none. */
export function defaultTemplate(language: OtpLanguage, companyName: string | null): string {
  return companyName === null ? DEFAULTS[language].plain : DEFAULTS[language].named;
}

/** Throws VALIDATION_FAILED (details under `field`) unless the text has `{otp}` and no placeholder but ours. */
export function checkTemplate(text: string, field: string): void {
  const problem = problemOf(text);
  if (problem === null) return;
  throw new AppError('VALIDATION_FAILED', `Not valid: ${field} ${problem}.`, {
    details: { [field]: problem },
  });
}

function problemOf(text: string): string | null {
  if (text.length > MAX_TEMPLATE_LENGTH) return `must have at most ${MAX_TEMPLATE_LENGTH} characters`;
  const names = [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => name.toLowerCase());
  if (names.length > MAX_PLACEHOLDERS) {
    return `has ${names.length} placeholders; at most ${MAX_PLACEHOLDERS} are possible: write fewer of them`;
  }
  const unknown = names.find((name) => !PLACEHOLDERS.has(name));
  if (unknown !== undefined)
    return `has the unknown placeholder {${unknown}}: use {otp}, {company}, {minutes}`;
  if (/[{}]/.test(text.replace(PLACEHOLDER, ''))) return 'has a brace that belongs to no placeholder';
  if (!names.includes('otp')) return 'lacks the placeholder {otp}';
  return null;
}

/** True when the text cannot be filled in without the company's name. */
export function needsCompany(text: string): boolean {
  return /\{company\}/i.test(text);
}

/** Fills in, in one pass: what a value holds is never read as a placeholder. Whole minutes, rounded up. */
export function fillTemplate(
  text: string,
  values: { otp: string; company: string | null; remainingMs: number },
): string {
  const byName = new Map([
    ['otp', values.otp],
    ['company', values.company ?? ''],
    ['minutes', String(Math.max(1, Math.ceil(values.remainingMs / MINUTE_MS)))],
  ]);
  return text.replace(PLACEHOLDER, (all, name: string) => byName.get(name.toLowerCase()) ?? all);
}
