/** `/dashboard/broadcast`. */
import type { Page } from '../page.ts';
import { campaignPages } from './campaign.tsx';
import { campaignEditPages } from './campaign-edit.tsx';
import { campaignListPages } from './campaigns.tsx';
import { checkPages } from './checks.tsx';
import { contactPages } from './contacts.tsx';
import { filePages } from './files.tsx';
import { fromChatsPages } from './from-chats.tsx';
import { importPages } from './imports.tsx';
import { listPages } from './lists.tsx';
import { optOutPages } from './opt-outs.tsx';
import { previewPages } from './preview.tsx';
import { recipientPages } from './recipients.tsx';
import { reportPages } from './report.tsx';
import { templatePages } from './templates.tsx';
import { wizardPages } from './wizard/pages.tsx';

/** Those with a word in the path come before those with an id there. */
export const broadcastPages: readonly Page[] = [
  ...campaignListPages,
  ...listPages,
  ...contactPages,
  ...fromChatsPages,
  ...importPages,
  ...templatePages,
  ...previewPages,
  ...filePages,
  ...checkPages,
  ...optOutPages,
  ...wizardPages,
  ...campaignPages,
  ...reportPages,
  ...recipientPages,
  ...campaignEditPages,
];
