/** Texts of mails, in both languages. */

import type { MAIL_KINDS, MAIL_LANGUAGES } from '../../db/schema.ts';
import type { Config } from '../../utils/config.ts';

export type MailKind = (typeof MAIL_KINDS)[number];
export type MailLanguage = (typeof MAIL_LANGUAGES)[number];

export interface MailText {
  subject: string;
  text: string;
}

/** `link` is where the mail leads. */
type Write = (link: string) => MailText;

const TEXTS: Record<MailLanguage, Record<MailKind, Write>> = {
  en: {
    verify_email: (link) => ({
      subject: 'Confirm your e-mail address',
      text: `Hello,

an account was asked for with this e-mail address. To open it, confirm the address within 24 hours:

${link}

If you did not ask for it, do nothing: no account is made.`,
    }),
    email_taken: (link) => ({
      subject: 'You have an account already',
      text: `Hello,

an account was asked for with this e-mail address, but there is one already. Sign in here:

${link}

If you do not know the password any more, choose a new one there. If you did not ask for an account, do nothing: yours is as it was.`,
    }),
    under_attack: (link) => ({
      subject: 'Somebody tries passwords of your account',
      text: `Hello,

many wrong passwords were tried for your account today. They were refused, and more of them are slowed down. You need not do anything if your password is long and used nowhere else. Otherwise sign in and change it:

${link}

This mail comes at most once a day.`,
    }),
    invitation: (link) => ({
      subject: 'You are invited to a workspace',
      text: `Hello,

you are invited to work together in a workspace. To see which one and to join it, open this link within 7 days:

${link}

It works once. If you do not expect an invitation, do nothing.`,
    }),
    invitation_failed: (link) => ({
      subject: 'An invitation did not arrive',
      text: `Hello,

somebody whom you invited to a workspace got no mail: the mail server did not take it. The page of your team says which invitation it is, why, and what to do:

${link}`,
    }),
    password_reset: (link) => ({
      subject: 'Choose a new password',
      text: `Hello,

a new password was asked for, for the account with this e-mail address. Choose it here within an hour:

${link}

The link works once. If you did not ask for it, do nothing: your password stays as it is.`,
    }),
    password_was_reset: (link) => ({
      subject: 'Your password was changed',
      text: `Hello,

the password of your account was changed by a link. You are signed out everywhere, and accounts of other services that were linked for signing in are unlinked: link yours again. Sign in here:

${link}

If that was not you, tell the administrator of the service at once.`,
    }),
    factor_guessed: (link) => ({
      subject: 'Somebody knows your password',
      text: `Hello,

somebody gave the right password of your account today, and then many wrong codes. They did not get in. Sign in and change your password now:

${link}

This mail comes at most once a day.`,
    }),
    factors_cleared: (link) => ({
      subject: 'Your second factor was taken away',
      text: `Hello,

an administrator of the service took away the second factor of your account: your password alone signs in now. Sign in and set up a new one:

${link}

If you did not ask for this, tell the administrator of the service at once.`,
    }),
    identity_linked: (link) => ({
      subject: 'An account of another service was linked',
      text: `Hello,

an account of another service was linked to your account: whoever has it can sign in as you. If that was you, do nothing. Otherwise choose a new password with "Forgot your password?" here, which unlinks it:

${link}`,
    }),
  },
  id: {
    verify_email: (link) => ({
      subject: 'Konfirmasikan alamat surel Anda',
      text: `Halo,

ada yang mendaftarkan akun dengan alamat surel ini. Untuk membuka akun tersebut, konfirmasikan alamat ini dalam 24 jam:

${link}

Jika bukan Anda yang mendaftar, abaikan saja surel ini: akun tidak akan dibuat.`,
    }),
    email_taken: (link) => ({
      subject: 'Anda sudah memiliki akun',
      text: `Halo,

ada yang mendaftarkan akun dengan alamat surel ini, tetapi akunnya sudah ada. Silakan masuk di sini:

${link}

Jika Anda lupa kata sandi, pilih kata sandi baru di sana. Jika bukan Anda yang mendaftar, abaikan saja surel ini: akun Anda tidak berubah.`,
    }),
    under_attack: (link) => ({
      subject: 'Ada yang mencoba menebak kata sandi akun Anda',
      text: `Halo,

hari ini ada banyak percobaan masuk ke akun Anda dengan kata sandi yang salah. Semuanya ditolak, dan percobaan berikutnya diperlambat. Anda tidak perlu melakukan apa pun jika kata sandi Anda panjang dan tidak dipakai di tempat lain. Jika tidak, masuk dan gantilah kata sandi Anda:

${link}

Surel ini dikirim paling banyak sekali sehari.`,
    }),
    invitation: (link) => ({
      subject: 'Anda diundang ke sebuah ruang kerja',
      text: `Halo,

Anda diundang untuk bekerja bersama di sebuah ruang kerja. Untuk melihat ruang kerja tersebut dan bergabung, buka tautan ini dalam 7 hari:

${link}

Tautan ini hanya berlaku sekali. Jika Anda tidak mengharapkan undangan, abaikan saja surel ini.`,
    }),
    invitation_failed: (link) => ({
      subject: 'Undangan Anda tidak sampai',
      text: `Halo,

orang yang Anda undang ke sebuah ruang kerja tidak menerima surel: server surel tidak mau menerimanya. Halaman tim Anda menunjukkan undangan yang mana, sebabnya, dan apa yang perlu dilakukan:

${link}`,
    }),
    password_reset: (link) => ({
      subject: 'Pilih kata sandi baru',
      text: `Halo,

ada yang meminta kata sandi baru untuk akun dengan alamat surel ini. Pilih kata sandi baru dalam satu jam di sini:

${link}

Tautan ini hanya berlaku sekali. Jika bukan Anda yang memintanya, abaikan saja surel ini: kata sandi Anda tidak berubah.`,
    }),
    password_was_reset: (link) => ({
      subject: 'Kata sandi Anda telah diganti',
      text: `Halo,

kata sandi akun Anda telah diganti melalui tautan. Anda sudah dikeluarkan dari semua perangkat, dan akun layanan lain yang ditautkan untuk masuk telah dilepas: tautkan lagi akun Anda. Silakan masuk di sini:

${link}

Jika bukan Anda yang menggantinya, segera beri tahu administrator layanan.`,
    }),
    factor_guessed: (link) => ({
      subject: 'Ada yang mengetahui kata sandi Anda',
      text: `Halo,

hari ini ada yang memasukkan kata sandi akun Anda dengan benar, lalu banyak kode yang salah. Orang itu tidak berhasil masuk. Masuk dan gantilah kata sandi Anda sekarang:

${link}

Surel ini dikirim paling banyak sekali sehari.`,
    }),
    factors_cleared: (link) => ({
      subject: 'Faktor kedua Anda telah dihapus',
      text: `Halo,

administrator layanan telah menghapus faktor kedua akun Anda: sekarang kata sandi saja sudah cukup untuk masuk. Masuk dan siapkan faktor kedua yang baru:

${link}

Jika Anda tidak memintanya, segera beri tahu administrator layanan.`,
    }),
    identity_linked: (link) => ({
      subject: 'Akun layanan lain telah ditautkan',
      text: `Halo,

akun layanan lain telah ditautkan ke akun Anda: siapa pun pemiliknya bisa masuk sebagai Anda. Jika Anda yang menautkannya, abaikan saja surel ini. Jika bukan, pilih kata sandi baru lewat "Lupa kata sandi?" di sini, yang sekaligus melepasnya:

${link}`,
    }),
  },
};

/** The mail of a kind in a language. */
export function mailText(kind: MailKind, language: MailLanguage, link: string): MailText {
  return TEXTS[language][kind](link);
}

/** The language when none is given: the language of its country. */
export function languageOf({ defaultCountry }: Pick<Config, 'defaultCountry'>): MailLanguage {
  return defaultCountry === 'ID' ? 'id' : 'en';
}

/** The language of an `Accept-Language` header; `fallback` when it names none of our languages. */
export function mailLanguage(header: string | undefined, fallback: MailLanguage): MailLanguage {
  const first = (header ?? '').trim().slice(0, 2).toLowerCase();
  return first === 'id' || first === 'en' ? first : fallback;
}
