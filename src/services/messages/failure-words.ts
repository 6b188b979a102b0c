/** Why a message failed and what to do, in words. The same causes are in docs/operations.md. */
import { own } from '../../utils/own.ts';

type Lang = 'en' | 'id';

interface ErrorWords {
  why: string;
  todo: string;
}

type Both = readonly [en: readonly [string, string], id: readonly [string, string]];

const STRANGERS: Both = [
  [
    'WhatsApp does not let this number start a conversation with this person.',
    'Do not try again. Stop campaigns and let the number rest. Existing conversations continue.',
  ],
  [
    'WhatsApp tidak mengizinkan nomor ini memulai percakapan dengan orang ini.',
    'Jangan coba lagi. Hentikan kampanye dan istirahatkan nomor. Percakapan yang sudah ada tetap berjalan.',
  ],
];
const TROUBLE: Both = [
  ['WhatsApp had problems during every attempt.', 'Try again later.'],
  ['WhatsApp bermasalah di setiap percobaan.', 'Coba lagi nanti.'],
];
const REFUSED: Both = [
  [
    'WhatsApp refused this message.',
    'The session is fine. Check the content and the recipient of this message.',
  ],
  ['WhatsApp menolak pesan ini.', 'Sesi tidak bermasalah. Periksa isi dan penerima pesan ini.'],
];
/** A word that this table does not know, such as one of a newer release: nothing is claimed about WhatsApp. */
const UNKNOWN: Both = [
  ['The message could not be sent.', 'Try again. If it fails again, tell your administrator.'],
  ['Pesan tidak bisa dikirim.', 'Coba lagi. Jika gagal lagi, beri tahu administrator.'],
];
const ERRORS: Record<string, Both> = {
  463: STRANGERS,
  479: [
    [
      'WhatsApp did not accept the devices or the address of this recipient.',
      'Try again later. The number and other recipients are not affected.',
    ],
    [
      'WhatsApp tidak menerima perangkat atau alamat penerima ini.',
      'Coba lagi nanti. Nomor ini dan penerima lain tidak terpengaruh.',
    ],
  ],
  429: TROUBLE,
  500: TROUBLE,
  502: TROUBLE,
  503: TROUBLE,
  504: TROUBLE,
  NO_ACK: [
    [
      'WhatsApp did not confirm the message. It may have arrived.',
      'Try again. A phone that already has it shows it only once.',
    ],
    [
      'WhatsApp tidak mengonfirmasi pesan ini. Mungkin pesannya sudah sampai.',
      'Coba lagi. Ponsel yang sudah menerimanya hanya menampilkannya sekali.',
    ],
  ],
  NOT_SENT: [
    ['The message could not be prepared in time: keys, devices or the upload were not ready.', 'Try again.'],
    ['Pesan tidak siap tepat waktu: kunci, perangkat, atau unggahan belum siap.', 'Coba lagi.'],
  ],
  NOT_ON_WHATSAPP: [
    ['This number is not on WhatsApp.', 'Check the number.'],
    ['Nomor ini tidak terdaftar di WhatsApp.', 'Periksa nomornya.'],
  ],
  RECIPIENT_KEYS: [
    [
      'WhatsApp has no usable keys for this recipient, or did not respond.',
      'Try again later. Other recipients are not affected.',
    ],
    [
      'WhatsApp tidak punya kunci yang bisa dipakai untuk penerima ini, atau tidak merespons.',
      'Coba lagi nanti. Penerima lain tidak terpengaruh.',
    ],
  ],
  GROUP_GONE: [
    ['The group no longer exists, or this number is not a member.', 'Send to another group.'],
    ['Grup sudah tidak ada, atau nomor ini bukan anggotanya.', 'Kirim ke grup lain.'],
  ],
  CHANNEL_GONE: [
    ['The channel no longer exists, or this number may not post to it.', 'Look at the list of channels.'],
    ['Saluran sudah tidak ada, atau nomor ini tidak boleh mengirim ke sana.', 'Periksa daftar saluran.'],
  ],
  CONTENT_INVALID: [
    ['This content cannot be sent as a WhatsApp message.', 'Change the content and send it again.'],
    ['Isi ini tidak bisa dikirim sebagai pesan WhatsApp.', 'Ubah isinya, lalu kirim lagi.'],
  ],
  MEDIA_GONE: [
    ['The file was deleted before the message was sent.', 'Upload the file again.'],
    ['File dihapus sebelum pesan dikirim.', 'Unggah filenya lagi.'],
  ],
  CONTENT_GONE: [
    ['The code was already used or had expired.', 'Nothing to do. Send a new code if needed.'],
    ['Kode sudah dipakai atau kedaluwarsa.', 'Tidak perlu tindakan. Kirim kode baru jika perlu.'],
  ],
  CONTENT_UNREADABLE: [
    [
      'The content cannot be decrypted: the encryption key of the server has changed.',
      'Ask your administrator to restore the key, then try again.',
    ],
    [
      'Isi pesan tidak bisa didekripsi: kunci enkripsi server berubah.',
      'Minta administrator memulihkan kuncinya, lalu coba lagi.',
    ],
  ],
  EXPIRED: [
    ['The message expired while it waited.', 'See in the session’s queue why it waited.'],
    ['Pesan kedaluwarsa saat menunggu.', 'Lihat penyebabnya di antrean sesi.'],
  ],
  SESSION_DELETED: [
    ['The session was deleted.', 'Send it from another session.'],
    ['Sesinya sudah dihapus.', 'Kirim dari sesi lain.'],
  ],
  CAMPAIGN_STOPPED: [
    [
      'The campaign was stopped before this message was sent.',
      'To send the rest, start a new campaign to its skipped recipients. A duplicate goes to all recipients again.',
    ],
    [
      'Kampanye dihentikan sebelum pesan ini terkirim.',
      'Untuk mengirim sisanya, mulai kampanye baru ke penerima yang dilewati. Duplikat kampanye dikirim lagi ke semua penerima.',
    ],
  ],
  NO_MESSAGE: [
    ['The message of this code is not in the history any more.', 'Send a new code if needed.'],
    ['Pesan untuk kode ini sudah tidak ada di riwayat.', 'Kirim kode baru jika perlu.'],
  ],
};
/** Codes of WhatsApp's own are numbers. */
const WHATSAPP_CODE = /^\d{1,6}$/;

/**
 * Why a message failed and what to do, in the language; null when it has no error. A number without words was WhatsApp's
 * refusal; of any other word without words nothing more is said than that the message could not be sent.
 */
export function explainError(lang: Lang, code: string | null): ErrorWords | null {
  if (code === null) return null;
  const both = own(ERRORS, code) ?? (WHATSAPP_CODE.test(code) ? REFUSED : UNKNOWN);
  const [why, todo] = both[lang === 'en' ? 0 : 1];
  return { why, todo };
}
