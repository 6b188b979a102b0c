import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-files.ts';

export const broadcastFiles: Texts<typeof english.broadcastFiles> = {
  title: 'File',
  uploadTitle: 'Unggah file',
  file: 'Gambar atau dokumen',
  upload: 'Unggah',
  kinds: (max: string) =>
    `jpg, png, gif, pdf, doc, atau docx, maksimal ${max}. Jenisnya dideteksi dari isi file.`,
  uploaded: (name: string) => `${name} diunggah. Anda bisa memilihnya saat membuat kampanye.`,
  scanned: (name: string) => `${name} diunggah dan sudah dipindai virus.`,
  noneTitle: 'Belum ada file',
  noneText: 'Unggah gambar atau dokumen untuk dikirim dengan kampanye.',
  name: 'Nama',
  type: 'Jenis',
  size: 'Ukuran',
  until: 'Disimpan hingga',
  delete: 'Hapus',
  deleteSure: (name: string) => `Hapus ${name}? Pesan dengan file ini yang belum terkirim akan gagal.`,
  deleted: 'File dihapus.',
  nameless: 'tanpa nama',
  send: 'Kirim',
};
