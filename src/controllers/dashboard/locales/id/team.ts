import type { Texts } from '../../i18n.ts';
import type * as english from '../en/team.ts';

export const team: Texts<typeof english.team> = {
  team: 'Tim',
  members: 'Anggota',
  membersAbout:
    'Orang-orang di ruang kerja ini. Mereka melihat sesi, pesan, dan daftar yang sama; peran menentukan apa yang boleh mereka ubah.',
  name: 'Nama',
  email: 'Surel',
  role: 'Peran',
  session: 'Sesi',
  allSessions: 'semua',
  lastSignIn: 'Terakhir masuk',
  joined: 'Anggota sejak',
  you: 'Anda',
  disabled: 'nonaktif',
  workspaces: 'Ruang kerja',
  workspacesAbout:
    'Anda anggota ruang kerja berikut. Apa yang Anda lihat dan lakukan selalu di salah satunya.',
  here: 'Anda di sini',
  open: 'Buka',
  switched: (name: string) => `Sekarang Anda di ${name}.`,
  newWorkspace: 'Ruang kerja baru',
  newWorkspaceAbout: 'Ruang kerja ini masih kosong, dan Anda pemiliknya.',
  create: 'Buat',
  created: (name: string) => `${name} sudah dibuat, dan Anda berada di dalamnya.`,
  rename: 'Nama ruang kerja',
  save: 'Simpan',
  renamed: 'Nama disimpan.',
};

export const workspaceRoles: Texts<typeof english.workspaceRoles> = {
  owner: 'pemilik',
  admin: 'admin',
  operator: 'operator',
  marketer: 'pemasar',
  developer: 'pengembang',
  viewer: 'pengamat',
};

export const workspaceRolesAbout: Texts<typeof english.workspaceRolesAbout> = {
  owner: 'semuanya, termasuk siapa saja pemilik ruang kerja',
  admin: 'semuanya kecuali para pemilik',
  operator: 'sesi, pesan, dan kode masuk',
  marketer: 'siaran, daftar, dan templat',
  developer: 'kunci API, webhook, log; mengirim pesan dan kode untuk mencobanya',
  viewer: 'melihat semuanya dan tidak mengubah apa pun',
};
