/** Why a session is as it is, and what to do about it, in plain words. The same causes are in docs/operations.md. */
import type { SessionOutput } from '../../../services/sessions/index.ts';
import type { CloseReason } from '../../../whatsapp/engine.ts';
import type { Lang } from '../i18n.ts';
import type { Tone } from '../parts.tsx';

export type SessionState = Pick<SessionOutput, 'status' | 'reason'>;
type Status = SessionOutput['status'];

/** Ends of a socket that never become a session's reason. */
type Silent = 'closed_by_us' | 'ownership_lost' | 'logged_out';
type Reason =
  | Exclude<CloseReason, Silent>
  | 'device_removed'
  | 'phone_mismatch'
  | 'duplicate_phone'
  | 'user_disabled';

export interface Explanation {
  /** one or two words */
  state: string;
  /** why; empty when there is nothing to say */
  why: string;
  /** what to do; empty when there is nothing to do */
  todo: string;
}

const STATES: Record<Lang, Record<Status | 'unlinked', string>> = {
  en: {
    connecting: 'Connecting',
    qr: 'Waiting for the phone',
    passkey: 'Passkey needed',
    passkey_confirm: 'Compare the codes',
    connected: 'Connected',
    disconnected: 'Reconnecting',
    logged_out: 'Logged out',
    replaced: 'Replaced',
    failed: 'Stopped',
    unlinked: 'Not linked',
  },
  id: {
    connecting: 'Menghubungkan',
    qr: 'Menunggu ponsel',
    passkey: 'Perlu passkey',
    passkey_confirm: 'Cocokkan kode',
    connected: 'Terhubung',
    disconnected: 'Menghubungkan ulang',
    logged_out: 'Sudah keluar',
    replaced: 'Digantikan',
    failed: 'Berhenti',
    unlinked: 'Belum tertaut',
  },
};

type Words = readonly [why: string, todo: string];

const WAIT = {
  en: 'It reconnects by itself; what is queued waits. Nothing to do, unless many sessions do so at once: then look at the network.',
  id: 'Sesi menghubungkan ulang sendiri; pesan dalam antrean menunggu. Tidak perlu apa-apa, kecuali banyak sesi begini bersamaan: periksa jaringan.',
};

