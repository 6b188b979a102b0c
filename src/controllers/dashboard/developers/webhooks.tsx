/** Webhooks, and what each of them was told. */

import { z } from 'zod';
import { WEBHOOK_EVENTS } from '../../../events/table.ts';
import { listDeliveries, retryWebhook, testWebhook } from '../../../services/webhooks/deliveries.ts';
import { listReplays, replayFailed, stopReplay } from '../../../services/webhooks/replays.ts';
import {
  DeliveryState,
  ReplayInput,
  type ReplayOutput,
  TestInput,
  type TestOutput,
  type WebhookWithHealth,
} from '../../../services/webhooks/schemas.ts';
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  rotateWebhookSecret,
  updateWebhook,
} from '../../../services/webhooks/verbs.ts';
import { DAY_MS } from '../../../utils/durations.ts';
import { SessionId } from '../../schemas.ts';
import { num } from '../broadcast/parts.tsx';
import { eventName } from '../event-names.ts';
import { Crumb, Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import {
  ActionButton,
  Badge,
  Check,
  Empty,
  Facts,
  Field,
  Form,
  Live,
  MomentField,
  NextLink,
  Select,
  Table,
  Ticked,
  Time,
} from '../parts.tsx';
import { DeliveryCard, deliveryPages, prettyJson } from './deliveries.tsx';
import { sessionOptions } from './keys.tsx';
import { DeveloperTabs, SecretOnce } from './tabs.tsx';
import { DEVELOPER_TEXTS, type DeveloperTexts, REPLAY_STATES } from './texts.ts';
import {
  ContentBox,
  example,
  WEBHOOKS as HERE,
  HeaderLines,
  HeadersField,
  HealthBadge,
  HealthFacts,
  HealthLine,
  Id,
} from './webhook-parts.tsx';

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

function NewForm({ view, sessions }: { view: View; sessions: readonly string[] }) {
  const t = DEVELOPER_TEXTS(view.lang);
  return (
    <section class="card" id="new">
      <h2>{t.newWebhook}</h2>
      <Form view={view} action={HERE} class="stack" target="this">
        <Field label={t.url} name="url" type="url" required maxlength={2048} placeholder="https://" />
        <Select
          label={t.session}
          name="sessionId"
          options={[['', t.allSessions], ...sessions.map((id) => [id, id] as const)]}
        />
        <EventBoxes view={view} chosen={[]} />
        <ContentBox view={view} checked={false} />
        <HeadersField view={view} names={[]} />
        <div>
          <Submit>{t.create}</Submit>
        </div>
      </Form>
    </section>
  );
}

/** Which events; none ticked is all of them. */
function EventBoxes({ view, chosen }: { view: View; chosen: readonly string[] }) {
  const t = DEVELOPER_TEXTS(view.lang);
  return (
    <fieldset class="field">
      <legend>{t.events}</legend>
      <div class="checks">
        {WEBHOOK_EVENTS.map((event) => (
          <Check
            name="events"
            value={event}
            checked={chosen.includes(event)}
            label={eventName(view.lang, event)}
            code={event}
          />
        ))}
      </div>
      <span class="hint">{t.eventsHint}</span>
    </fieldset>
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
      return { fragment: <TestResult t={DEVELOPER_TEXTS(view.lang)} result={result} /> };
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

const replays: Page[] = [
  page({
    method: 'post',
    path: `${HERE}/:id/retry`,
    auth: 'user',
    params: Id,
    example,
    async handler({ ctx, view, params }) {
      await retryWebhook(ctx, params);
      return { redirect: `${HERE}/${params.id}`, done: DEVELOPER_TEXTS(view.lang).retrying };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:id/replay-failed`,
    auth: 'user',
    params: Id,
    form: ReplayInput,
    example: { ...example, form: { since: '2026-01-01T08:30:00Z' } },
    async handler({ ctx, view, params, form }) {
      await replayFailed(ctx, { ...params, ...form });
      return { redirect: `${HERE}/${params.id}`, done: DEVELOPER_TEXTS(view.lang).replayStarted };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/:id/replays`,
    auth: 'user',
    params: Id,
    example,
    async handler({ ctx, view, params }) {
      return { fragment: <Replays view={view} id={params.id} replays={await listReplays(ctx, params)} /> };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/developers/replays/:id/stop',
    auth: 'user',
    params: Id,
    example,
    async handler({ ctx, view, params }) {
      const { webhookId } = await stopReplay(ctx, params);
      return { redirect: `${HERE}/${webhookId}`, done: DEVELOPER_TEXTS(view.lang).replayStopped };
    },
  }),
];

export const webhookPages: Page[] = [...lists, ...one, ...replays, ...deliveryPages];

function eventsOf(t: DeveloperTexts, events: readonly string[]) {
  return events.includes('*') ? t.all : <code class="small">{events.join(', ')}</code>;
}

function TestResult({ t, result }: { t: DeveloperTexts; result: TestOutput }) {
  const why = result.error ?? String(result.status ?? t.noAnswer);
  return (
    <div class={result.delivered ? 'alert alert-good' : 'alert alert-bad'}>
      <p>{result.delivered ? t.testGood(result.status ?? 0, result.durationMs) : t.testBad(why)}</p>
      <p class="small">{t.request}</p>
      <pre class="wrap">{prettyJson(result.request.body)}</pre>
      {result.answer !== '' && (
        <>
          <p class="small">{t.answer}</p>
          <pre class="wrap">{result.answer}</pre>
        </>
      )}
    </div>
  );
}

function Card({ view, webhook }: { view: View; webhook: WebhookWithHealth }) {
  const t = DEVELOPER_TEXTS(view.lang);
  const isActive = webhook.status === 'active';
  const { headerNames } = webhook;
  return (
    <section class="card">
      <HealthFacts view={view} health={webhook.health} />
      <Facts
        facts={[
          [t.status, <Badge tone={isActive ? 'good' : 'plain'}>{t[webhook.status]}</Badge>],
          [t.events, eventsOf(t, webhook.events)],
          [t.session, webhook.sessionId ?? t.allSessions],
          [t.headers, headerNames.length === 0 ? t.noHeaders : <code>{headerNames.join(', ')}</code>],
          [t.messageContent, webhook.messageContent ? t.contentTold : t.contentNotTold],
          [t.created, <Time at={webhook.createdAt} />],
        ]}
      />
      {view.canWrite && <Actions view={view} webhook={webhook} />}
      <div id="test" aria-live="polite"></div>
    </section>
  );
}

/** Events that would be lost with it. */
function waitingOf(view: View, { health }: WebhookWithHealth): string {
  return health.waiting === null ? DEVELOPER_TEXTS(view.lang).many : num(view, health.waiting);
}

function Actions({ view, webhook }: { view: View; webhook: WebhookWithHealth }) {
  const t = DEVELOPER_TEXTS(view.lang);
  const here = `${HERE}/${webhook.id}`;
  const isActive = webhook.status === 'active';
  const tests = ['webhook.test', ...WEBHOOK_EVENTS];
  const nameOf = (event: string) => (event === 'webhook.test' ? t.testEvent : eventName(view.lang, event));
  return (
    <div class="row actions">
      <Form view={view} action={`${here}/test`} target="#test" class="row">
        <label class="visually-hidden" for="f-event">
          {t.testEvent}
        </label>
        <select id="f-event" name="event" class="auto">
          {tests.map((event) => (
            <option value={event}>{nameOf(event)}</option>
          ))}
        </select>
        <button type="submit">{t.test}</button>
      </Form>
      {isActive && webhook.health.waiting !== 0 && (
        <ActionButton view={view} action={`${here}/retry`} tone="primary">
          {t.retryNow}
        </ActionButton>
      )}
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
      <ActionButton
        view={view}
        action={`${here}/delete`}
        confirm={t.removeConfirm(waitingOf(view, webhook))}
        tone="danger"
      >
        {t.remove}
      </ActionButton>
    </div>
  );
}

function EditForm({ view, webhook }: { view: View; webhook: WebhookWithHealth }) {
  const t = DEVELOPER_TEXTS(view.lang);
  return (
    <details class="card">
      <summary>{t.edit}</summary>
      <Form view={view} action={`${HERE}/${webhook.id}/edit`} class="stack">
        <Field label={t.url} name="url" type="url" required maxlength={2048} value={webhook.url} />
        <EventBoxes view={view} chosen={webhook.events} />
        <ContentBox view={view} checked={webhook.messageContent} />
        <HeadersField view={view} names={webhook.headerNames} />
        <div>
          <Submit>{t.save}</Submit>
        </div>
      </Form>
    </details>
  );
}

interface ReplaysProps {
  view: View;
  id: string;
  replays: readonly ReplayOutput[];
}

function ReplayCard({ view, id, replays }: ReplaysProps) {
  const t = DEVELOPER_TEXTS(view.lang);
  if (!view.canWrite && replays.length === 0) return null;
  return (
    <details class="card" open={replays.some(({ state }) => state === 'running')}>
      <summary>{t.replayFailed}</summary>
      {view.canWrite && (
        <Form view={view} action={`${HERE}/${id}/replay-failed`} class="stack">
          <p class="muted">{t.replayFailedAbout}</p>
          <MomentField label={t.since} name="since" value={new Date(view.now - DAY_MS).toISOString()} />
          <div>
            <Submit>{t.replayStart}</Submit>
          </div>
        </Form>
      )}
      <Replays view={view} id={id} replays={replays} />
    </details>
  );
}

function Replays({ view, id, replays }: ReplaysProps) {
  const t = DEVELOPER_TEXTS(view.lang);
  const isDone = !replays.some(({ state }) => state === 'running');
  return (
    <Live id="replays" src={`${HERE}/${id}/replays`} events="" everySeconds={5} done={isDone}>
      {replays.length > 0 && (
        <Table stack label={t.replays} head={[t.since, t.state, t.events, t.created, '']}>
          {replays.map((replay) => (
            <tr>
              <td>
                <Time at={replay.since} />
              </td>
              <td>
                <Badge tone={replay.state === 'done' ? 'good' : 'plain'}>
                  {REPLAY_STATES(view.lang)[replay.state]}
                </Badge>
              </td>
              <td>
                {t.progress(
                  num(view, replay.replayed),
                  replay.found === null ? t.many : num(view, replay.found),
                )}
              </td>
              <td>
                <Time at={replay.createdAt} />
              </td>
              <td>
                {view.canWrite && replay.state === 'running' && (
                  <ActionButton view={view} action={`/dashboard/developers/replays/${replay.id}/stop`} small>
                    {t.stop}
                  </ActionButton>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Live>
  );
}
