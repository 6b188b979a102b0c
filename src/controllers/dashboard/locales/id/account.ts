import type { Texts } from '../../i18n.ts';
import type * as english from '../en/account.ts';

export const account: Texts<typeof english.account> = {
  signIn: 'Masuk',
  signUp: 'Buat akun',
  email: 'Email',
  password: 'Kata sandi',
  name: 'Nama',
  role: 'Peran',
  noAdmin:
    'Belum ada administrator. Jalankan perintah ini di server, lalu masuk dengan data yang ditampilkannya:',
  noAccount: 'Belum punya akun?',
  haveAccount: 'Sudah punya akun?',
  passwordHint: 'Minimal 8 karakter.',
  closed: 'Pendaftaran ditutup. Minta akun kepada administrator Anda.',
  mailSent:
    'Cek email Anda: kami sedang mengirim tautan untuk mengonfirmasi alamat email. Belum ada setelah beberapa menit? Periksa folder spam, lalu daftar lagi dan periksa alamat yang Anda ketik.',
  confirmEmail: 'Konfirmasi alamat email',
  confirmAbout:
    'Konfirmasi bahwa alamat ini milik Anda untuk membuka akun. Gunakan kata sandi yang Anda buat saat mendaftar. Jika Anda tidak merasa mendaftar, tutup halaman ini.',
  confirm: 'Konfirmasi',
  welcome: 'Selamat datang! Tautkan nomor WhatsApp pertama Anda sekarang.',
  sandboxSignIn: 'Masuk ke sandbox',
  sandboxHint: 'Ini sandbox. Email dan kata sandi ada di terminal dan di data/sandbox.json.',
  account: 'Akun',
  lastSignIn: 'Terakhir masuk',
  changePassword: 'Ganti kata sandi',
  currentPassword: 'Kata sandi saat ini',
  newPassword: 'Kata sandi baru',
  revokeKeys: 'Cabut juga semua API key. Program yang memakainya perlu API key baru.',
  signOutEverywhere: 'Keluar dari semua perangkat lain',
  signOutAbout: 'Mengakhiri semua login lain, semua token, dan semua tautan file yang pernah Anda bagikan.',
  signedOutEverywhere: 'Anda sudah keluar dari semua perangkat lain.',
  timeZone: 'Zona waktu',
  timeZoneAbout: 'Dipakai untuk waktu yang ditulis tanpa zona waktu, misalnya jadwal mulai kampanye.',
  zoneOfService: (zone: string) => `sama dengan server (${zone})`,
  save: 'Simpan',
  timeZoneSaved: (zone: string) => `Zona waktu Anda sekarang ${zone}.`,
  passwordChanged: 'Kata sandi sudah diganti. Anda keluar dari semua perangkat lain.',
};

export const roleNames: Texts<typeof english.roleNames> = {
  admin: 'administrator',
  user: 'pengguna',
  readonly: 'hanya lihat',
};
