/** Every route under `…/broadcast`. */
import type { Route } from '../route.ts';
import { campaignRoutes } from './campaigns.ts';
import { contactRoutes } from './contacts.ts';
import { importRoutes } from './imports.ts';
import { listRoutes } from './lists.ts';
import { optOutRoutes } from './opt-outs.ts';
import { reportRoutes } from './reports.ts';
import { templateRoutes } from './templates.ts';
import { uploadRoutes } from './uploads.ts';

export const broadcastRoutes: readonly Route[] = [
  ...listRoutes,
  ...contactRoutes,
  ...importRoutes,
  ...templateRoutes,
  ...optOutRoutes,
  ...uploadRoutes,
  ...campaignRoutes,
  ...reportRoutes,
];