const REASONS: Record<Lang, Record<Reason, Words>> = {
  en: {
    connection_lost: ['The connection to WhatsApp broke.', WAIT.en],
    timed_out: ['WhatsApp did not answer in time.', WAIT.en],
    unavailable: ['WhatsApp has trouble of its own at the moment.', WAIT.en],
    stalled: ['Nothing came from WhatsApp any more, so the connection was closed.', WAIT.en],
    restart_required: ['WhatsApp asked for a new connection.', WAIT.en],
    untrusted_server: [
      'The server could not prove to be WhatsApp.',
      'A proxy opens encrypted connections on the way, or the WA_SERVER settings are wrong: ask whoever runs this service.',
    ],
    pairing_expired: ['Nobody linked a phone in time.', 'Show a new code and scan it.'],
    passkey_expired: [
      'WhatsApp asked for a passkey, and nobody signed in time.',
      'Show a new code, scan it, and sign within ten minutes.',
    ],
    passkey_refused: [
      'WhatsApp did not accept the passkey signature.',
      'Sign with the passkey of this WhatsApp account. If it is refused again, scan a new code.',
    ],
    passkey_phone_away: [
      'The phone did not answer after the signature.',
      'Keep WhatsApp open on the phone, show a new code and scan it.',
    ],
    passkey_code_differed: [
      'The code on the phone was another one, so nothing was linked.',
      'Show a new code and scan it. If the codes differ again, do not link on this network.',
    ],
    passkey_malformed: [
      'WhatsApp sent a passkey request that this version cannot read.',
      'Show a new code and scan it. If it happens again, ask whoever runs this service for an update.',
    ],
    credentials_unreadable: [
      'The stored credentials of this session cannot be read at the moment.',
      'Whoever runs the service must put the encryption key back; then it connects by itself. Do not link it again.',
    ],
    user_disabled: ['The user of this session is disabled.', 'An administrator can enable the user again.'],
    device_removed: [
      'The phone has removed this device from its linked devices.',
      'Link the phone again: the old credentials are gone.',
    ],
    replaced: [
      'Another program runs with the same credentials and took the connection over.',
      'End that program, then restart this session.',
    ],
    client_outdated: [
      'WhatsApp does not accept this version of the client any more.',
      'The service tries again every few minutes. Ask whoever runs it for an update.',
    ],
    forbidden: [
      'WhatsApp has banned this number, for a time or for good.',
      'Open WhatsApp on the phone and ask for a review there. Do not restart again and again.',
    ],
    bad_session: [
      'WhatsApp does not know the credentials of this session any more.',
      'Log out here, then link the phone again.',
    ],
    phone_mismatch: [
      'Another phone than the expected one was linked; it was logged out again at once.',
      'Link the right phone.',
    ],
    duplicate_phone: [
      'This phone already has another active session of yours.',
      'Use that session, or delete it and link again here.',
    ],
  },
  id: {
    connection_lost: ['Koneksi ke WhatsApp terputus.', WAIT.id],
    timed_out: ['WhatsApp tidak menjawab tepat waktu.', WAIT.id],
    unavailable: ['WhatsApp sendiri sedang bermasalah.', WAIT.id],
    stalled: ['Tidak ada lagi yang datang dari WhatsApp, maka koneksi ditutup.', WAIT.id],
    restart_required: ['WhatsApp meminta koneksi baru.', WAIT.id],
    untrusted_server: [
      'Server tidak dapat membuktikan bahwa ia WhatsApp.',
      'Ada proxy yang membuka koneksi terenkripsi, atau setelan WA_SERVER salah: hubungi pengelola layanan ini.',
    ],
    passkey_expired: [
      'WhatsApp meminta passkey, tetapi tidak ada yang menandatangani tepat waktu.',
      'Tampilkan kode baru, pindai, lalu tanda tangani dalam sepuluh menit.',
    ],
    passkey_refused: [
      'WhatsApp menolak tanda tangan passkey.',
      'Gunakan passkey milik akun WhatsApp ini. Jika ditolak lagi, pindai kode baru.',
    ],
    passkey_phone_away: [
      'Ponsel tidak menjawab setelah passkey ditandatangani.',
      'Biarkan WhatsApp terbuka di ponsel, tampilkan kode baru, lalu pindai.',
    ],
    passkey_code_differed: [
      'Kode di ponsel berbeda, jadi tidak ada yang ditautkan.',
      'Tampilkan kode baru, lalu pindai. Jika kodenya berbeda lagi, jangan tautkan di jaringan ini.',
    ],
    passkey_malformed: [
      'WhatsApp mengirim permintaan passkey yang tidak dapat dibaca versi ini.',
      'Tampilkan kode baru, lalu pindai. Jika terulang, minta pembaruan kepada pengelola layanan ini.',
    ],
    pairing_expired: ['Tidak ada ponsel yang ditautkan tepat waktu.', 'Tampilkan kode baru, lalu pindai.'],
    credentials_unreadable: [
      'Kredensial sesi ini yang tersimpan sedang tidak dapat dibaca.',
      'Pengelola layanan harus memasang kembali kunci enkripsinya; setelah itu sesi terhubung sendiri. Jangan tautkan ulang.',
    ],
    user_disabled: ['Pengguna sesi ini dinonaktifkan.', 'Administrator dapat mengaktifkannya kembali.'],
    device_removed: [
      'Ponsel telah menghapus perangkat ini dari perangkat tertaut.',
      'Tautkan ponsel lagi: kredensial lama sudah tidak ada.',
    ],
    replaced: [
      'Program lain memakai kredensial yang sama dan mengambil alih koneksi.',
      'Hentikan program itu, lalu mulai ulang sesi ini.',
    ],
    client_outdated: [
      'WhatsApp tidak lagi menerima versi klien ini.',
      'Layanan mencoba lagi setiap beberapa menit. Mintalah pembaruan kepada pengelolanya.',
    ],
    forbidden: [
      'WhatsApp memblokir nomor ini, sementara atau selamanya.',
      'Buka WhatsApp di ponsel dan ajukan peninjauan di sana. Jangan memulai ulang berkali-kali.',
    ],
    bad_session: [
      'WhatsApp tidak lagi mengenal kredensial sesi ini.',
      'Keluarkan sesi di sini, lalu tautkan ponsel lagi.',
    ],
    phone_mismatch: [
      'Yang ditautkan bukan ponsel yang diharapkan; ponsel itu langsung dikeluarkan.',
      'Tautkan ponsel yang benar.',
    ],
    duplicate_phone: [
      'Ponsel ini sudah punya sesi aktif lain milik Anda.',
      'Pakai sesi itu, atau hapus dan tautkan lagi di sini.',
    ],
  },
};

