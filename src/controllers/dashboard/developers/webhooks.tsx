/** Webhooks, and what each of them was told. */
import { z } from 'zod';
import { listDeliveries, testWebhook } from '../../../services/webhooks/deliveries.ts';
import { listReplays } from '../../../services/webhooks/replays.ts';
import { DeliveryState, TestInput, type WebhookWithHealth } from '../../../services/webhooks/schemas.ts';
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  rotateWebhookSecret,
  updateWebhook,
} from '../../../services/webhooks/verbs.ts';
import { SessionId } from '../../schemas.ts';
import { Crumb } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { Badge, Empty, NextLink, Table, Ticked, Time } from '../parts.tsx';
import { DeliveryCard, deliveryPages } from './deliveries.tsx';
import { sessionOptions } from './keys.tsx';
import { DeveloperTabs, SecretOnce } from './tabs.tsx';
import { DEVELOPER_TEXTS } from './texts.ts';
import { Card, eventsOf, TestResult } from './webhook-card.tsx';
import { EditForm, Events, NewForm } from './webhook-forms.tsx';
import { example, WEBHOOKS as HERE, HeaderLines, HealthBadge, HealthLine, Id } from './webhook-parts.tsx';
import { ReplayCard, replayPages } from './webhook-replays.tsx';

const ROTATION_GRACE_MINUTES = 1440;
const PER_PAGE = 25;

const lists: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'user',
    async handler({ ctx, view }) {
      const t = DEVELOPER_TEXTS(view.lang);
      const { data } = await listWebhooks(ctx, { page: 1, limit: 200 });
      const body = (
        <>
          <DeveloperTabs t={t} current={HERE} />
          <section class="card">
            <List view={view} webhooks={data} />
          </section>
          {view.canWrite && <NewForm view={view} sessions={await sessionOptions(ctx)} />}
        </>
      );
      return { title: t.webhooks, section: 'developers', body };
    },
  }),
  page({
    method: 'post',
    path: HERE,
    auth: 'user',
    form: z.object({
      url: z.string().trim().min(1).max(2048),
      sessionId: SessionId.optional(),
      events: Events,
      headers: HeaderLines.optional(),
      messageContent: Ticked,
    }),
    example: { form: { url: 'https://hooks.example.com/wahub' } },
    async handler({ ctx, view, form }) {
      const { id, url, secret } = await createWebhook(ctx, form);
      return { fragment: <SecretOnce view={view} label={url} secret={secret} back={`${HERE}/${id}`} /> };
    },
  }),
];

function List({ view, webhooks }: { view: View; webhooks: readonly WebhookWithHealth[] }) {
  const t = DEVELOPER_TEXTS(view.lang);
  if (webhooks.length === 0) {
    return (
      <Empty
        view={view}
        title={t.noWebhooks}
        next={view.canWrite && <NextLink to="#new">{t.newWebhook}</NextLink>}
      >
        <p>{t.noWebhooksAbout}</p>
      </Empty>
    );
  }
  return (
    <Table stack label={t.webhooks} head={[t.url, t.health, t.events, t.session, t.created]}>
      {webhooks.map((webhook) => (
        <tr>
          <td class="wrap">
            <a href={`${HERE}/${webhook.id}`}>{webhook.url}</a>
          </td>
          <td>
            {webhook.status === 'disabled' ? (
              <Badge tone="plain">{t.disabled}</Badge>
            ) : (
              <HealthBadge view={view} health={webhook.health} />
            )}{' '}
            <HealthLine view={view} health={webhook.health} />
          </td>
          <td>{eventsOf(t, webhook.events)}</td>
          <td>{webhook.sessionId ?? t.allSessions}</td>
          <td>
            <Time at={webhook.createdAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

const one: Page[] = [
  page({
    method: 'get',
    path: `${HERE}/:id`,
    auth: 'user',
    params: Id,
    query: z.object({
      state: DeliveryState.optional().catch(undefined),
      cursor: z.string().max(200).optional(),
    }),
    example,
    async handler({ ctx, view, params, query }) {
      const t = DEVELOPER_TEXTS(view.lang);
      const webhook = await getWebhook(ctx, params);
      const found = await listDeliveries(ctx, { ...params, ...query, page: 1, limit: PER_PAGE });
      const here = `${HERE}/${webhook.id}`;
      const body = (
        <>
          <Crumb to={HERE}>{t.webhooks}</Crumb>
          <h1>{webhook.url}</h1>
          <Card view={view} webhook={webhook} />
          {view.canWrite && <EditForm view={view} webhook={webhook} />}
          <ReplayCard view={view} id={webhook.id} replays={await listReplays(ctx, params)} />
          <DeliveryCard view={view} here={here} state={query.state} found={found} />
        </>
      );
      return { title: t.webhook, section: 'developers', body };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:id/test`,
    auth: 'user',
    params: Id,
    form: TestInput,
    example,
    async handler({ ctx, view, params, form }) {
      const result = await testWebhook(ctx, { ...params, ...form });
      return { fragment: <TestResult view={view} result={result} /> };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:id/edit`,
    auth: 'user',
    params: Id,
    form: z.object({
      url: z.string().trim().min(1).max(2048),
      events: Events,
      headers: HeaderLines.optional().transform((headers) => headers ?? {}),
      messageContent: Ticked,
    }),
    example: { ...example, form: { url: 'https://hooks.example.com/wahub' } },
    async handler({ ctx, view, params, form }) {
      const t = DEVELOPER_TEXTS(view.lang);
      const { droppedHeaders } = await updateWebhook(ctx, { ...params, ...form });
      const done = droppedHeaders.length === 0 ? t.changed : t.headersDropped(droppedHeaders.join(', '));
      return { redirect: `${HERE}/${params.id}`, done };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:id/status`,
    auth: 'user',
    params: Id,
    form: z.object({ status: z.enum(['active', 'disabled']) }),
    example: { ...example, form: { status: 'disabled' } },
    async handler({ ctx, view, params, form }) {
      await updateWebhook(ctx, { ...params, ...form });
      return { redirect: `${HERE}/${params.id}`, done: DEVELOPER_TEXTS(view.lang).changed };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:id/rotate`,
    auth: 'user',
    params: Id,
    example,
    async handler({ ctx, view, params }) {
      const made = await rotateWebhookSecret(ctx, { ...params, graceMinutes: ROTATION_GRACE_MINUTES });
      const { id, url, secret } = made;
      return { fragment: <SecretOnce view={view} label={url} secret={secret} back={`${HERE}/${id}`} /> };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:id/delete`,
    auth: 'user',
    params: Id,
    example,
    async handler({ ctx, view, params }) {
      await deleteWebhook(ctx, params);
      return { redirect: HERE, done: DEVELOPER_TEXTS(view.lang).removed };
    },
  }),
];

export const webhookPages: Page[] = [...lists, ...one, ...replayPages, ...deliveryPages];
