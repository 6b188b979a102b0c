/** `/webhook`: which events go where, and how their deliveries went. */
import { z } from 'zod';
import {
  getDelivery,
  listDeliveries,
  replayDelivery,
  retryDelivery,
  retryWebhook,
  testWebhook,
} from '../services/webhooks/deliveries.ts';
import { listReplays, replayFailed, stopReplay } from '../services/webhooks/replays.ts';
import {
  AttemptOutput,
  CreateWebhookInput,
  DeliveryOutput,
  ListDeliveriesQuery,
  ReplayInput,
  ReplayOutput,
  RotateSecretInput,
  TestInput,
  TestOutput,
  UpdatedWebhook,
  UpdateWebhookInput,
  WebhookOutput,
  WebhookWithHealth,
} from '../services/webhooks/schemas.ts';
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  rotateWebhookSecret,
  updateWebhook,
} from '../services/webhooks/verbs.ts';
import { type Route, route } from './route.ts';
import { Message, Pagination, pageQuery, paginationOf, tenantQuery } from './schemas.ts';

const tag = 'Webhooks';
const Id = z.object({ id: z.string().min(1).max(40) });
const Updated = z.object({ data: UpdatedWebhook });
const OneWithSecret = z.object({
  data: WebhookOutput.extend({ secret: z.string().describe('`whsec_…`, shown only here') }),
});
const OneDelivery = z.object({ data: DeliveryOutput });
const UNKNOWN_ID = '0'.repeat(32);
const example = { params: { id: UNKNOWN_ID } };

const webhooks: Route[] = [
  route({
    method: 'get',
    path: '/webhook',
    tag,
    summary: 'List webhooks',
    description:
      'With the health of each: how its last attempts went and how many events wait. Secrets are never shown.',
    auth: 'credential',
    scope: 'read',
    query: z.object({ ...pageQuery, ...tenantQuery }),
    response: z.object({ data: z.array(WebhookWithHealth), pagination: Pagination }),
    handler: async ({ ctx, query }) => {
      const { data, totalItems } = await listWebhooks(ctx, query);
      return { data, pagination: paginationOf(query, totalItems) };
    },
  }),
  route({
    method: 'post',
    path: '/webhook',
    tag,
    summary: 'Create a webhook',
    description: 'The secret is shown once. An answer that an Idempotency-Key brings back does not hold it.',
    auth: 'credential',
    scope: 'webhooks',
    body: CreateWebhookInput,
    status: 201,
    response: OneWithSecret,
    errors: ['URL_REFUSED', 'SESSION_NOT_FOUND', 'CONFLICT', 'QUOTA_EXCEEDED'],
    idempotent: true,
    example: {
      body: {
        url: 'https://hooks.example.com/wahub',
        events: ['message.received', 'message.read'],
        headers: { 'x-shop': 'toko-maju' },
      },
    },
    handler: async ({ ctx, body }) => ({ data: await createWebhook(ctx, body) }),
  }),
  route({
    method: 'get',
    path: '/webhook/:id',
    tag,
    summary: 'Read a webhook',
    description: 'Its settings and its health. The secret is shown only when it is made or rotated.',
    auth: 'credential',
    scope: 'read',
    params: Id,
    query: z.object({ userId: tenantQuery.userId }),
    response: z.object({ data: WebhookWithHealth }),
    errors: ['NOT_FOUND'],
    example,
    handler: async ({ ctx, params, query }) => ({ data: await getWebhook(ctx, { ...params, ...query }) }),
  }),
  route({
    method: 'put',
    path: '/webhook/:id',
    tag,
    summary: 'Change a webhook',
    description:
      'Events that wait for a retry are tried again at once. With a URL of another origin the values of own headers have to be given again: `droppedHeaders` names those that went.',
    auth: 'credential',
    scope: 'webhooks',
    params: Id,
    body: UpdateWebhookInput,
    response: Updated,
    errors: ['NOT_FOUND', 'URL_REFUSED', 'SESSION_NOT_FOUND'],
    example: { ...example, body: { events: ['*'] } },
    handler: async ({ ctx, params, body }) => ({ data: await updateWebhook(ctx, { ...body, ...params }) }),
  }),
  route({
    method: 'delete',
    path: '/webhook/:id',
    tag,
    summary: 'Delete a webhook',
    description: 'What it was not told yet is dropped.',
    auth: 'credential',
    scope: 'webhooks',
    params: Id,
    response: Message,
    errors: ['NOT_FOUND'],
    example,
    handler: async ({ ctx, params }) => {
      await deleteWebhook(ctx, params);
      return { message: 'Webhook deleted' };
    },
  }),
  route({
    method: 'post',
    path: '/webhook/:id/rotate-secret',
    tag,
    summary: 'Give a webhook a new secret',
    description:
      'Both secrets sign during `graceMinutes`, and those of rotations before, up to three, until their own end; 0 ends them all at once. The new one is shown once.',
    auth: 'credential',
    scope: 'webhooks',
    params: Id,
    body: RotateSecretInput,
    response: OneWithSecret,
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { ...example, body: { graceMinutes: 60 } },
    handler: async ({ ctx, params, body }) => ({
      data: await rotateWebhookSecret(ctx, { ...params, ...body }),
    }),
  }),
];

