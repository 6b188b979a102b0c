/** Webhooks, and what each of them was told. */

import { z } from 'zod';
import { WEBHOOK_EVENTS } from '../../../events/table.ts';
import {
  getDelivery,
  listDeliveries,
  replayDelivery,
  testWebhook,
} from '../../../services/webhooks/deliveries.ts';
import type { DeliveryOutput, TestOutput } from '../../../services/webhooks/schemas.ts';
import { DeliveryState } from '../../../services/webhooks/schemas.ts';
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  rotateWebhookSecret,
  updateWebhook,
} from '../../../services/webhooks/verbs.ts';
import { SessionId } from '../../schemas.ts';
import { eventName } from '../event-names.ts';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import {
  ActionButton,
  Badge,
  Check,
  Empty,
  Facts,
  Field,
  Form,
  Select,
  Table,
  Time,
  type Tone,
} from '../parts.tsx';
import { sessionOptions } from './keys.tsx';
import { DeveloperTabs, Secret } from './tabs.tsx';
import { DELIVERY_STATES, DEVELOPER_TEXTS, type DeveloperTexts } from './texts.ts';

const HERE = '/dashboard/developers/webhooks';
const DELIVERIES = '/dashboard/developers/deliveries';
const Id = z.object({ id: z.string().min(1).max(40) });
const example = { params: { id: '0'.repeat(32) } };
const ROTATION_GRACE_MINUTES = 1440;
const PER_PAGE = 25;

const Events = z.preprocess(
  (value) => (value === undefined ? ['*'] : Array.isArray(value) ? value : [value]),
  z.array(z.enum(['*', ...WEBHOOK_EVENTS])),
);

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
            <List t={t} webhooks={data} />
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
    }),
    example: { form: { url: 'https://hooks.example.com/wahub' } },
    async handler({ ctx, view, form }) {
      const t = DEVELOPER_TEXTS(view.lang);
      const made = await createWebhook(ctx, form);
      return { fragment: <SecretOnce t={t} id={made.id} url={made.url} secret={made.secret} /> };
    },
  }),
];

type Webhook = Awaited<ReturnType<typeof getWebhook>>;

