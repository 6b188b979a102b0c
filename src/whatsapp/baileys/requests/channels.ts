/** Requests about channels, over one socket. They reject with AppError where WhatsApp refuses. */
import type { EngineRequests } from '../../requests.ts';
import { findChannel, listChannels } from '../channels.ts';
import type { RequestContext } from './groups.ts';
import { explainPersonRefusal, refusalCode } from './refusal.ts';

type Handlers = {
  [N in Extract<keyof EngineRequests, `channel.${string}`>]: (
    of: RequestContext,
    input: EngineRequests[N]['input'],
  ) => Promise<EngineRequests[N]['output']>;
};

export const CHANNEL_REQUESTS: Handlers = {
  'channel.list': ({ link }) => explained(listChannels(link.sock)),
  'channel.info': ({ link }, { channel }) => explained(findChannel(link.sock, channel)),
};

/** Who asked has said nothing that WhatsApp could refuse: only its limit is theirs. */
async function explained<R>(answer: Promise<R>): Promise<R> {
  try {
    return await answer;
  } catch (error) {
    throw refusalCode(error) === 429 ? (explainPersonRefusal(error) ?? error) : error;
  }
}
