import type { Texts } from '../../i18n.ts';
import type * as english from '../en/layout.ts';

export const layout: Texts<typeof english.layout> = {
  skip: 'Lewati ke konten',
  menu: 'Menu utama',
  overview: 'Ringkasan',
  sessions: 'Sesi',
  messages: 'Pesan',
  otp: 'Kode OTP',
  broadcast: 'Broadcast',
  team: 'Tim',
  developers: 'Developer',
  admin: 'Admin',
  phone: 'Ponsel',
  account: 'Akun',
  usage: 'Penggunaan',
  alerts: 'Pemberitahuan',
  signOut: 'Keluar',
  other: 'English',
  readonly: 'hanya lihat',
  close: 'Tutup',
  search: 'Cari',
  more: 'Lainnya',
};
