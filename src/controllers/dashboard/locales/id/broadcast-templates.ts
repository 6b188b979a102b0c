import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-templates.ts';

export const broadcastTemplates: Texts<typeof english.broadcastTemplates> = {
  title: 'Templat',
  search: 'Cari di nama dan teks',
  create: 'Templat baru',
  name: 'Nama',
  nameHint: 'Hanya Anda yang melihatnya.',
  text: 'Teks',
  textHint: 'Isian dalam kurung kurawal diisi untuk tiap orang.',
  changed: 'Diubah',
  noneTitle: 'Belum ada templat',
  noneText:
    'Templat adalah teks dengan isian seperti {name}, yang diisi kampanye untuk tiap orang. Tulis satu dan lihat langsung hasilnya.',
  save: 'Simpan',
  made: (name: string) => `Templat ${name} tersimpan.`,
  saved: 'Tersimpan. Kampanye yang sudah dibuat darinya tetap memakai teksnya.',
  back: 'Semua templat',
  editTitle: 'Ubah templat',
  delete: 'Hapus templat',
  deleteSure: (name: string) => `Hapus templat ${name}?`,
  deleted: 'Templat sudah dihapus.',
  use: 'Kirim',
};
