/** Every page of the dashboard: what is mounted, and walked by the tests. */
import { accountPages } from './account/pages.tsx';
import { suspendedPages } from './account/suspended.tsx';
import { serviceDomainPages } from './admin/domains.tsx';
import { planPages } from './admin/plans.tsx';
import { systemPages } from './admin/system.tsx';
import { userPages } from './admin/users.tsx';
import { workspacePages } from './admin/workspaces.tsx';
import { alarmPages } from './alarm-strip.tsx';
import { alertPages } from './alerts/pages.tsx';
import { assetPages } from './assets.ts';
import { broadcastPages } from './broadcast/index.ts';
import { examplePages } from './developers/examples.tsx';
import { keyPages } from './developers/keys.tsx';
import { requestPages } from './developers/requests.tsx';
import { webhookPages } from './developers/webhooks.tsx';
import { messagePages } from './messages/index.ts';
import { numberPages } from './number-hint.tsx';
import { otpPages } from './otp/index.ts';
import { overviewPages } from './overview/pages.tsx';
import { needing, type Page } from './page.ts';
import { phonePages } from './phone/index.ts';
import { searchPages } from './search.tsx';
import { sessionPages } from './sessions/index.ts';
import { teamPages } from './team/pages.tsx';
import { usagePages } from './usage-pages.tsx';

export const allPages: readonly Page[] = [
  ...assetPages,
  ...accountPages,
  ...suspendedPages,
  ...overviewPages,
  ...searchPages,
  ...alarmPages,
  ...alertPages,
  ...needing('sessions:write', sessionPages),
  ...needing('messages:write', messagePages),
  ...numberPages,
  ...needing('sessions:write', phonePages),
  ...teamPages,
  ...usagePages,
  ...keyPages,
  ...needing('webhooks', webhookPages),
  ...needing('settings', requestPages),
  ...examplePages,
  ...userPages,
  ...workspacePages,
  ...serviceDomainPages,
  ...planPages,
  ...systemPages,
  ...needing('broadcast', broadcastPages),
  ...needing('otp', otpPages),
];
