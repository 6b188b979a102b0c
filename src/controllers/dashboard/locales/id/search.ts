import type { Texts } from '../../i18n.ts';
import type * as english from '../en/search.ts';

export const search: Texts<typeof english.search> = {
  title: 'Cari',
  hint: 'Nomor telepon, ID pesan, ID permintaan, e-mail, kampanye, sesi, atau halaman.',
  none: 'Tidak ditemukan',
  noneText: 'ID dan nomor telepon harus lengkap; untuk nama, sebagian sudah cukup.',
};

export const searchKinds: Texts<typeof english.searchKinds> = {
  session: 'Sesi',
  chat: 'Percakapan',
  number: 'Tulis pesan',
  message: 'Pesan',
  request: 'Panggilan API',
  member: 'Anggota tim',
  campaign: 'Kampanye',
  page: 'Halaman',
};

export const searchPages: Texts<typeof english.searchPages> = {
  overview: 'Ringkasan',
  sessions: 'Sesi',
  newSession: 'Sesi baru',
  pools: 'Kumpulan pengirim',
  messages: 'Pesan',
  compose: 'Pesan baru',
  status: 'Pasang status',
  channels: 'Saluran',
  chats: 'Percakapan',
  otp: 'Kode OTP',
  otpLog: 'Log kode OTP',
  conversion: 'Konversi kode OTP',
  otpTemplates: 'Teks kode OTP',
  broadcast: 'Kampanye',
  lists: 'Daftar kontak',
  templates: 'Template pesan',
  files: 'File terunggah',
  checks: 'Cek nomor di WhatsApp',
  optOuts: 'Berhenti berlangganan',
  keys: 'API key',
  webhooks: 'Webhook',
  requests: 'Log permintaan',
  examples: 'Contoh kode',
  reference: 'Referensi API',
  team: 'Tim',
  audit: 'Log audit',
  account: 'Akun',
  security: 'Kata sandi dan perangkat masuk',
  usage: 'Penggunaan',
  alerts: 'Pemberitahuan',
  users: 'Pengguna',
  workspaces: 'Workspace',
  plans: 'Paket',
  domains: 'Domain',
  system: 'Status sistem',
  phone: 'Ponsel',
};
