/** A failure as a person reads it: a page, or the lines above the form that caused it. */

import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { HttpContext } from '../../middlewares/http-env.ts';
import { type AppError, ERROR_STATUS, type ErrorCode } from '../../utils/errors.ts';
import { type Lang, texts } from './i18n.ts';
import { Layout } from './layout.tsx';
import * as english from './locales/en/failure.ts';
import * as indonesian from './locales/id/failure.ts';
import type { View } from './page.ts';
import { reasonInIndonesian } from './reasons.ts';

const T = texts({ en: english.failure, id: indonesian.failure });

/** For htmx the lines go into `#alert`, and what was typed stays; otherwise they are a page of their own. */
export function answerPageFailure(
  c: HttpContext,
  view: View,
  failure: AppError,
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
    <Layout view={view} title={title} section={null} done={null}>
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

/**
 * What went wrong, in Indonesian, by code. The verbs' own sentences are English; they say more than the code, so they
 * stand below it.
 */
const IN_INDONESIAN: Record<ErrorCode, string> = {
  VALIDATION_FAILED: 'Ada isian yang belum benar.',
  INVALID_NUMBER: 'Ini bukan nomor telepon.',
  URL_REFUSED: 'Alamat ini tidak boleh dipakai.',
  OTP_INVALID: 'Kodenya salah.',
  PASSKEY_EXPIRED: 'Permintaan passkey sudah kedaluwarsa.',
  PASSKEY_REFUSED: 'WhatsApp menolak tanda tangan passkey.',
  UNAUTHORIZED: 'Tidak dapat masuk dengan ini.',
  FORBIDDEN: 'Ini tidak diizinkan.',
  NOT_FOUND: 'Tidak ada di sini.',
  SESSION_NOT_FOUND: 'Sesi ini tidak ada.',
  QR_NOT_READY: 'Kode QR belum siap.',
  OTP_NOT_FOUND: 'Tidak ada kode yang menunggu.',
  METHOD_NOT_ALLOWED: 'Ini tidak dapat dilakukan di sini.',
  SESSION_EXISTS: 'Sesi dengan nama ini sudah ada.',
  DUPLICATE_PHONE: 'Nomor ini sudah tertaut pada sesi lain.',
  ALREADY_CONNECTED: 'Sesi ini sudah terhubung.',
  NOT_CONNECTED: 'Sesi ini tidak terhubung.',
  QUOTA_EXCEEDED: 'Batas untuk akun ini sudah tercapai.',
  BROADCAST_IN_PROGRESS: 'Siaran untuk daftar ini masih berjalan.',
  CONFLICT: 'Ini bertentangan dengan yang sudah ada.',
  IDEMPOTENCY_CONFLICT: 'Kunci idempotensi sudah dipakai.',
  IDEMPOTENCY_IN_PROGRESS: 'Permintaan yang sama masih berjalan.',
  OTP_EXPIRED: 'Kodenya sudah kedaluwarsa.',
  BODY_TOO_LARGE: 'Isian terlalu besar.',
  FILE_TOO_LARGE: 'Berkas terlalu besar.',
  UNSUPPORTED_MEDIA: 'Jenis berkas ini tidak didukung.',
  NOT_SUPPORTED: 'Ini tidak didukung.',
  FILE_INFECTED: 'Berkas ini mengandung virus.',
  NOT_ON_WHATSAPP: 'Nomor ini tidak ada di WhatsApp.',
  RATE_LIMITED: 'Terlalu sering: tunggu sebentar.',
  OTP_MAX_ATTEMPTS: 'Terlalu banyak percobaan.',
  INTERNAL: 'Ada yang salah di pihak kami.',
  SEND_FAILED: 'Pesan tidak terkirim.',
  UNAVAILABLE: 'Layanan sedang tidak tersedia. Coba lagi.',
};

/** Why a number was refused, by `details.reason`. */
const NUMBER_IN_INDONESIAN: Record<string, string> = {
  empty: 'Nomornya kosong.',
  too_long: 'Ini terlalu panjang untuk nomor telepon.',
  digits_lost:
    'Lembar kerja memendekkan nomor ini (seperti 8,12E+10) dan angka terakhirnya hilang: tulis lagi selengkapnya.',
  letters: 'Nomor telepon tidak berisi huruf.',
  leftover: 'Ada hal lain di samping nomor telepon.',
  two_numbers: 'Ini beberapa nomor: tulis satu saja.',
  lid: 'LID (…@lid) bukan nomor telepon dan tidak dapat dipakai di sini.',
  group: 'Ini id grup, bukan nomor telepon.',
  ambiguous: 'Bisa jadi ini nomor negara lain: tulis dengan + dan kode negara.',
};

function inIndonesian({ code, details }: AppError): string {
  const general = IN_INDONESIAN[code];
  if (code !== 'INVALID_NUMBER') return general;
  const readings = Array.isArray(details?.readings) ? details.readings.map(String) : [];
  if (readings.length > 1) {
    return `Nomor ini dapat dibaca dengan ${readings.length} cara dan tidak dikirimi apa pun. Tulis ${readings.join(' atau ')}.`;
  }
  return NUMBER_IN_INDONESIAN[String(details?.reason)] ?? general;
}

function FailureLines({ failure, lang }: { failure: AppError; lang: Lang }) {
  const details = failure.code === 'VALIDATION_FAILED' ? Object.entries(failure.details ?? {}) : [];
  return (
    <>
      <p>
        <strong>{lang === 'id' ? inIndonesian(failure) : failure.message}</strong>
      </p>
      {lang !== 'en' && (
        <p class="small" lang="en">
          {failure.message}
        </p>
      )}
      {details.length > 0 && (
        <ul>
          {details.map(([field, reason]) => (
            <li data-field={field}>
              <b>{field}</b> {reasonIn(lang, String(reason))}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const reasonIn = (lang: Lang, reason: string): string =>
  (lang === 'id' ? reasonInIndonesian(reason) : null) ?? reason;

/** Safe because every status of a failure has a body. */
function toStatus(status: number): ContentfulStatusCode {
  return status as ContentfulStatusCode;
}