function List({ t, webhooks }: { t: DeveloperTexts; webhooks: readonly Webhook[] }) {
  if (webhooks.length === 0) {
    return (
      <Empty title={t.noWebhooks}>
        <p>{t.noWebhooksAbout}</p>
      </Empty>
    );
  }
  return (
    <Table label={t.webhooks} head={[t.url, t.events, t.session, t.status, t.created]}>
      {webhooks.map((webhook) => (
        <tr>
          <td class="wrap">
            <a href={`${HERE}/${webhook.id}`}>{webhook.url}</a>
          </td>
          <td>{eventsOf(t, webhook.events)}</td>
          <td>{webhook.sessionId ?? t.allSessions}</td>
          <td>
            <Badge tone={webhook.status === 'active' ? 'good' : 'plain'}>{t[webhook.status]}</Badge>
          </td>
          <td>
            <Time at={webhook.createdAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function NewForm({ view, sessions }: { view: View; sessions: readonly string[] }) {
  const t = DEVELOPER_TEXTS(view.lang);
  return (
    <section class="card">
      <h2>{t.newWebhook}</h2>
      <Form view={view} action={HERE} class="stack" target="this">
        <Field label={t.url} name="url" type="url" required maxlength={2048} placeholder="https://" />
        <Select
          label={t.session}
          name="sessionId"
          options={[['', t.allSessions], ...sessions.map((id) => [id, id] as const)]}
        />
        <fieldset class="field">
          <legend>{t.events}</legend>
          <div class="row">
            {WEBHOOK_EVENTS.map((event) => (
              <Check name="events" value={event} label={eventName(view.lang, event)} code={event} />
            ))}
          </div>
          <span class="hint">{t.eventsHint}</span>
        </fieldset>
        <div>
          <Submit>{t.create}</Submit>
        </div>
      </Form>
    </section>
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
          <p>
            <a href={HERE}>{t.webhooks}</a>
          </p>
          <h1>{webhook.url}</h1>
          <Card view={view} webhook={webhook} />
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
    example,
    async handler({ ctx, view, params }) {
      return {
        fragment: <TestResult t={DEVELOPER_TEXTS(view.lang)} result={await testWebhook(ctx, params)} />,
      };
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
      const t = DEVELOPER_TEXTS(view.lang);
      const made = await rotateWebhookSecret(ctx, { ...params, graceMinutes: ROTATION_GRACE_MINUTES });
      return { fragment: <SecretOnce t={t} id={made.id} url={made.url} secret={made.secret} /> };
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

const deliveries: Page[] = [
  page({
    method: 'get',
    path: `${DELIVERIES}/:id`,
    auth: 'user',
    params: Id,
    example,
    async handler({ ctx, view, params }) {
      const t = DEVELOPER_TEXTS(view.lang);
      const delivery = await getDelivery(ctx, params);
      const body = (
        <>
          <p>
            <a href={`${HERE}/${delivery.webhookId}`}>{t.webhook}</a>
          </p>
          <h1>{delivery.event}</h1>
          <section class="card">
            <Facts
              facts={[
                [t.state, <State view={view} delivery={delivery} />],
                ['webhook-id', <span class="mono">{delivery.id}</span>],
                [t.session, delivery.sessionId ?? t.allSessions],
                [t.created, <Time at={delivery.createdAt} />],
                [t.nextAttempt, <Time at={delivery.nextAttemptAt} />],
              ]}
            />
            {view.canWrite && delivery.state !== 'pending' && (
              <ActionButton view={view} action={`${DELIVERIES}/${delivery.id}/replay`}>
                {t.replay}
              </ActionButton>
            )}
          </section>
          <section class="card">
            <h2>{t.attempts}</h2>
            <Table label={t.attempts} head={[t.attempt, t.at, t.lastAnswer, t.duration, t.error]}>
              {delivery.log.map((attempt) => (
                <tr>
                  <td class="num">{attempt.attempt}</td>
                  <td>
                    <Time at={attempt.at} />
                  </td>
                  <td>{attempt.status ?? t.noAnswer}</td>
                  <td class="num">{attempt.durationMs} ms</td>
                  <td class="wrap">{attempt.error ?? ''}</td>
                </tr>
              ))}
            </Table>
          </section>
        </>
      );
      return { title: delivery.event, section: 'developers', body };
    },
  }),
  page({
    method: 'post',
    path: `${DELIVERIES}/:id/replay`,
    auth: 'user',
    params: Id,
    example,
    async handler({ ctx, view, params }) {
      const { id } = await replayDelivery(ctx, params);
      return { redirect: `${DELIVERIES}/${id}`, done: DEVELOPER_TEXTS(view.lang).replayed };
    },
  }),
];

export const webhookPages: Page[] = [...lists, ...one, ...deliveries];

function SecretOnce({ t, id, url, secret }: { t: DeveloperTexts; id: string; url: string; secret: string }) {
  return (
    <>
      <p class="alert alert-good">{t.secretOnce}</p>
      <Secret t={t} label={url} value={secret} />
      <p>
        <a class="button" href={`${HERE}/${id}`}>
          {t.back}
        </a>
      </p>
    </>
  );
}

function eventsOf(t: DeveloperTexts, events: readonly string[]) {
  return events.includes('*') ? t.all : <code class="small">{events.join(', ')}</code>;
}

function TestResult({ t, result }: { t: DeveloperTexts; result: TestOutput }) {
  const why = result.error ?? String(result.status ?? t.noAnswer);
  return (
    <div class={result.delivered ? 'alert alert-good' : 'alert alert-bad'}>
      <p>{result.delivered ? t.testGood(result.status ?? 0, result.durationMs) : t.testBad(why)}</p>
      {result.answer !== '' && (
        <>
          <p class="small">{t.answer}</p>
          <pre>{result.answer}</pre>
        </>
      )}
    </div>
  );
}

const TONES: Record<DeliveryOutput['state'], Tone> = { pending: 'warn', delivered: 'good', dead: 'bad' };

function State({ view, delivery }: { view: View; delivery: DeliveryOutput }) {
  return <Badge tone={TONES[delivery.state]}>{DELIVERY_STATES(view.lang)[delivery.state]}</Badge>;
}

function Card({ view, webhook }: { view: View; webhook: Webhook }) {
  const t = DEVELOPER_TEXTS(view.lang);
  const here = `${HERE}/${webhook.id}`;
  const isActive = webhook.status === 'active';
  return (
    <section class="card">
      <Facts
        facts={[
          [t.status, <Badge tone={isActive ? 'good' : 'plain'}>{t[webhook.status]}</Badge>],
          [t.events, eventsOf(t, webhook.events)],
          [t.session, webhook.sessionId ?? t.allSessions],
          [t.created, <Time at={webhook.createdAt} />],
        ]}
      />
      {view.canWrite && (
        <div class="row">
          <ActionButton view={view} action={`${here}/test`} target="#test">
            {t.test}
          </ActionButton>
          <ActionButton
            view={view}
            action={`${here}/status`}
            fields={{ status: isActive ? 'disabled' : 'active' }}
          >
            {isActive ? t.disable : t.enable}
          </ActionButton>
          <ActionButton view={view} action={`${here}/rotate`} confirm={t.rotateConfirm} target="#test">
            {t.rotate}
          </ActionButton>
          <ActionButton view={view} action={`${here}/delete`} confirm={t.removeConfirm} tone="danger">
            {t.remove}
          </ActionButton>
        </div>
      )}
      <div id="test" aria-live="polite"></div>
    </section>
  );
}

interface DeliveryCardProps {
  view: View;
  here: string;
  state: string | undefined;
  found: Awaited<ReturnType<typeof listDeliveries>>;
}

function DeliveryCard({ view, here, state: chosen, found }: DeliveryCardProps) {
  const t = DEVELOPER_TEXTS(view.lang);
  return (
    <section class="card">
      <h2>{t.deliveries}</h2>
      <form class="filter" method="get" action={here}>
        <Select
          label={t.state}
          name="state"
          value={chosen}
          options={[
            ['', t.all],
            ...DeliveryState.options.map((state) => [state, DELIVERY_STATES(view.lang)[state]] as const),
          ]}
        />
        <button type="submit">{t.filter}</button>
      </form>
      <Deliveries view={view} rows={found.data} />
      {found.nextCursor !== null && (
        <p class="pages">
          <a
            class="button small"
            href={`${here}?${new URLSearchParams({ state: chosen ?? '', cursor: found.nextCursor })}`}
          >
            {t.older}
          </a>
        </p>
      )}
    </section>
  );
}

function Deliveries({ view, rows }: { view: View; rows: readonly DeliveryOutput[] }) {
  const t = DEVELOPER_TEXTS(view.lang);
  if (rows.length === 0) return <p class="muted">{t.noDeliveries}</p>;
  return (
    <Table label={t.deliveries} head={[t.event, t.session, t.state, t.attempts, t.lastAnswer, t.created]}>
      {rows.map((delivery) => (
        <tr>
          <td>
            <a href={`${DELIVERIES}/${delivery.id}`}>{delivery.event}</a>
          </td>
          <td>{delivery.sessionId ?? ''}</td>
          <td>
            <State view={view} delivery={delivery} />
          </td>
          <td class="num">{delivery.attempts}</td>
          <td>{delivery.lastStatus ?? delivery.lastError ?? ''}</td>
          <td>
            <Time at={delivery.createdAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
