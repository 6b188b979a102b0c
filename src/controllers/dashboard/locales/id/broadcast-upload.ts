import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-upload.ts';

export const broadcastUpload: Texts<typeof english.broadcastUpload> = {
  sending: 'Berkas sedang dikirim…',
  sent: 'Berkas sudah sampai dan sedang diperiksa…',
  progress: 'Berapa banyak dari berkas yang sudah terkirim',
};
