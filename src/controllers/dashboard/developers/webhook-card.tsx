/** One webhook: how it is, what can be done with it, and how a test went. */
import { WEBHOOK_EVENTS } from '../../../events/table.ts';
import type { TestOutput, WebhookWithHealth } from '../../../services/webhooks/schemas.ts';
import { num } from '../broadcast/parts.tsx';
import { eventName } from '../event-names.ts';
import type { View } from '../page.ts';
import { ActionButton, Badge, Facts, Form, Time } from '../parts.tsx';
import { prettyJson } from './deliveries.tsx';
import { deliveryWords } from './delivery-words.ts';
import { DEVELOPER_TEXTS, type DeveloperTexts } from './texts.ts';
import { WEBHOOKS as HERE, HealthFacts } from './webhook-parts.tsx';

export function eventsOf(t: DeveloperTexts, events: readonly string[]) {
  return events.includes('*') ? t.all : <code class="small">{events.join(', ')}</code>;
}

export function TestResult({ view, result }: { view: View; result: TestOutput }) {
  const t = DEVELOPER_TEXTS(view.lang);
  const { why, todo } = deliveryWords(view.lang, result.error ?? t.noAnswer);
  return (
    <div class={result.delivered ? 'alert alert-good' : 'alert alert-bad'}>
      <p>{result.delivered ? t.testGood(result.status ?? 0, result.durationMs) : t.testBad(why)}</p>
      {!result.delivered && <p>{todo}</p>}
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

export function Card({ view, webhook }: { view: View; webhook: WebhookWithHealth }) {
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
