import type { Page } from '../page.ts';
import { albumPages } from './album.tsx';
import { channelPages } from './channels.tsx';
import { composePages } from './compose.tsx';
import { contactPages } from './contact.tsx';
import { conversationPages } from './conversation.tsx';
import { messageDetailPages } from './detail.tsx';
import { messageListPages } from './list.tsx';
import { statusPages } from './status.tsx';

/** The named parts come before `/dashboard/messages/:messageId`. */
export const messagePages: Page[] = [
  ...messageListPages,
  ...composePages,
  ...albumPages,
  ...statusPages,
  ...channelPages,
  ...conversationPages,
  ...contactPages,
  ...messageDetailPages,
];
