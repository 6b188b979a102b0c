import type { Texts } from '../../i18n.ts';
import type * as english from '../en/messages-compose.ts';

export const messagesCompose: Texts<typeof english.messagesCompose> = {
  title: 'Tulis pesan',
  noSession: 'Belum ada nomor yang tertaut',
  noSessionText: 'Tautkan nomor WhatsApp sebelum mengirim.',
  addSession: 'Tambah sesi',
  from: 'Dari',
  to: 'Ke',
  toStatus: 'Atau pasang status (story)',
  toChannels: 'Kirim ke saluran',
  toHint: 'Nomor telepon dalam format umum apa pun, atau ID grup (…@g.us).',
  kind: 'Jenis',
  text: 'Teks',
  caption: 'Keterangan',
  footer: 'Footer',
  mentions: 'Sebutan, satu nomor per baris',
  mentionsHint:
    'Tulis nomornya dengan @ di dalam teks, seperti @6281234567890. @all untuk semua orang di grup.',
  viewOnce: 'Sekali lihat',
  when: 'Jadwal dan prioritas',
  schedule: 'Kirim pada',
  scheduleHint: 'Kosongkan untuk mengirim secepatnya.',
  priority: 'Prioritas',
  high: 'tinggi: didahulukan dari semua pesan yang menunggu',
  normal: 'normal',
  low: 'rendah: setelah semua pesan lain',
  inAnswer: 'Membalas',
  send: 'Kirim',
  preview: 'Pratinjau',
  previewEmpty: 'Mulai menulis untuk melihat pratinjau.',
  asNumbers: 'Dikirim sebagai teks bernomor, yang tampil di semua ponsel. Penerima membalas dengan nomornya.',
  asNative:
    'Hanya sebagian ponsel menampilkan pilihan ini, dan WhatsApp di komputer tidak menampilkan apa pun. Teks bernomor tampil di mana saja.',
  result: 'Status pengiriman',
  resultEmpty: 'Setelah dikirim, pantau pesan di sini sampai tiba.',
  uploading: 'Mengirim…',
};
