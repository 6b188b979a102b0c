import type { Page } from '../page.ts';
import { detailPages } from './detail.tsx';
import { extensionPages } from './extension.tsx';
import { limitPages } from './limits.tsx';
import { linkPages } from './link.tsx';
import { listPages } from './list.tsx';
import { passkeyPages } from './passkey.tsx';
import { poolPages } from './pools.tsx';
import { queuePages } from './queue.tsx';
import { settingsPages } from './settings.tsx';
import { transferPages } from './transfer.tsx';

export const sessionPages: Page[] = [
  ...listPages,
  ...linkPages,
  ...passkeyPages,
  ...extensionPages,
  ...transferPages,
  ...queuePages,
  ...poolPages,
  ...limitPages,
  ...settingsPages,
  ...detailPages,
];
