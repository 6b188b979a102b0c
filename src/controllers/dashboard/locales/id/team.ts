import type { Texts } from '../../i18n.ts';
import type * as english from '../en/team.ts';

export const team: Texts<typeof english.team> = {
  team: 'Tim',
  members: 'Anggota',
  membersAbout:
    'Orang-orang di workspace ini. Mereka melihat sesi, pesan, dan daftar yang sama; peran menentukan apa yang boleh mereka ubah.',
  name: 'Nama',
  email: 'Email',
  role: 'Peran',
  session: 'Sesi',
  allSessions: 'semua',
  lastSignIn: 'Terakhir masuk',
  joined: 'Anggota sejak',
  you: 'Anda',
  disabled: 'nonaktif',
  workspaces: 'Workspace',
  workspacesAbout: 'Anda anggota workspace berikut. Anda selalu bekerja di salah satunya.',
  here: 'saat ini',
  open: 'Buka',
  switched: (name: string) => `Sekarang Anda di ${name}.`,
  newWorkspace: 'Workspace baru',
  newWorkspaceAbout: 'Workspace ini masih kosong, dan Anda pemiliknya.',
  create: 'Buat',
  created: (name: string) => `${name} sudah dibuat, dan Anda berada di dalamnya.`,
  rename: 'Nama workspace',
  save: 'Simpan',
  renamed: 'Nama disimpan.',
};

export const workspaceRoles: Texts<typeof english.workspaceRoles> = {
  owner: 'pemilik',
  admin: 'admin',
  operator: 'operator',
  marketer: 'marketer',
  developer: 'developer',
  viewer: 'hanya lihat',
};

export const workspaceRolesAbout: Texts<typeof english.workspaceRolesAbout> = {
  owner: 'semuanya, termasuk siapa saja pemilik workspace',
  admin: 'semuanya kecuali para pemilik',
  operator: 'sesi, pesan, dan kode OTP',
  marketer: 'broadcast, daftar, dan template',
  developer: 'API key, webhook, log; mengirim pesan dan kode untuk mencobanya',
  viewer: 'melihat semuanya dan tidak mengubah apa pun',
};
