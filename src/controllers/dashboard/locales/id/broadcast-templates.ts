import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-templates.ts';

export const broadcastTemplates: Texts<typeof english.broadcastTemplates> = {
  title: 'Template',
  search: 'Cari nama dan teks',
  create: 'Template baru',
  name: 'Nama',
  nameHint: 'Hanya Anda yang melihatnya.',
  text: 'Teks',
  textHint: 'Placeholder dalam kurung kurawal diisi untuk tiap penerima.',
  changed: 'Diubah',
  noneTitle: 'Belum ada template',
  noneText:
    'Template adalah teks dengan placeholder, misalnya {name}, yang diisi kampanye untuk tiap penerima. Tulis satu dan langsung lihat pratinjaunya.',
  save: 'Simpan',
  made: (name: string) => `Template ${name} tersimpan.`,
  saved: 'Tersimpan. Kampanye yang sudah ada tetap memakai teksnya.',
  back: 'Semua template',
  editTitle: 'Ubah template',
  delete: 'Hapus template',
  deleteSure: (name: string) =>
    `Hapus template ${name}? Kampanye yang dibuat darinya tetap memakai teksnya. Program yang memakainya mendapat error.`,
  deleted: 'Template dihapus.',
  use: 'Pakai di kampanye',
};
