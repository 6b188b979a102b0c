import type { Texts } from '../../i18n.ts';
import type * as english from '../en/usage.ts';

export const usage: Texts<typeof english.usage> = {
  usage: 'Penggunaan',
  what: 'Sumber daya',
  used: 'Terpakai',
  limit: 'Batas',
  noLimit: 'tanpa batas',
};