const deliveries: Route[] = [
  route({
    method: 'post',
    path: '/webhook/:id/test',
    tag,
    summary: 'Send a test event now',
    description:
      'Sends a signed `webhook.test` event, or an example of another one with `test: true` in its data, and answers with what happened.',
    auth: 'credential',
    scope: 'webhooks',
    params: Id,
    body: TestInput,
    response: z.object({ data: TestOutput }),
    errors: ['NOT_FOUND'],
    example: { ...example, body: { event: 'message.delivered' } },
    handler: async ({ ctx, params, body }) => ({ data: await testWebhook(ctx, { ...params, ...body }) }),
  }),
  route({
    method: 'post',
    path: '/webhook/:id/retry',
    tag,
    summary: 'Try everything that waits now',
    description:
      'Events that wait for their next attempt are tried within a second, also where the receiver is thought to be down. `sessions` says in how many sessions something waited.',
    auth: 'credential',
    scope: 'webhooks',
    params: Id,
    status: 202,
    response: z.object({ data: z.object({ sessions: z.int() }) }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    example,
    handler: async ({ ctx, params }) => ({ data: await retryWebhook(ctx, params) }),
  }),
  route({
    method: 'post',
    path: '/webhook/:id/replay-failed',
    tag,
    summary: 'Deliver all failed events again',
    description:
      'Those since a time, in the background, some at a time, in the order of their sessions. One at a time for each webhook.',
    auth: 'credential',
    scope: 'webhooks',
    params: Id,
    body: ReplayInput,
    status: 202,
    response: z.object({ data: ReplayOutput }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    idempotent: true,
    example: { ...example, body: { since: '2026-01-01T08:30:00Z' } },
    handler: async ({ ctx, params, body }) => ({ data: await replayFailed(ctx, { ...params, ...body }) }),
  }),
  route({
    method: 'get',
    path: '/webhook/:id/replays',
    tag,
    summary: 'List the replays of a webhook',
    description: 'The newest 20, newest first.',
    auth: 'credential',
    scope: 'read',
    params: Id,
    response: z.object({ data: z.array(ReplayOutput) }),
    errors: ['NOT_FOUND'],
    example,
    handler: async ({ ctx, params }) => ({ data: await listReplays(ctx, params) }),
  }),
  route({
    method: 'post',
    path: '/webhook/replays/:id/stop',
    tag,
    summary: 'Stop a replay',
    description: 'Events that went back already are delivered all the same.',
    auth: 'credential',
    scope: 'webhooks',
    params: Id,
    response: z.object({ data: ReplayOutput }),
    errors: ['NOT_FOUND'],
    example,
    handler: async ({ ctx, params }) => ({ data: await stopReplay(ctx, params) }),
  }),
  route({
    method: 'get',
    path: '/webhook/:id/deliveries',
    tag,
    summary: 'List what a webhook was told',
    description:
      'Events for this webhook with their state, newest first. An event that waits behind another one names it.',
    auth: 'credential',
    scope: 'read',
    params: Id,
    query: ListDeliveriesQuery,
    response: z.object({
      data: z.array(DeliveryOutput),
      pagination: Pagination,
      nextCursor: z.string().nullable(),
    }),
    errors: ['NOT_FOUND'],
    example,
    handler: async ({ ctx, params, query }) => {
      const { data, totalItems, nextCursor } = await listDeliveries(ctx, { ...params, ...query });
      return { data, pagination: paginationOf(query, totalItems), nextCursor };
    },
  }),
  route({
    method: 'get',
    path: '/webhook/deliveries/:id',
    tag,
    summary: 'Read one delivery with its attempts',
    description:
      'The newest attempts with their headers, bodies, status and milliseconds. Secrets, codes and your own header values are hidden.',
    auth: 'credential',
    scope: 'read',
    params: Id,
    response: z.object({ data: DeliveryOutput.extend({ log: z.array(AttemptOutput) }) }),
    errors: ['NOT_FOUND'],
    example,
    handler: async ({ ctx, params }) => ({ data: await getDelivery(ctx, params) }),
  }),
  route({
    method: 'post',
    path: '/webhook/deliveries/:id/replay',
    tag,
    summary: 'Deliver an event again',
    description: 'Under the same `webhook-id`, apart from the order of its session.',
    auth: 'credential',
    scope: 'webhooks',
    params: Id,
    status: 202,
    response: OneDelivery,
    errors: ['NOT_FOUND', 'CONFLICT'],
    idempotent: true,
    example,
    handler: async ({ ctx, params }) => ({ data: await replayDelivery(ctx, params) }),
  }),
  route({
    method: 'post',
    path: '/webhook/deliveries/:id/retry',
    tag,
    summary: 'Try a waiting event now',
    description: 'Within a second. Events of its session that come before it go first.',
    auth: 'credential',
    scope: 'webhooks',
    params: Id,
    status: 202,
    response: OneDelivery,
    errors: ['NOT_FOUND', 'CONFLICT'],
    example,
    handler: async ({ ctx, params }) => ({ data: await retryDelivery(ctx, params) }),
  }),
];

/** The narrower paths come first: `/webhook/deliveries/:id` is no webhook. */
export const webhookRoutes: Route[] = [...deliveries, ...webhooks];
