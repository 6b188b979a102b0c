/** Why the mail of an invitation did not go out, in words: for answers in English, for pages in the reader's language. */
import type { MailFailureReason } from './failures.ts';
import type { MailLanguage } from './texts.ts';

interface Words {
  text: string;
  /** what to do */
  fix: string;
}

const WORDS: Record<MailFailureReason, Record<MailLanguage, Words>> = {
  address_refused: {
    en: {
      text: 'The mail server refused this address: nobody may have it.',
      fix: 'Check the address. Revoke this invitation and invite the right one.',
    },
    id: {
      text: 'Server email menolak alamat ini: mungkin tidak ada yang memilikinya.',
      fix: 'Periksa alamatnya. Cabut undangan ini dan undang alamat yang benar.',
    },
  },
  mail_refused: {
    en: {
      text: 'The mail server did not take the email for a day.',
      fix: 'Invite again, or ask the administrator of the service to look at the mail server.',
    },
    id: {
      text: 'Server email tidak menerima emailnya selama sehari.',
      fix: 'Undang lagi, atau minta administrator layanan memeriksa server email.',
    },
  },
  server_away: {
    en: {
      text: 'The mail server could not be reached for a day.',
      fix: 'Invite again, or ask the administrator of the service to look at the mail server.',
    },
    id: {
      text: 'Server email tidak bisa dihubungi selama sehari.',
      fix: 'Undang lagi, atau minta administrator layanan memeriksa server email.',
    },
  },
  mails_spent: {
    en: {
      text: 'No email was sent: three invitations were sent to this address that day already.',
      fix: 'Invite again tomorrow.',
    },
    id: {
      text: 'Email tidak dikirim: hari itu sudah tiga undangan dikirim ke alamat ini.',
      fix: 'Undang lagi besok.',
    },
  },
};

/** What happened to the mail, and what to do about it. */
export function mailFailureWords(lang: MailLanguage, reason: MailFailureReason): Words {
  return WORDS[reason][lang];
}
