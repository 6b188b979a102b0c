/** Everything about a message on one line of time. */
import type { TimelineEntry } from '../../../services/requests/schemas.ts';
import { own } from '../../../utils/own.ts';
import { eventName } from '../event-names.ts';
import type { View } from '../page.ts';
import { Badge } from '../parts.tsx';
import { MESSAGE_TEXTS } from './texts.ts';

const PATHS = {
  request: '/dashboard/developers/requests',
  webhook: '/dashboard/developers/deliveries',
  step: null,
};

export function MessageTimeline({ view, entries }: { view: View; entries: readonly TimelineEntry[] }) {
  const t = MESSAGE_TEXTS(view.lang);
  const [first] = entries;
  const startedAt = first === undefined ? 0 : Date.parse(first.at);
  return (
    <>
      <h2>{t.timeline}</h2>
      <p class="muted">{t.timelineAbout}</p>
      <ol class="timeline">
        {entries.map((entry) => (
          <li class={entry.ok ? undefined : 'bad'}>
            <Entry view={view} entry={entry} />{' '}
            <time class="exact small muted" title={entry.at}>
              {`+${(Date.parse(entry.at) - startedAt).toLocaleString(view.lang)} ms`}
            </time>
          </li>
        ))}
      </ol>
    </>
  );
}

function Entry({ view, entry }: { view: View; entry: TimelineEntry }) {
  const { kind, id, status, durationMs } = entry;
  const name = nameOf(view, entry);
  const path = PATHS[kind];
  return (
    <>
      {path === null || id === null ? <b>{name}</b> : <a href={`${path}/${id}`}>{name}</a>}{' '}
      {kind !== 'step' && (status !== null || !entry.ok) && (
        <Badge tone={entry.ok ? 'good' : 'bad'}>{status ?? '–'}</Badge>
      )}
      {durationMs !== null && (
        <span class="small muted">{` ${durationMs.toLocaleString(view.lang)} ms`}</span>
      )}
    </>
  );
}

function nameOf(view: View, { kind, name }: TimelineEntry): string {
  if (kind === 'webhook') return `Webhook: ${eventName(view.lang, name)}`;
  if (kind === 'request') return name;
  const t = MESSAGE_TEXTS(view.lang);
  const steps = {
    created: t.created,
    scheduled: t.scheduled,
    queued: t.queued,
    sending: t.sending,
    sent: t.sent,
    delivered: t.delivered,
    read: t.read,
    failed: t.failed,
  };
  return own(steps, name) ?? name;
}
