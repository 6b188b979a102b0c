import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-lists.ts';

export const broadcastLists: Texts<typeof english.broadcastLists> = {
  title: 'Daftar kontak',
  search: 'Cari nama dan deskripsi',
  create: 'Daftar baru',
  createTitle: 'Daftar baru',
  name: 'Nama daftar',
  nameHint: 'Misalnya: Pelanggan di Bandung.',
  description: 'Deskripsi',
  contacts: 'Kontak',
  created: 'Dibuat',
  noneTitle: 'Belum ada daftar',
  noneText: 'Daftar berisi orang yang Anda kirimi pesan. Buat daftar, lalu impor file atau tambah kontak.',
  made: (name: string) => `Daftar ${name} dibuat. Sekarang impor file atau tambah kontak.`,
  editTitle: 'Ganti nama daftar',
  save: 'Simpan',
  saved: 'Tersimpan.',
  back: 'Kembali ke daftar',
  deleteTitle: 'Hapus daftar',
  deleteText:
    'Daftar dan kontaknya dihapus permanen. Kampanye yang sudah dimulai tetap menyimpan penerimanya. Catatan berhenti langganan tetap disimpan.',
  delete: 'Hapus daftar',
  deleteSure: (name: string, contacts: string) =>
    `Hapus daftar ${name}? Kontaknya ikut terhapus: ${contacts}. Tindakan ini tidak bisa dibatalkan.`,
  deleted: (name: string) => `Daftar ${name} dihapus.`,
};
