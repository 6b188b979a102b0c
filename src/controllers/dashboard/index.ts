/** Every page of the dashboard: what is mounted, and walked by the tests. */
import { accountPages } from './account/pages.tsx';
import { assetPages } from './assets.ts';
import { overviewPages } from './overview/pages.tsx';
import type { Page } from './page.ts';

export const allPages: readonly Page[] = [...assetPages, ...accountPages, ...overviewPages];
