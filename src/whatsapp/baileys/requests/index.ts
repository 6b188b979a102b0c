/** Everything that is asked of WhatsApp on somebody's behalf, by name. */
import type { EngineRequests, RequestName } from '../../requests.ts';
import { CHANNEL_REQUESTS } from './channels.ts';
import { CHAT_REQUESTS } from './chats.ts';
import { GROUP_REQUESTS, type RequestContext } from './groups.ts';
import { MEDIA_REQUESTS } from './media.ts';
import { PEOPLE_REQUESTS } from './people.ts';

type Handlers = {
  [N in RequestName]: (
    of: RequestContext,
    input: EngineRequests[N]['input'],
  ) => Promise<EngineRequests[N]['output']>;
};

const HANDLERS: Handlers = {
  ...GROUP_REQUESTS,
  ...PEOPLE_REQUESTS,
  ...CHAT_REQUESTS,
  ...MEDIA_REQUESTS,
  ...CHANNEL_REQUESTS,
};

/** Asks over one socket. Rejects with AppError where WhatsApp refuses, and as queries do. */
export function askWhatsApp<N extends RequestName>(
  of: RequestContext,
  name: N,
  input: EngineRequests[N]['input'],
): Promise<EngineRequests[N]['output']> {
  return HANDLERS[name](of, input);
}
