import type { Texts } from '../../i18n.ts';
import type * as english from '../en/oidc.ts';

export const oidc: Texts<typeof english.oidc> = {
  or: 'atau',
  signInWith: (provider: string) => `Masuk dengan ${provider}`,
  joinWith: (provider: string) => `Bergabung dengan ${provider}`,
  signedIn: 'Anda sudah masuk',
  onTheWay: 'Anda sedang dialihkan. Jika tidak terjadi apa-apa, tekan tombol ini.',
  goOn: 'Lanjutkan',
  identities: 'Akun masuk yang ditautkan',
  identitiesAbout: 'Anda bisa masuk dengan akun-akun ini sebagai pengganti kata sandi.',
  provider: 'Layanan',
  email: 'Email',
  lastUsed: 'Terakhir dipakai',
  linkedAt: 'Ditautkan',
  link: 'Tautkan akun',
  linkNow: 'Tautkan sekarang',
  linkAbout: (provider: string, email: string, account: string) =>
    `Tautkan akun ${provider} ${email} ke ${account}? Pemiliknya bisa masuk sebagai Anda.`,
  linkTo: (provider: string) => `Tautkan ${provider}`,
  linked: 'Akun sudah ditautkan. Mulai sekarang Anda bisa masuk dengannya.',
  unlink: 'Lepas',
  unlinkConfirm: (provider: string) => `Lepas ${provider}? Anda tidak bisa lagi masuk dengannya.`,
  unlinked: 'Akun sudah dilepas.',
};

export const domains: Texts<typeof english.domains> = {
  domains: 'Domain',
  about:
    'Siapa pun yang masuk lewat layanan tertaut dengan alamat email terkonfirmasi dari domain ini menjadi anggota workspace ini.',
  domain: 'Domain',
  role: 'Peran anggota baru',
  recordAbout: (name: string) => `Tambahkan catatan TXT di ${name} dengan nilai ini:`,
  provenDns: 'diverifikasi lewat DNS',
  provenAdmin: 'ditetapkan administrator',
  unproven: 'belum diverifikasi',
  add: 'Tambah domain',
  added: (domain: string) => `${domain} ditambahkan. Tambahkan catatan DNS, lalu verifikasi.`,
  verify: 'Verifikasi',
  verified: (domain: string) => `${domain} sudah diverifikasi.`,
  save: 'Simpan',
  saved: 'Tersimpan.',
  remove: 'Hapus',
  removeConfirm: (domain: string) => `Hapus ${domain}? Anggota tetap ada.`,
  removed: 'Domain sudah dihapus.',
  none: 'Belum ada domain.',
  serviceAbout:
    'Siapa pun yang masuk lewat layanan tertaut dengan alamat email terkonfirmasi dari salah satu domain ini menjadi anggota workspace-nya.',
  giveAbout:
    'Domain langsung dianggap terverifikasi tanpa catatan DNS. Pastikan domain ini milik workspace tersebut.',
  workspaceId: 'Nomor workspace',
  given: (domain: string) => `${domain} ditambahkan. Orang kini bisa bergabung dengan domain ini.`,
};
