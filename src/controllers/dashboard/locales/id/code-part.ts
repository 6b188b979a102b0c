import type { Texts } from '../../i18n.ts';
import type * as english from '../en/code-part.ts';

export const codePart: Texts<typeof english.codePart> = {
  show: 'Salin sebagai kode',
  about:
    'Permintaan API untuk formulir ini, persis seperti isinya. Kodenya membaca API key Anda dari variabel lingkungan.',
  exampleFile: 'Ganti URL example.com dengan URL file Anda, atau ID file yang sudah diunggah.',
  copy: 'Salin',
  copied: 'Tersalin',
};
