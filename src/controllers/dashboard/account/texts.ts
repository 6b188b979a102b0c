import { texts } from '../i18n.ts';

export const ACCOUNT_TEXTS = texts({
  en: {
    signIn: 'Sign in',
    signUp: 'Create an account',
    email: 'E-mail',
    password: 'Password',
    name: 'Name',
    role: 'Role',
    noAccount: 'No account yet?',
    haveAccount: 'You have an account?',
    passwordHint: 'At least 8 characters.',
    closed: 'Registration is closed here: ask an administrator for an account.',
    welcome: 'Welcome! Link your first WhatsApp number now.',
    sandboxHint: 'This is a sandbox: e-mail and password stand in the terminal and in data/sandbox.json.',
    account: 'Account',
    lastSignIn: 'Last sign-in',
    changePassword: 'Change the password',
    currentPassword: 'Current password',
    newPassword: 'New password',
    revokeKeys: 'End all API keys, too: programs that use them need new ones',
    signOutEverywhere: 'Sign out everywhere else',
    signOutAbout: 'Ends every other sign-in, every token and every link to files that was given out.',
    signedOutEverywhere: 'You are signed out everywhere else.',
    passwordChanged: 'The password is changed. Everywhere else you were signed in, you are signed out.',
  },
  id: {
    signIn: 'Masuk',
    signUp: 'Buat akun',
    email: 'Surel',
    password: 'Kata sandi',
    name: 'Nama',
    role: 'Peran',
    noAccount: 'Belum punya akun?',
    haveAccount: 'Sudah punya akun?',
    passwordHint: 'Paling sedikit 8 karakter.',
    closed: 'Pendaftaran ditutup: mintalah akun kepada administrator.',
    welcome: 'Selamat datang! Tautkan nomor WhatsApp pertama Anda sekarang.',
    sandboxHint: 'Ini sandbox: surel dan kata sandi ada di terminal dan di data/sandbox.json.',
    account: 'Akun',
    lastSignIn: 'Terakhir masuk',
    changePassword: 'Ganti kata sandi',
    currentPassword: 'Kata sandi sekarang',
    newPassword: 'Kata sandi baru',
    revokeKeys: 'Akhiri juga semua kunci API: program yang memakainya perlu kunci baru',
    signOutEverywhere: 'Keluar di semua tempat lain',
    signOutAbout:
      'Mengakhiri semua sesi masuk lain, semua token, dan semua tautan berkas yang pernah dibagikan.',
    signedOutEverywhere: 'Anda sudah dikeluarkan di semua tempat lain.',
    passwordChanged: 'Kata sandi diganti. Di tempat lain Anda dikeluarkan.',
  },
});

/** What roles are called. */
export const roleNames = texts({
  en: { admin: 'administrator', user: 'user', readonly: 'read only' },
  id: { admin: 'administrator', user: 'pengguna', readonly: 'hanya baca' },
});
