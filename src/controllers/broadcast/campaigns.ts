/** `…/broadcast/send`, `/schedule` and `/campaigns`. */
import { z } from 'zod';
import {
  cloneCampaign,
  pauseCampaign,
  resumeCampaign,
  retryCampaign,
  stopCampaign,
  updateCampaign,
} from '../../services/campaigns/control.ts';
import {
  CampaignEstimate,
  EstimateCampaignInput,
  estimateCampaign,
} from '../../services/campaigns/estimate.ts';
import { type CampaignRef, getCampaign, listCampaigns } from '../../services/campaigns/read.ts';
import { recallCampaign } from '../../services/campaigns/recall.ts';
import { listRecipients } from '../../services/campaigns/recipients.ts';
import {
  CampaignOutput,
  CampaignRecipient,
  CloneCampaignInput,
  campaignFilter,
  MadeCampaign,
  recipientsQuery,
  ScheduleCampaignInput,
  SendCampaignBody,
  UpdateCampaignInput,
} from '../../services/campaigns/schemas.ts';
import { scheduleCampaign, sendCampaign } from '../../services/campaigns/start.ts';
import type { Ctx } from '../../services/context.ts';
import type { Answer } from '../../services/idempotency.ts';
import { type Route, route } from '../route.ts';
import { Pagination, pageQuery, paginationOf } from '../schemas.ts';
import {
  broadcastPath,
  CAMPAIGN_LIMIT,
  ESTIMATE_LIMIT,
  EXAMPLE_ID,
  EXAMPLE_NUMBER,
  IdParams,
  ownerQuery,
  SessionParams,
  TAG,
} from './parts.ts';

const session = { sessionId: 'main' };
const params = { ...session, id: EXAMPLE_ID };
const Made = z.object({ message: z.string(), data: MadeCampaign });
const One = z.object({ message: z.string(), data: CampaignOutput });
const MAKE_ERRORS = [
  'SESSION_NOT_FOUND',
  'NOT_CONNECTED',
  'NOT_FOUND',
  'INVALID_NUMBER',
  'BROADCAST_IN_PROGRESS',
  'NOT_SUPPORTED',
  'RATE_LIMITED',
] as const;
const MOVE_ERRORS = ['SESSION_NOT_FOUND', 'NOT_FOUND', 'CONFLICT'] as const;

const madeBody = (message: string, data: MadeCampaign) => ({ message, data });
const answerWith = (message: string) => (data: MadeCampaign) => ({
  status: 202,
  body: { success: true, ...madeBody(message, data) },
});

const send = route({
  method: 'post',
  ...broadcastPath('/send'),
  tag: TAG,
  summary: 'Start a campaign now',
  description:
    'To a list or to up to 10,000 `numbers`. Answers as soon as the campaign is durable; everybody gets at most one ' +
    'message, whatever happens. Numbers are looked up at WhatsApp first, who has opted out is left out, and the ' +
    'campaign pauses itself when too many messages fail.',
  auth: 'credential',
  scope: 'broadcast',
  status: 202,
  idempotent: true,
  limit: CAMPAIGN_LIMIT,
  params: SessionParams,
  body: SendCampaignBody,
  response: Made,
  errors: MAKE_ERRORS,
  example: {
    params: session,
    body: { numbers: [EXAMPLE_NUMBER], message: 'Halo {name|Kak}!', delayBetweenMessages: 2000 },
  },
  handler: async ({ ctx, params: path, body }) => {
    const said = 'Campaign started';
    return madeBody(said, await sendCampaign(ctx, path, body, answerWith(said)));
  },
});

const schedule = route({
  method: 'post',
  ...broadcastPath('/schedule'),
  tag: TAG,
  summary: 'Schedule a campaign, once or again and again',
  description:
    '`scheduledAt` without an offset is a time in `timezone`. With `cron` every run is a campaign of its own; ' +
    'stop the scheduled one to end it.',
  auth: 'credential',
  scope: 'broadcast',
  status: 202,
  idempotent: true,
  limit: CAMPAIGN_LIMIT,
  params: SessionParams,
  body: ScheduleCampaignInput,
  response: Made,
  errors: MAKE_ERRORS,
  example: {
    params: session,
    body: {
      numbers: [EXAMPLE_NUMBER],
      message: 'Selamat pagi {name|Kak}!',
      cron: '0 9 * * 1',
      timezone: 'Asia/Jakarta',
    },
  },
  handler: async ({ ctx, params: path, body }) => {
    const said = 'Campaign scheduled';
    return madeBody(said, await scheduleCampaign(ctx, path, body, answerWith(said)));
  },
});

const estimate = route({
  method: 'post',
  ...broadcastPath('/estimate'),
  tag: TAG,
  summary: 'What a campaign would be, without making it',
  description:
    'Whom it reaches, how fast, and when it would be over, by the pace and the limits of the session.',
  auth: 'credential',
  scope: 'read',
  limit: ESTIMATE_LIMIT,
  params: SessionParams,
  body: EstimateCampaignInput,
  response: z.object({ data: CampaignEstimate }),
  errors: ['SESSION_NOT_FOUND', 'NOT_CONNECTED', 'NOT_FOUND', 'INVALID_NUMBER', 'RATE_LIMITED'],
  example: {
    params: session,
    body: { numbers: [EXAMPLE_NUMBER], delayBetweenMessages: 2000, dailyCap: 500 },
  },
  handler: async ({ ctx, params: path, body }) => ({ data: await estimateCampaign(ctx, path, body) }),
});

