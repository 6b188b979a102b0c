/** Statuses and sentences of the older systems, where clients depend on them. */
import type { FailureStyle } from './dialect.ts';

const COMMON: FailureStyle['messages'] = {
  SESSION_NOT_FOUND: 'Session tidak ditemukan',
  QR_NOT_READY: 'QR Code belum tersedia',
  ALREADY_CONNECTED: 'Session sudah terhubung',
  INVALID_NUMBER: 'Format nomor tidak valid',
  NOT_ON_WHATSAPP: 'Nomor tidak terdaftar di WhatsApp',
  FILE_TOO_LARGE: 'File terlalu besar',
  RATE_LIMITED: (seconds) => `Terlalu banyak permintaan. Coba lagi dalam ${seconds} detik.`,
  INTERNAL: 'Terjadi kesalahan pada server',
};

/** The OTP API knows 400 for all of these. */
export const OTP_API_FAILURES: FailureStyle = {
  statuses: { NOT_CONNECTED: 400, OTP_NOT_FOUND: 400, OTP_EXPIRED: 400, OTP_MAX_ATTEMPTS: 400 },
  messages: {
    ...COMMON,
    UNAUTHORIZED: 'Invalid API key',
    NOT_CONNECTED: 'Session tidak terhubung',
    OTP_NOT_FOUND: 'OTP tidak ditemukan',
    OTP_INVALID: 'OTP tidak valid',
    OTP_EXPIRED: 'OTP sudah kedaluwarsa',
    OTP_MAX_ATTEMPTS: 'Terlalu banyak percobaan',
  },
};

export const BROADCAST_API_FAILURES: FailureStyle = {
  statuses: {},
  messages: {
    ...COMMON,
    NOT_CONNECTED: 'WhatsApp tidak terhubung',
    BROADCAST_IN_PROGRESS: 'Broadcast sedang berjalan',
  },
  errors: { RATE_LIMITED: 'Terlalu banyak request' },
};
