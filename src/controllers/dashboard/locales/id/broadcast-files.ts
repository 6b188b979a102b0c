import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-files.ts';

export const broadcastFiles: Texts<typeof english.broadcastFiles> = {
  title: 'Berkas',
  uploadTitle: 'Unggah berkas',
  file: 'Gambar atau dokumen',
  upload: 'Unggah',
  kinds: (max: string) => `jpg, png, gif, pdf, doc atau docx, sampai ${max}. Dikenali dari isinya.`,
  uploaded: (name: string) => `${name} sudah diunggah: pilih ketika Anda membuat kampanye.`,
  scanned: (name: string) => `${name} sudah diunggah dan diperiksa dari virus.`,
  noneTitle: 'Belum ada berkas',
  noneText: 'Unggah gambar atau dokumen yang ingin Anda kirim bersama kampanye.',
  name: 'Nama',
  type: 'Jenis',
  size: 'Ukuran',
  until: 'Disimpan sampai',
  delete: 'Hapus',
  deleteSure: (name: string) => `Hapus ${name}? Yang belum terkirim dengannya tidak bisa terkirim lagi.`,
  deleted: 'Berkas sudah dihapus.',
  nameless: 'tanpa nama',
  send: 'Kirim',
};
