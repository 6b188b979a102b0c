/** `/dashboard/broadcast`. */
import type { Page } from '../page.ts';
import { contactPages } from './contacts.tsx';
import { filePages } from './files.tsx';
import { importPages } from './imports.tsx';
import { listPages } from './lists.tsx';
import { optOutPages } from './opt-outs.tsx';
import { previewPages } from './preview.tsx';
import { templatePages } from './templates.tsx';

/** Those with a word in the path come before those with an id there. */
export const broadcastPages: readonly Page[] = [
  ...listPages,
  ...contactPages,
  ...importPages,
  ...templatePages,
  ...previewPages,
  ...filePages,
  ...optOutPages,
];
