import type { Texts } from '../../i18n.ts';
import type * as english from '../en/account.ts';

export const account: Texts<typeof english.account> = {
  signIn: 'Masuk',
  signUp: 'Buat akun',
  email: 'Surel',
  password: 'Kata sandi',
  name: 'Nama',
  role: 'Peran',
  noAccount: 'Belum punya akun?',
  haveAccount: 'Sudah punya akun?',
  passwordHint: 'Paling sedikit 8 karakter.',
  closed: 'Pendaftaran ditutup: mintalah akun kepada administrator.',
  mailSent: 'Kami telah mengirim surel kepada Anda: buka tautannya untuk melanjutkan.',
  confirmEmail: 'Konfirmasikan alamat surel Anda',
  confirmAbout:
    'Akun Anda dibuka setelah Anda mengonfirmasi bahwa alamat ini milik Anda, dengan kata sandi yang Anda pakai saat mendaftar. Jika Anda tidak mendaftar, tutup halaman ini.',
  confirm: 'Konfirmasi',
  welcome: 'Selamat datang! Tautkan nomor WhatsApp pertama Anda sekarang.',
  sandboxHint: 'Ini sandbox: surel dan kata sandi ada di terminal dan di data/sandbox.json.',
  account: 'Akun',
  lastSignIn: 'Terakhir masuk',
  changePassword: 'Ganti kata sandi',
  currentPassword: 'Kata sandi sekarang',
  newPassword: 'Kata sandi baru',
  revokeKeys: 'Akhiri juga semua kunci API: program yang memakainya perlu kunci baru',
  signOutEverywhere: 'Akhiri semua sesi di tempat lain',
  signOutAbout:
    'Mengakhiri semua sesi masuk lain, semua token, dan semua tautan berkas yang pernah dibagikan.',
  signedOutEverywhere: 'Anda sudah dikeluarkan di semua tempat lain.',
  timeZone: 'Zona waktu',
  timeZoneAbout: 'Waktu yang ditulis tanpa zona dibaca menurut zona ini, misalnya waktu mulai kampanye.',
  zoneOfService: (zone: string) => `zona waktu layanan (${zone})`,
  save: 'Simpan',
  timeZoneSaved: (zone: string) => `Mulai sekarang, waktu tanpa zona dibaca menurut ${zone}.`,
  passwordChanged: 'Kata sandi diganti. Di tempat lain Anda dikeluarkan.',
};

export const roleNames: Texts<typeof english.roleNames> = {
  admin: 'administrator',
  user: 'pengguna',
  readonly: 'hanya baca',
};
