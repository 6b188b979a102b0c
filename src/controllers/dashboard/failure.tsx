/** A failure as a person reads it: a page, or the lines above the form that caused it. */

import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { z } from 'zod';
import type { HttpContext } from '../../middlewares/http-env.ts';
import type { Alarm } from '../../services/alarms/reader.ts';
import { explainError } from '../../services/messages/failure-words.ts';
import { type AppError, ERROR_STATUS, type ErrorCode } from '../../utils/errors.ts';
import { own } from '../../utils/own.ts';
import { type Lang, texts } from './i18n.ts';
import { Layout } from './layout.tsx';
import * as english from './locales/en/failure.ts';
import * as englishFields from './locales/en/fields.ts';
import * as indonesian from './locales/id/failure.ts';
import * as indonesianFailures from './locales/id/failures.ts';
import * as indonesianFields from './locales/id/fields.ts';
import type { View } from './page.ts';
import { reasonInIndonesian, sentenceInIndonesian } from './reasons.ts';

const FIELDS: Record<Lang, Record<string, string>> = {
  en: englishFields.fields,
  id: indonesianFields.fields,
};

const T = texts({ en: english.failure, id: indonesian.failure });

/** For htmx the lines go into `#alert`, and what was typed stays; otherwise they are a page of their own. */
export function answerPageFailure(
  c: HttpContext,
  view: View,
  failure: AppError,
  alarms: readonly Alarm[],
): Response | Promise<Response> {
  c.set('failure', failure.code);
  c.set('failureMessage', failure.message);
  if (failure.retryAfterSeconds !== undefined) {
    c.header('retry-after', String(Math.max(1, Math.ceil(failure.retryAfterSeconds))));
  }
  const status = toStatus(ERROR_STATUS[failure.code]);
  const lines = <FailureLines failure={failure} lang={view.lang} />;
  if (c.req.header('hx-request') !== undefined) {
    c.header('hx-retarget', '#alert');
    c.header('hx-reswap', 'innerHTML');
    return c.html(lines, status);
  }
  const t = T(view.lang);
  const title = failure.code === 'NOT_FOUND' || failure.code === 'SESSION_NOT_FOUND' ? t.missing : t.title;
  const page = (
    <Layout view={view} alarms={alarms} title={title} section={null} done={null}>
      <h1>{title}</h1>
      <div class="alert alert-bad">{lines}</div>
      <p class="muted">{t.id(c.get('requestId'))}</p>
      <p>
        <a class="button" href="/dashboard">
          {t.back}
        </a>
      </p>
    </Layout>
  );
  return c.html(`<!doctype html>${page.toString()}`, status);
}

const NUMBER_FIELDS = ['to', 'number', 'numbers', 'phone', 'phoneNumber', 'contactPhone'];
const FILE_FIELDS = ['file', 'url', 'media', 'mediaUrl'];
/** The fields that such a failure is about, by their names in forms; it stands at the first that the form has. */
const FIELDS_OF: Partial<Record<ErrorCode, readonly string[]>> = {
  INVALID_NUMBER: NUMBER_FIELDS,
  NOT_ON_WHATSAPP: NUMBER_FIELDS,
  URL_REFUSED: ['url', 'mediaUrl', 'media', 'proxy'],
  OTP_INVALID: ['otp'],
  SESSION_EXISTS: ['sessionId'],
  SESSION_NOT_FOUND: ['session', 'sessionId'],
  DUPLICATE_PHONE: ['phoneNumber', 'phone'],
  NOT_CONNECTED: ['session', 'sessionId'],
  FILE_TOO_LARGE: FILE_FIELDS,
  UNSUPPORTED_MEDIA: FILE_FIELDS,
  FILE_INFECTED: FILE_FIELDS,
};

