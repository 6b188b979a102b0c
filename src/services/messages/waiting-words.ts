/** What a message waits for, in words: for answers in English, for pages in the reader's language. */
interface Words {
  text: string;
  fix: string | null;
}

type Lang = 'en' | 'id';

const REASONS: Record<string, Record<Lang, readonly [text: string, fix: string | null]>> = {
  scheduled: {
    en: ['It is scheduled for later.', 'Cancel it and send it without scheduledAt to have it sent now.'],
    id: ['Dijadwalkan untuk nanti.', 'Batalkan, lalu kirim tanpa scheduledAt agar terkirim sekarang.'],
  },
  paused: {
    en: ["The session's queue is paused.", 'Resume it: POST /message/resume-queue.'],
    id: ['Antrean sesi sedang dijeda.', 'Lanjutkan: POST /message/resume-queue.'],
  },
  quiet_hours: {
    en: ['The session has quiet hours: only high priority leaves.', 'Change its quiet hours, or wait.'],
    id: ['Sesi dalam jam tenang: hanya prioritas tinggi yang dikirim.', 'Ubah jam tenangnya, atau tunggu.'],
  },
  minute_limit: {
    en: ["The session's limit of messages a minute is reached.", 'Nothing: it goes on by itself.'],
    id: ['Batas pesan per menit sesi ini tercapai.', 'Tidak ada: pengiriman berlanjut sendiri.'],
  },
  hour_limit: {
    en: [
      "The session's limit of messages an hour is reached.",
      'Wait, or send through another session as well.',
    ],
    id: ['Batas pesan per jam sesi ini tercapai.', 'Tunggu, atau kirim juga lewat sesi lain.'],
  },
  recipient_limit: {
    en: [
      'This recipient has been sent as many messages in an hour as the limit allows.',
      'Wait, or put several messages into one.',
    ],
    id: [
      'Penerima ini sudah dikirimi pesan sebanyak batas per jam.',
      'Tunggu, atau gabungkan beberapa pesan menjadi satu.',
    ],
  },
  breaker: {
    en: [
      'WhatsApp has refused messages to new recipients: for a while none are written to.',
      'Wait. People who have written to this number are served meanwhile.',
    ],
    id: [
      'WhatsApp menolak pesan ke penerima baru: untuk sementara mereka tidak dikirimi.',
      'Tunggu. Orang yang pernah menulis ke nomor ini tetap dilayani.',
    ],
  },
  retry: {
    en: ['The last attempt did not succeed; it is tried again.', 'Nothing: it is tried again by itself.'],
    id: ['Percobaan terakhir tidak berhasil; akan dicoba lagi.', 'Tidak ada: dicoba lagi secara otomatis.'],
  },
  put_back: {
    en: ['It was put back for a while.', 'Nothing: it goes on by itself.'],
    id: ['Pesan ini ditunda sebentar.', 'Tidak ada: pengiriman berlanjut sendiri.'],
  },
  connecting: {
    en: ['The session is being connected.', 'Nothing: it goes on by itself.'],
    id: ['Sesi sedang dihubungkan.', 'Tidak ada: pengiriman berlanjut sendiri.'],
  },
  disconnected: {
    en: ['The session is not connected; it reconnects by itself.', 'If it lasts, look at the session.'],
    id: [
      'Sesi tidak terhubung; sesi menghubungkan ulang sendiri.',
      'Bila berlangsung lama, periksa sesinya.',
    ],
  },
  ended: {
    en: [
      'The session has ended: nothing is sent through it.',
      'Link the phone again, or cancel the message.',
    ],
    id: [
      'Sesi sudah berakhir: tidak ada yang dikirim lewatnya.',
      'Tautkan ponsel lagi, atau batalkan pesan.',
    ],
  },
  unlinked: {
    en: ['No phone is linked to the session yet.', 'Link a phone: scan the code of the session.'],
    id: ['Belum ada ponsel yang ditautkan ke sesi ini.', 'Tautkan ponsel: pindai kode sesi.'],
  },
  passkey: {
    en: [
      'WhatsApp asks for a passkey before it links the phone of the session.',
      'Go on at the linking page of the session.',
    ],
    id: [
      'WhatsApp meminta passkey sebelum menautkan ponsel sesi ini.',
      'Lanjutkan di halaman penautan sesi.',
    ],
  },
};

/** Reasons that are told alike. */
const SAME: ReadonlyMap<string, string> = new Map([
  ['logged_out', 'ended'],
  ['replaced', 'ended'],
  ['failed', 'ended'],
  ['qr', 'unlinked'],
  ['passkey_confirm', 'passkey'],
]);

/** The reason and what can be done about it, in the language; a reason without words of its own is named. */
export function holdWords(lang: Lang, reason: string): Words {
  const name = reason.startsWith('breaker') ? 'breaker' : (SAME.get(reason) ?? reason);
  const words = new Map(Object.entries(REASONS)).get(name);
  if (words === undefined) return { text: reason, fix: null };
  const [text, fix] = words[lang];
  return { text, fix };
}
