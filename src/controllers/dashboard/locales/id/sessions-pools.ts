import type { Texts } from '../../i18n.ts';
import type * as english from '../en/sessions-pools.ts';

export const pools: Texts<typeof english.pools> = {
  title: 'Pool pengirim',
  about:
    'Pool adalah kumpulan sesi yang mengirim bersama. Setiap orang tetap menerima pesan dari nomor yang dikenalnya. Orang lain mendapat pesan dari nomor yang siap dan paling longgar. Batas setiap sesi tetap berlaku.',
  emptyTitle: 'Belum ada pool pengirim',
  emptyText:
    'Gabungkan beberapa sesi dalam satu pool. Pesan, kode OTP, dan kampanye bisa dikirim dari pool itu.',
  emptyReader: 'Minta rekan yang punya akses edit untuk membuatnya.',
  noSession: 'Tautkan nomor dulu. Pool perlu minimal satu sesi.',
  addSession: 'Tambah sesi',
  create: 'Pool baru',
  list: 'Pool pengirim Anda',
  name: 'Nama',
  nameHint: 'Program Anda menyebut pool dengan nama ini.',
  sessions: 'Sesi',
  sessionsHint: 'Minimal satu, maksimal 20.',
  changed: 'Diubah',
  gone: 'sudah dihapus, dilewati',
  goneTitle: 'Sesi yang sudah dihapus',
  goneText: (names) =>
    `Sesi berikut sudah tidak ada dan dilewati: ${names}. Sesi ini keluar dari pool saat Anda menyimpan.`,
  save: 'Simpan',
  created: (name) => `Pool ${name} dibuat.`,
  saved: (name) => `Pool ${name} tersimpan.`,
  all: 'Semua pool',
  compose: 'Tulis pesan',
  campaign: 'Kampanye baru',
  remove: 'Hapus pool',
  removeHint: 'Sesi tetap tertaut, dan pesannya tetap disimpan.',
  removeConfirm: (name) =>
    `Hapus pool ${name}? Daftar sesinya hilang, dan program yang mengirim dari ${name} mendapat error. Sesi tetap ada, dan pesan yang menunggu tetap dikirim.`,
  removed: (name) => `Pool ${name} dihapus.`,
  groupSessions: 'Sesi',
  groupPools: 'Pool',
  groupTogether: 'Bersama',
  several: 'beberapa sesi…',
  severalHint:
    'Maksimal 20. Setiap orang tetap dikirimi dari nomor yang dikenalnya. Orang lain dari nomor yang siap.',
  choice: (name, sessions) => `${name} (${sessions})`,
  countOf: (n) => `${n.toLocaleString('id')} sesi`,
};
