import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-lists.ts';

export const broadcastLists: Texts<typeof english.broadcastLists> = {
  title: 'Daftar siaran',
  search: 'Cari di nama dan keterangan',
  create: 'Daftar baru',
  createTitle: 'Daftar baru',
  name: 'Nama daftar',
  nameHint: 'Misalnya: Pelanggan di Bandung.',
  description: 'Keterangan',
  contacts: 'Kontak',
  created: 'Dibuat',
  noneTitle: 'Belum ada daftar',
  noneText:
    'Daftar berisi orang yang Anda kirimi pesan. Buat satu, lalu impor berkas CSV atau ketik kontaknya.',
  made: (name: string) => `Daftar ${name} sudah dibuat. Sekarang impor berkas atau tambah kontak.`,
  editTitle: 'Ganti nama daftar',
  save: 'Simpan',
  saved: 'Tersimpan.',
  back: 'Kembali ke daftar',
  deleteTitle: 'Hapus daftar',
  deleteText:
    'Daftar dan kontaknya dihapus selamanya. Kampanye yang sudah mulai tetap memiliki penerimanya; catatan berhenti langganan tetap ada.',
  delete: 'Hapus daftar',
  deleteSure: (name: string) => `Hapus daftar ${name} beserta semua kontaknya?`,
  deleted: (name: string) => `Daftar ${name} sudah dihapus.`,
};