const BY_STATUS: Record<Lang, Record<Status, Words>> = {
  en: {
    connecting: ['The connection opens.', ''],
    qr: ['There is a code for the phone.', 'Scan it, or type the pairing code in.'],
    passkey: [
      'WhatsApp asks for the passkey of this account before it links the number.',
      'Sign with it in a browser: the linking page leads through it.',
    ],
    passkey_confirm: ['The phone shows a code.', 'Compare it on the linking page.'],
    connected: ['', ''],
    disconnected: ['Not connected at the moment.', WAIT.en],
    logged_out: ['This session was logged out here.', 'Link a phone again, or delete the session.'],
    replaced: ['Another connection took the place of this one.', 'Restart the session.'],
    failed: [
      'The session cannot go on by itself.',
      'Restart it; if that does not help, log out and link again.',
    ],
  },
  id: {
    connecting: ['Koneksi sedang dibuka.', ''],
    qr: ['Ada kode untuk ponsel.', 'Pindai kodenya, atau ketik kode penautan.'],
    passkey: [
      'WhatsApp meminta passkey akun ini sebelum menautkan nomor.',
      'Tanda tangani di peramban: halaman penautan memandu Anda.',
    ],
    passkey_confirm: ['Ponsel menampilkan sebuah kode.', 'Cocokkan di halaman penautan.'],
    connected: ['', ''],
    disconnected: ['Sedang tidak terhubung.', WAIT.id],
    logged_out: ['Sesi ini dikeluarkan dari sini.', 'Tautkan ponsel lagi, atau hapus sesi.'],
    replaced: ['Koneksi lain menggantikan yang ini.', 'Mulai ulang sesi.'],
    failed: [
      'Sesi tidak dapat berjalan sendiri.',
      'Mulai ulang; bila tidak membantu, keluarkan lalu tautkan lagi.',
    ],
  },
};

/** Reasons for which nobody reconnects: there is no phone. */
const UNLINKED: ReadonlySet<string> = new Set(['pairing_expired']);

/** In the reader's language; a reason that is not known here is told by its status. */
export function explainSession(lang: Lang, { status, reason }: SessionState): Explanation {
  const byStatus = BY_STATUS[lang][status];
  const [why, todoAfter] = (reason === null ? undefined : reasonsOf(lang).get(reason)) ?? byStatus;
  // WhatsApp has asked again already: there is nothing to scan.
  const todo = status === 'passkey' ? byStatus[1] : todoAfter;
  const name = reason !== null && UNLINKED.has(reason) ? 'unlinked' : status;
  return { state: STATES[lang][name], why, todo };
}

/** Reason -> why, for a page that learns the reason later. */
export function whyByReason(lang: Lang): Record<string, string> {
  return Object.fromEntries(Object.entries(REASONS[lang]).map(([reason, [why]]) => [reason, why]));
}

export function sessionTone({ status, reason }: SessionState): Tone {
  if (status === 'connected') return 'good';
  if (status === 'failed' || status === 'logged_out' || status === 'replaced') return 'bad';
  if (reason === 'untrusted_server' || reason === 'user_disabled') return 'bad';
  return 'warn';
}

function reasonsOf(lang: Lang): Map<string, Words> {
  return new Map(Object.entries(REASONS[lang]));
}
