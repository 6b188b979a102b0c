import type { Texts } from '../../i18n.ts';
import type * as english from '../en/usage.ts';

export const usage: Texts<typeof english.usage> = {
  usage: 'Pemakaian',
  what: 'Apa',
  used: 'Terpakai',
  limit: 'Batas',
};
