/** The form of a new webhook, and that of one that is there. */
import { z } from 'zod';
import { WEBHOOK_EVENTS } from '../../../events/table.ts';
import type { WebhookWithHealth } from '../../../services/webhooks/schemas.ts';
import { eventName } from '../event-names.ts';
import { Submit } from '../kit.tsx';
import type { View } from '../page.ts';
import { Check, Field, Form, Select } from '../parts.tsx';
import { DEVELOPER_TEXTS } from './texts.ts';
import { ContentBox, WEBHOOKS as HERE, HeadersField } from './webhook-parts.tsx';

export const Events = z.preprocess(
  (value) => (value === undefined ? ['*'] : Array.isArray(value) ? value : [value]),
  z.array(z.enum(['*', ...WEBHOOK_EVENTS])),
);

export function NewForm({ view, sessions }: { view: View; sessions: readonly string[] }) {
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

export function EditForm({ view, webhook }: { view: View; webhook: WebhookWithHealth }) {
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
