/** `/alarms`: what needs a person. `/alerts/channels`: where a workspace is told of it. */
import { z } from 'zod';
import { alarmsOfReader } from '../services/alarms/reader.ts';
import { alarmPath, alarmText } from '../services/alarms/words.ts';
import {
  createChannel,
  deleteChannel,
  getChannel,
  listChannels,
  rotateChannelSecret,
  testChannel,
  updateChannel,
} from '../services/alerts/channels.ts';
import {
  AlarmOutput,
  AlertChannel,
  ChannelChanges,
  ChannelFields,
  ChannelParams,
  ChannelTest,
} from '../services/alerts/schemas.ts';
import { timeZoneOf } from '../services/auth/settings.ts';
import type { Ctx } from '../services/context.ts';
import { type Route, route } from './route.ts';
import { Message } from './schemas.ts';

const tag = 'Alerts';
const example = { params: { id: '0'.repeat(32) } };
const jwt = { tag, auth: 'jwt', permission: 'settings' } as const;
const One = z.object({ data: AlertChannel });
const WithSecret = z.object({
  data: AlertChannel.extend({
    secret: z
      .string()
      .nullable()
      .describe('`whsec_…` of a webhook, shown only here; null in a repeated answer'),
  }),
});

async function readAlarmsOf(ctx: Ctx): Promise<AlarmOutput[]> {
  const zone = await timeZoneOf(ctx, ctx.actor.userId);
  const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());
  const alarms = await alarmsOfReader(ctx);
  return alarms.map((alarm) => ({
    kind: alarm.kind,
    since: iso(alarm.since),
    until: iso(alarm.until),
    sessionId: alarm.sessionId,
    webhookId: alarm.webhookId,
    reason: alarm.reason,
    text: alarmText(alarm, { lang: 'en', zone, now: ctx.clock.now() }),
    url: `${ctx.config.publicUrl}${alarmPath(alarm)}`,
  }));
}

export const alertRoutes: Route[] = [
  route({
    method: 'get',
    path: '/alarms',
    tag,
    summary: 'List what needs a person now',
    description:
      'Sessions that were logged out, banned or must be linked again, restrictions of WhatsApp, webhooks that are down, few codes entered, late queues, limits that are reached. A number that was never linked gives no alarm.',
    auth: 'credential',
    scope: 'read',
    response: z.object({ data: z.array(AlarmOutput) }),
    handler: async ({ ctx }) => ({ data: await readAlarmsOf(ctx) }),
  }),
  route({
    ...jwt,
    method: 'get',
    path: '/alerts/channels',
    summary: 'List alert channels',
    description: 'Where the workspace is told of its alarms, oldest first; never with a secret.',
    response: z.object({ data: z.array(AlertChannel) }),
    handler: async ({ ctx }) => ({ data: await listChannels(ctx) }),
  }),
  route({
    ...jwt,
    method: 'post',
    path: '/alerts/channels',
    summary: 'Create an alert channel',
    description:
      'Each alarm is told once when it begins and once when it is solved; a new channel hears of the alarms that are open. At most 20 notices an hour, then a summary. The `secret` that signs a webhook is shown once.',
    writes: true,
    idempotent: true,
    body: ChannelFields,
    status: 201,
    response: WithSecret,
    errors: ['URL_REFUSED', 'QUOTA_EXCEEDED'],
    example: {
      body: { name: 'On call', type: 'webhook', kinds: ['*'], target: 'https://hooks.example.com/alarms' },
    },
    handler: async ({ ctx, body }) => ({ data: await createChannel(ctx, body) }),
  }),
  route({
    ...jwt,
    method: 'get',
    path: '/alerts/channels/:id',
    summary: 'Read an alert channel',
    description: 'With `failure`, which says why the newest notice could not be sent.',
    params: ChannelParams,
    response: One,
    errors: ['NOT_FOUND'],
    example,
    handler: async ({ ctx, params }) => ({ data: await getChannel(ctx, params) }),
  }),
  route({
    ...jwt,
    method: 'put',
    path: '/alerts/channels/:id',
    summary: 'Change an alert channel',
    description: 'What is not named stays as it is; the type cannot be changed.',
    writes: true,
    params: ChannelParams,
    body: ChannelChanges,
    response: One,
    errors: ['NOT_FOUND', 'URL_REFUSED'],
    example: { ...example, body: { kinds: ['session_ended', 'webhook_down'] } },
    handler: async ({ ctx, params, body }) => ({ data: await updateChannel(ctx, { ...body, ...params }) }),
  }),
  route({
    ...jwt,
    method: 'delete',
    path: '/alerts/channels/:id',
    summary: 'Delete an alert channel',
    description: 'What it was not told yet is dropped.',
    writes: true,
    params: ChannelParams,
    response: Message,
    errors: ['NOT_FOUND'],
    example,
    handler: async ({ ctx, params }) => {
      await deleteChannel(ctx, params);
      return { message: 'Alert channel deleted' };
    },
  }),
  route({
    ...jwt,
    method: 'post',
    path: '/alerts/channels/:id/rotate-secret',
    summary: 'Give a webhook of alerts a new secret',
    description: 'The next notice is signed with it; the old one signs nothing more. It is shown once.',
    writes: true,
    params: ChannelParams,
    response: WithSecret,
    errors: ['NOT_FOUND', 'CONFLICT'],
    example,
    handler: async ({ ctx, params }) => ({ data: await rotateChannelSecret(ctx, params) }),
  }),
  route({
    ...jwt,
    method: 'post',
    path: '/alerts/channels/:id/test',
    summary: 'Send a test to an alert channel',
    description: 'Now, and answers with what happened. One that arrives counts among the 20 of the hour.',
    writes: true,
    params: ChannelParams,
    response: z.object({ data: ChannelTest }),
    errors: ['NOT_FOUND', 'RATE_LIMITED'],
    example,
    handler: async ({ ctx, params }) => ({ data: await testChannel(ctx, params) }),
  }),
];
