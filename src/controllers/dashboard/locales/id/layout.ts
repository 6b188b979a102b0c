import type { Texts } from '../../i18n.ts';
import type * as english from '../en/layout.ts';

export const layout: Texts<typeof english.layout> = {
  skip: 'Langsung ke isi',
  menu: 'Utama',
  overview: 'Ringkasan',
  sessions: 'Sesi',
  messages: 'Pesan',
  otp: 'Kode masuk',
  broadcast: 'Siaran',
  team: 'Tim',
  developers: 'Pengembang',
  admin: 'Admin',
  phone: 'Ponsel',
  account: 'Akun',
  signOut: 'Keluar',
  other: 'English',
  readonly: 'hanya baca',
  close: 'Tutup',
};