/** Why a number was refused, by `details.reason`. */
const NUMBER_IN_INDONESIAN: Record<string, string> = {
  empty: 'Nomornya kosong.',
  too_long: 'Ini terlalu panjang untuk nomor telepon.',
  digits_lost: 'Nomor ini terpotong oleh spreadsheet (misalnya 8,12E+10). Masukkan semua angkanya.',
  letters: 'Nomor telepon tidak boleh berisi huruf.',
  leftover: 'Masukkan nomor teleponnya saja.',
  two_numbers: 'Masukkan satu nomor saja.',
  not_a_phone_jid: 'Ini bukan alamat ponsel (…@s.whatsapp.net).',
  username: 'Username WhatsApp (@nama) belum bisa dipakai. Tulis nomornya dengan + dan kode negara.',
  lid: 'LID (…@lid) bukan nomor telepon dan tidak bisa dipakai di sini.',
  group: 'Ini ID grup, bukan nomor telepon.',
  ambiguous: 'Bisa jadi ini nomor negara lain. Awali dengan + dan kode negara.',
};

function inIndonesian({ code, details, message }: AppError): string {
  if (code !== 'INVALID_NUMBER') {
    return sentenceInIndonesian(message) ?? whyNotSent(code, details) ?? indonesianFailures.failures[code];
  }
  const place = placeOf(details);
  if (place === null) return numberInIndonesian(message, details);
  const { index, total, invalidCount } = place;
  const which = `nomor ke-${index + 1} dari ${total}`;
  const said = numberInIndonesian(message, details);
  return invalidCount === 1
    ? `Masalah pada ${which}: ${said}`
    : `${invalidCount} nomor tidak bisa dibaca. Yang pertama ${which}: ${said}`;
}

/** Why a message that was waited for did not go; null for a failure of anything else. */
function whyNotSent(code: ErrorCode, details: AppError['details']): string | null {
  const { errorCode } = details ?? {};
  const isMessage = code === 'SEND_FAILED' && typeof errorCode === 'string';
  return isMessage ? (explainError('id', errorCode)?.why ?? null) : null;
}

/** Of a list of numbers, which of them are wrong. */
const PlaceDetails = z.object({
  index: z.int(),
  total: z.int(),
  invalidCount: z.int(),
  invalid: z.array(z.object({ index: z.int(), number: z.string() })),
});

/** Null for a failure that is not about one of many numbers. */
function placeOf(details: AppError['details']): z.output<typeof PlaceDetails> | null {
  return details?.invalidCount === undefined ? null : PlaceDetails.parse(details);
}

function numberInIndonesian(message: string, details: AppError['details']): string {
  const readings = Array.isArray(details?.readings) ? details.readings.map(String) : [];
  if (readings.length > 1) {
    return `Nomor ini bisa dibaca dengan ${readings.length} cara. Tulis ${readings.join(' atau ')}.`;
  }
  return (
    NUMBER_IN_INDONESIAN[String(details?.reason)] ??
    sentenceInIndonesian(message) ??
    indonesianFailures.failures.INVALID_NUMBER
  );
}

function sentenceOf(failure: AppError, lang: Lang, hasFields: boolean): string {
  if (hasFields && NAMES_FIELDS.test(failure.message)) return T(lang).check;
  return lang === 'id' ? inIndonesian(failure) : failure.message;
}

/** Sentences that only name fields by their names in the API. */
const NAMES_FIELDS = /^(?:Not valid: |Some fields are not right)/;

/** A failure in words, with the fields that it is about. */
export function FailureLines({ failure, lang }: { failure: AppError; lang: Lang }) {
  const details = failure.code === 'VALIDATION_FAILED' ? Object.entries(failure.details ?? {}) : [];
  const wrong = failure.code === 'INVALID_NUMBER' ? (placeOf(failure.details)?.invalid ?? []) : [];
  const known = FIELDS[lang];
  return (
    <>
      <p data-field={FIELDS_OF[failure.code]?.join(' ')}>
        <strong>{sentenceOf(failure, lang, details.length > 0)}</strong>
      </p>
      {details.length > 0 && (
        <ul>
          {details.map(([field, reason]) => (
            <li data-field={field}>
              <b>{own(known, field) ?? field}</b> {reasonIn(lang, String(reason))}
            </li>
          ))}
        </ul>
      )}
      {wrong.length > 0 && (
        <ul>
          {wrong.map(({ index, number }) => (
            <li>
              <b>{index + 1}</b> {number}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const reasonIn = (lang: Lang, reason: string): string =>
  lang === 'id' ? (reasonInIndonesian(reason) ?? 'tidak valid') : reason;

/** Safe because every status of a failure has a body. */
function toStatus(status: number): ContentfulStatusCode {
  return status as ContentfulStatusCode;
}
