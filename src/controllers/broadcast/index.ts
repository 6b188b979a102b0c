/** Every route under `…/broadcast`. */
import type { Route } from '../route.ts';
import { contactRoutes } from './contacts.ts';
import { importRoutes } from './imports.ts';
import { listRoutes } from './lists.ts';
import { templateRoutes } from './templates.ts';

export const broadcastRoutes: readonly Route[] = [
  ...listRoutes,
  ...contactRoutes,
  ...importRoutes,
  ...templateRoutes,
];
