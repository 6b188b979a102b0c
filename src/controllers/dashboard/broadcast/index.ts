/** `/dashboard/broadcast`. */
import type { Page } from '../page.ts';
import { contactPages } from './contacts.tsx';
import { importPages } from './imports.tsx';
import { listPages } from './lists.tsx';

/** Those with a word in the path come before those with an id there. */
export const broadcastPages: readonly Page[] = [...listPages, ...contactPages, ...importPages];
