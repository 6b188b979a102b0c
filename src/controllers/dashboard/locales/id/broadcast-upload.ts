import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-upload.ts';

export const broadcastUpload: Texts<typeof english.broadcastUpload> = {
  sending: 'Mengunggah file…',
  sent: 'Memeriksa file…',
  progress: 'Progres unggahan',
};
