import { own } from '../../../../utils/own.ts';
import type { Texts } from '../../i18n.ts';
import type * as english from '../en/usage.ts';

const CATEGORIES: Record<string, string> = {
  message: 'Pesan satuan',
  campaign: 'Broadcast',
  otp: 'Kode OTP',
};

export const usage: Texts<typeof english.usage> = {
  usage: 'Penggunaan',
  what: 'Sumber daya',
  used: 'Terpakai',
  limit: 'Batas',
  noLimit: 'tanpa batas',
  sentIn: (month: string) => `Pesan pada ${month}`,
  about: 'Pesan dihitung satu kali saat diterima layanan. Hari dan bulan mengikuti UTC.',
  download: 'Unduh sebagai CSV',
  messages: 'Pesan',
  category: 'Tujuan',
  categories: (name: string) => own(CATEGORIES, name) ?? name,
  session: 'Sesi',
  kind: 'Jenis',
  engine: 'Mesin',
  near: (name: string, used: string, limit: string) => `${name}: ${used} dari ${limit} sudah terpakai.`,
  plan: 'Paket',
};