const list = route({
  method: 'get',
  ...broadcastPath('/campaigns'),
  tag: TAG,
  summary: 'Campaigns of a session, newest first',
  description:
    'With their state and counts. To read on, ask for the next `page`; `limit` is how many are on one.',
  auth: 'credential',
  params: SessionParams,
  query: z.object({ ...pageQuery, ...ownerQuery, ...campaignFilter }),
  response: z.object({ data: z.array(CampaignOutput), pagination: Pagination }),
  errors: ['SESSION_NOT_FOUND'],
  example: { params: session },
  handler: async ({ ctx, params: path, query }) => {
    const { data, totalItems } = await listCampaigns(ctx, { ...path, ...query });
    return { data, pagination: paginationOf(query, totalItems) };
  },
});

const get = route({
  method: 'get',
  ...broadcastPath('/campaigns/:id'),
  tag: TAG,
  summary: 'One campaign with its statistics, exact at this moment',
  description:
    'Counts of its recipients by outcome, what holds it, and when it will end at its present pace.',
  auth: 'credential',
  params: IdParams,
  query: z.object(ownerQuery),
  response: z.object({ data: CampaignOutput }),
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { params },
  handler: async ({ ctx, params: path, query }) => ({ data: await getCampaign(ctx, { ...path, ...query }) }),
});

const recipients = route({
  method: 'get',
  ...broadcastPath('/campaigns/:id/recipients'),
  tag: TAG,
  summary: 'What became of each recipient, in the order of sending',
  description:
    'Filter by `state` to find those that failed, with the reason of each. To read on, give `nextCursor` back as `cursor`.',
  auth: 'credential',
  params: IdParams,
  query: z.object({ ...recipientsQuery, ...ownerQuery }),
  response: z.object({ data: z.array(CampaignRecipient), nextCursor: z.string().nullable() }),
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { params },
  handler: async ({ ctx, params: path, query }) => ({
    ...(await listRecipients(ctx, { ...path, ...query })),
  }),
});

const update = route({
  method: 'put',
  ...broadcastPath('/campaigns/:id'),
  tag: TAG,
  summary: 'Change a campaign that is paused or has not begun',
  description: 'Whoever has not been written to gets the new text. The time can be changed until it begins.',
  auth: 'credential',
  scope: 'broadcast',
  params: IdParams,
  body: UpdateCampaignInput,
  response: One,
  errors: [...MOVE_ERRORS, 'NOT_SUPPORTED'],
  example: { params, body: { message: 'Halo lagi, {name|Kak}!' } },
  handler: async ({ ctx, params: path, body }) => ({
    message: 'Campaign saved',
    data: await updateCampaign(ctx, path, body),
  }),
});

const clone = route({
  method: 'post',
  ...broadcastPath('/campaigns/:id/clone'),
  tag: TAG,
  summary: 'Make another campaign of the same content, recipients and settings',
  description: 'Paused, to be changed and resumed; with `scheduledAt` it begins at that time.',
  auth: 'credential',
  scope: 'broadcast',
  status: 202,
  idempotent: true,
  limit: CAMPAIGN_LIMIT,
  params: IdParams,
  body: CloneCampaignInput,
  response: Made,
  errors: MOVE_ERRORS,
  example: { params, body: { campaignName: 'Once more' } },
  handler: async ({ ctx, params: path, body }) => {
    const said = 'Campaign cloned';
    return madeBody(said, await cloneCampaign(ctx, path, body, answerWith(said)));
  },
});

interface Move {
  name: string;
  summary: string;
  description: string;
  said: string;
  /** it sends */
  idempotent?: true;
  verb: (ctx: Ctx, ref: CampaignRef, answer: (data: CampaignOutput) => Answer) => Promise<CampaignOutput>;
}

const MOVES: readonly Move[] = [
  {
    name: 'pause',
    summary: 'Pause a campaign',
    description: 'After the answer nothing is sent any more but what was on the wire already.',
    said: 'Campaign paused',
    verb: pauseCampaign,
  },
  {
    name: 'resume',
    summary: 'Resume a paused campaign, or begin a clone',
    description: 'It goes on with the next recipient; no recipient gets it twice.',
    said: 'Campaign resumed',
    verb: resumeCampaign,
  },
  {
    name: 'stop',
    summary: 'Stop a campaign for good',
    description: 'After the answer nothing is sent any more but what was on the wire already.',
    said: 'Campaign stopped',
    verb: stopCampaign,
  },
  {
    name: 'recall',
    summary: 'Delete what a campaign has sent, for everyone',
    description:
      'Stops it first. Goes through all that was sent in the last 60 hours, at the pace of its sessions, and over ' +
      'restarts; `recall` of the campaign says how far it is.',
    said: 'The campaign is being recalled',
    verb: recallCampaign,
  },
  {
    name: 'retry-failed',
    summary: 'Send what failed once more',
    description: 'Under the same message ids: whoever has it already sees it once.',
    said: 'Failed messages are sent again',
    idempotent: true,
    verb: retryCampaign,
  },
];

const moves = MOVES.map(({ name, summary, description, said, idempotent = false, verb }) => {
  const reply = (data: CampaignOutput) => ({ message: said, data });
  return route({
    method: 'post',
    ...broadcastPath(`/campaigns/:id/${name}`),
    tag: TAG,
    summary,
    description,
    auth: 'credential',
    scope: 'broadcast',
    params: IdParams,
    response: One,
    errors: [...MOVE_ERRORS, 'NOT_CONNECTED', 'BROADCAST_IN_PROGRESS'],
    idempotent,
    example: { params },
    handler: async ({ ctx, params: path }) =>
      reply(await verb(ctx, path, (data) => ({ status: 200, body: { success: true, ...reply(data) } }))),
  });
});

export const campaignRoutes: readonly Route[] = [
  send,
  schedule,
  estimate,
  list,
  get,
  recipients,
  update,
  clone,
  ...moves,
];
