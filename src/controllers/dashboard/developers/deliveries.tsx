/** What one webhook was told: the list on its page, and a page of each event with every attempt. */

import {
  getDelivery,
  type listDeliveries,
  replayDelivery,
  retryDelivery,
} from '../../../services/webhooks/deliveries.ts';
import type { AttemptOutput, DeliveryOutput } from '../../../services/webhooks/schemas.ts';
import { DeliveryState } from '../../../services/webhooks/schemas.ts';
import { eventName } from '../event-names.ts';
import { Crumb } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Badge, Facts, Select, Table, Time } from '../parts.tsx';
import { stateTone } from '../tones.ts';
import { deliveryWords } from './delivery-words.ts';
import { DELIVERY_STATES, DEVELOPER_TEXTS } from './texts.ts';
import { DELIVERIES, example, Id, WEBHOOKS } from './webhook-parts.tsx';

export const deliveryPages: Page[] = [
  page({
    method: 'get',
    path: `${DELIVERIES}/:id`,
    auth: 'user',
    params: Id,
    example,
    async handler({ ctx, view, params }) {
      const t = DEVELOPER_TEXTS(view.lang);
      const delivery = await getDelivery(ctx, params);
      const title = eventName(view.lang, delivery.event);
      const body = (
        <>
          <Crumb to={`${WEBHOOKS}/${delivery.webhookId}`}>{t.webhook}</Crumb>
          <h1>{title}</h1>
          <DeliveryFacts view={view} delivery={delivery} />
          <section class="card">
            <h2>{t.attempts}</h2>
            {delivery.log.length === 0 && <p class="muted">{t.noDeliveries}</p>}
            {delivery.log.map((attempt, at) => (
              <Attempt view={view} attempt={attempt} open={at === 0} />
            ))}
          </section>
        </>
      );
      return { title, section: 'developers', body };
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
  page({
    method: 'post',
    path: `${DELIVERIES}/:id/retry`,
    auth: 'user',
    params: Id,
    example,
    async handler({ ctx, view, params }) {
      const { id } = await retryDelivery(ctx, params);
      return { redirect: `${DELIVERIES}/${id}`, done: DEVELOPER_TEXTS(view.lang).retryAsked };
    },
  }),
];

function DeliveryFacts({ view, delivery }: { view: View; delivery: DeliveryOutput }) {
  const t = DEVELOPER_TEXTS(view.lang);
  const isWaiting = delivery.state === 'pending';
  return (
    <section class="card">
      <Facts
        facts={[
          [t.state, <State view={view} delivery={delivery} />],
          [t.event, <code>{delivery.event}</code>],
          ['webhook-id', <span class="mono">{delivery.id}</span>],
          [t.session, delivery.sessionId ?? t.allSessions],
          [t.created, <Time at={delivery.createdAt} />],
          [t.nextAttempt, <Time at={delivery.nextAttemptAt} />],
        ]}
      />
      <Blocker view={view} delivery={delivery} />
      {delivery.state === 'dead' && <Failure view={view} error={delivery.lastError} />}
      {view.canWrite && (
        <div class="row actions">
          <ActionButton view={view} action={`${DELIVERIES}/${delivery.id}/${isWaiting ? 'retry' : 'replay'}`}>
            {isWaiting ? t.retryNow : t.replay}
          </ActionButton>
        </div>
      )}
    </section>
  );
}

function Failure({ view, error }: { view: View; error: string | null }) {
  if (error === null) return null;
  const { why, todo } = deliveryWords(view.lang, error);
  return (
    <div class="alert alert-bad">
      <p>
        <b>{why}</b>
      </p>
      <p>{todo}</p>
    </div>
  );
}

/** The earlier event that has to be accepted first. */
function Blocker({ view, delivery: { waitingBehind } }: { view: View; delivery: DeliveryOutput }) {
  const t = DEVELOPER_TEXTS(view.lang);
  if (waitingBehind === null) return null;
  return (
    <p class="why">
      {t.waitingBehind}{' '}
      <a href={`${DELIVERIES}/${waitingBehind.id}`}>{eventName(view.lang, waitingBehind.event)}</a>
      {waitingBehind.nextAttemptAt !== null && (
        <>
          , {t.nextTry} <Time at={waitingBehind.nextAttemptAt} relative />
        </>
      )}
    </p>
  );
}

function Attempt({ view, attempt, open }: { view: View; attempt: AttemptOutput; open: boolean }) {
  const t = DEVELOPER_TEXTS(view.lang);
  const { request, response } = attempt;
  const words = attempt.error === null ? null : deliveryWords(view.lang, attempt.error);
  return (
    <details class="attempt" open={open}>
      <summary>
        <Badge tone={words === null ? 'good' : 'bad'}>{attempt.status ?? t.noAnswer}</Badge>{' '}
        {`${t.attempt} ${attempt.attempt}, ${attempt.durationMs.toLocaleString(view.lang)} ms, `}
        <Time at={attempt.at} />
      </summary>
      {words !== null && (
        <p class="muted">
          {words.why} {words.todo}
        </p>
      )}
      <h3>{t.request}</h3>
      {request === null ? (
        <p class="muted">{t.notKept}</p>
      ) : (
        <>
          <pre>
            {Object.entries(request.headers)
              .map(([name, value]) => `${name}: ${value}`)
              .join('\n')}
          </pre>
          <pre>{prettyJson(request.body ?? t.notKept)}</pre>
        </>
      )}
      <h3>{t.answer}</h3>
      {response === null || response.body === '' ? (
        <p class="muted">{response === null ? t.noAnswer : '–'}</p>
      ) : (
        <pre>{prettyJson(response.body)}</pre>
      )}
    </details>
  );
}

/** JSON with line breaks; any other text as it is. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function State({ view, delivery }: { view: View; delivery: DeliveryOutput }) {
  return <Badge tone={stateTone(delivery.state)}>{DELIVERY_STATES(view.lang)[delivery.state]}</Badge>;
}

interface DeliveryCardProps {
  view: View;
  here: string;
  state: string | undefined;
  found: Awaited<ReturnType<typeof listDeliveries>>;
}

/** What the webhook was told, newest first. */
export function DeliveryCard({ view, here, state: chosen, found }: DeliveryCardProps) {
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

function lastAnswerOf({ lang }: View, { lastStatus, lastError }: DeliveryOutput): string {
  if (lastStatus !== null) return String(lastStatus);
  return lastError === null ? '' : deliveryWords(lang, lastError).why;
}

function Deliveries({ view, rows }: { view: View; rows: readonly DeliveryOutput[] }) {
  const t = DEVELOPER_TEXTS(view.lang);
  if (rows.length === 0) return <p class="muted">{t.noDeliveries}</p>;
  return (
    <Table
      stack
      label={t.deliveries}
      head={[t.event, t.state, t.session, t.attempts, t.lastAnswer, t.created]}
    >
      {rows.map((delivery) => (
        <tr>
          <td>
            <a href={`${DELIVERIES}/${delivery.id}`}>{eventName(view.lang, delivery.event)}</a>
          </td>
          <td>
            <State view={view} delivery={delivery} />
            <Blocker view={view} delivery={delivery} />
          </td>
          <td>{delivery.sessionId ?? ''}</td>
          <td class="num">{delivery.attempts}</td>
          <td>{lastAnswerOf(view, delivery)}</td>
          <td>
            <Time at={delivery.createdAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
