/** The reasons for which a message waits, in words: for answers in English, for pages in the reader's language. */
interface Words {
  text: string;
  fix: string | null;
}

type Lang = 'en' | 'id';

/** The fix of an answer of the API, where it is another one than a page's. */
type Told = readonly [text: string, fix: string | null, overApi?: string];

const REASONS: Record<string, Record<Lang, Told>> = {
  scheduled: {
    en: [
      'The message is scheduled for later.',
      'To send it now, cancel it and send it again without a time.',
      'To send it now, cancel it and send it again without scheduledAt.',
    ],
    id: ['Pesan dijadwalkan untuk nanti.', 'Untuk mengirim sekarang, batalkan lalu kirim lagi tanpa jadwal.'],
  },
  paused: {
    en: [
      'The queue of the session is paused.',
      'Resume it on the session page.',
      'Resume it: POST /message/resume-queue.',
    ],
    id: ['Antrean sesi sedang dijeda.', 'Lanjutkan di halaman sesi.'],
  },
  workspace_suspended: {
    en: [
      'The workspace is suspended.',
      'Ask the administrator of the service. Sending continues after that.',
    ],
    id: ['Workspace ditangguhkan.', 'Hubungi administrator layanan. Setelah itu pengiriman berlanjut.'],
  },
  quiet_hours: {
    en: ['The session has quiet hours: only urgent messages are sent.', 'Wait, or change its quiet hours.'],
    id: ['Sesi dalam jam tenang: hanya pesan mendesak yang dikirim.', 'Tunggu, atau ubah jam tenangnya.'],
  },
  minute_limit: {
    en: [
      'The session has reached its limit of messages per minute.',
      'No action needed. Sending continues by itself.',
    ],
    id: ['Batas pesan per menit sesi ini tercapai.', 'Tidak perlu tindakan. Pengiriman berlanjut otomatis.'],
  },
  hour_limit: {
    en: [
      'The session has reached its limit of messages per hour.',
      'Wait, or send through another session as well.',
    ],
    id: ['Batas pesan per jam sesi ini tercapai.', 'Tunggu, atau kirim juga lewat sesi lain.'],
  },
  recipient_limit: {
    en: [
      'This recipient has reached the limit of messages per hour.',
      'Wait, or combine several messages into one.',
    ],
    id: [
      'Penerima ini sudah mencapai batas pesan per jam.',
      'Tunggu, atau gabungkan beberapa pesan menjadi satu.',
    ],
  },
  breaker: {
    en: [
      'WhatsApp restricted this number, so messages to people who do not know it wait.',
      'Wait. People who have written to this number still get messages.',
    ],
    id: [
      'WhatsApp membatasi nomor ini, jadi pesan ke orang yang belum mengenalnya menunggu.',
      'Tunggu. Orang yang pernah menulis ke nomor ini tetap dikirimi.',
    ],
  },
  new_contacts: {
    en: [
      'The session has reached its limit of new people in 24 hours.',
      'Wait, or raise the limit of new people in the limits of the session. People who know this number still get messages.',
      'Wait, or raise newContactsPerDay: PUT /session/:sessionId/limits.',
    ],
    id: [
      'Sesi ini sudah mencapai batas orang baru dalam 24 jam.',
      'Tunggu, atau naikkan batas orang baru di pengaturan batas sesi. Orang yang mengenal nomor ini tetap dikirimi.',
    ],
  },
  retry: {
    en: ['The last attempt failed. The message is tried again.', 'No action needed.'],
    id: ['Percobaan terakhir gagal. Pesan dicoba lagi.', 'Tidak perlu tindakan.'],
  },
  put_back: {
    en: ['The message was put back for a short time.', 'No action needed. Sending continues by itself.'],
    id: ['Pesan ditunda sebentar.', 'Tidak perlu tindakan. Pengiriman berlanjut otomatis.'],
  },
  storage_away: {
    en: [
      'The file of the message cannot be read now: the storage of files is away.',
      'Ask your administrator to look at the storage. The message is sent when it is back.',
    ],
    id: [
      'File pesan ini tidak bisa dibaca sekarang: penyimpanan file sedang bermasalah.',
      'Minta administrator memeriksa penyimpanan. Pesan dikirim setelah penyimpanan pulih.',
    ],
  },
  connecting: {
    en: ['The session is connecting.', 'No action needed. Sending continues by itself.'],
    id: ['Sesi sedang menghubungkan.', 'Tidak perlu tindakan. Pengiriman berlanjut otomatis.'],
  },
  disconnected: {
    en: ['The session is not connected. It reconnects by itself.', 'If this takes long, check the session.'],
    id: ['Sesi tidak terhubung. Sesi terhubung lagi secara otomatis.', 'Jika lama, periksa sesinya.'],
  },
  ended: {
    en: ['The session has ended and sends nothing.', 'Link the phone again, or cancel the message.'],
    id: ['Sesi sudah berakhir dan tidak mengirim apa pun.', 'Tautkan ponsel lagi, atau batalkan pesan.'],
  },
  unlinked: {
    en: ['No phone is linked to the session yet.', 'Link a phone: scan the code of the session.'],
    id: ['Belum ada ponsel yang tertaut ke sesi ini.', 'Tautkan ponsel: pindai kode sesi.'],
  },
  passkey: {
    en: [
      'WhatsApp asks for a passkey before it links the phone of the session.',
      'Continue on the linking page of the session.',
    ],
    id: [
      'WhatsApp meminta passkey sebelum menautkan ponsel sesi ini.',
      'Lanjutkan di halaman penautan sesi.',
    ],
  },
};

/** Reasons with the same words. */
const SAME: ReadonlyMap<string, string> = new Map([
  ['logged_out', 'ended'],
  ['replaced', 'ended'],
  ['failed', 'ended'],
  ['qr', 'unlinked'],
  ['passkey_confirm', 'passkey'],
]);

/** A reason that has no words yet: its name is for programs. */
const OTHER: Record<Lang, Told> = {
  en: ['The session cannot send this now.', 'If this takes long, check the session.'],
  id: ['Sesi belum bisa mengirim ini.', 'Jika lama, periksa sesinya.'],
};

/** The reason and what can be done about it, for a page in the language. */
export function holdWords(lang: Lang, reason: string): Words {
  const [text, fix] = toldOf(lang, reason);
  return { text, fix };
}

/** The same for an answer of the API: in English, with the route that mends it. */
export function holdAnswer(reason: string): Words {
  const [text, fix, overApi] = toldOf('en', reason);
  return { text, fix: overApi ?? fix };
}

function toldOf(lang: Lang, reason: string): Told {
  const name = reason.startsWith('breaker') ? 'breaker' : (SAME.get(reason) ?? reason);
  return (Object.hasOwn(REASONS, name) ? REASONS[name] : OTHER)?.[lang] ?? OTHER[lang];
}
