/** What the pages of webhooks and of their deliveries share. */
import { z } from 'zod';
import { HeadersInput } from '../../../services/webhooks/headers.ts';
import type { HealthOutput } from '../../../services/webhooks/schemas.ts';
import { num } from '../broadcast/parts.tsx';
import type { View } from '../page.ts';
import { Badge, Check, Facts, TextArea, Time } from '../parts.tsx';
import { stateTone } from '../tones.ts';
import { DEVELOPER_TEXTS, HEALTH_STATES } from './texts.ts';

export const WEBHOOKS = '/dashboard/developers/webhooks';
export const DELIVERIES = '/dashboard/developers/deliveries';
export const Id = z.object({ id: z.string().min(1).max(40) });
export const example = { params: { id: '0'.repeat(32) } };

/** Names and values of at most ten headers. */
const MAX_HEADERS_TEXT = 12_000;

/** A text with a header on each line; a value that is left out is kept as it is. */
export const HeaderLines = z
  .string()
  .max(MAX_HEADERS_TEXT, `must have at most ${MAX_HEADERS_TEXT} characters`)
  .transform((text, ctx) => {
    const lines = text.split('\n').flatMap((line) => line.trim() || []);
    const pairs = lines.map((line) => /^([^:\s]+)\s*:(.*)$/.exec(line));
    const headers = Object.fromEntries(
      pairs.flatMap((pair) => (pair ? [[pair[1], pair[2]?.trim() || null]] : [])),
    );
    if (pairs.includes(null) || Object.keys(headers).length < lines.length) {
      const message = pairs.includes(null) ? 'is no line like name: value' : 'must name each header once';
      ctx.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
    const checked = HeadersInput.safeParse(headers);
    if (checked.success) return checked.data;
    const [issue] = checked.error.issues;
    const [name] = issue?.path ?? [];
    const reason = reasonOf(issue);
    ctx.addIssue({ code: 'custom', message: name === undefined ? reason : `${String(name)}: ${reason}` });
    return z.NEVER;
  });

/** A name that is refused has its reasons one level deeper. */
function reasonOf(issue: z.core.$ZodIssue | undefined): string {
  const [inner] = issue?.code === 'invalid_key' ? issue.issues : [];
  return (inner ?? issue)?.message ?? 'is not valid';
}

/** The field for own headers; `names` of those that there are, whose values are not shown. */
export function HeadersField({ view, names }: { view: View; names: readonly string[] }) {
  const t = DEVELOPER_TEXTS(view.lang);
  return (
    <TextArea
      label={t.headers}
      name="headers"
      rows={3}
      maxlength={MAX_HEADERS_TEXT}
      value={names.map((name) => `${name}: `).join('\n')}
      hint={names.length > 0 ? `${t.headersHint} ${t.headersKeep}` : t.headersHint}
    />
  );
}

export function HealthBadge({ view, health }: { view: View; health: HealthOutput }) {
  return <Badge tone={stateTone(health.state)}>{HEALTH_STATES(view.lang)[health.state]}</Badge>;
}

/** How many attempts were accepted, and what waits. */
export function HealthLine({ view, health }: { view: View; health: HealthOutput }) {
  const t = DEVELOPER_TEXTS(view.lang);
  const { successRate, attempts, waiting } = health;
  const rate = successRate === null ? t.noAttempts : t.accepted(num(view, successRate), num(view, attempts));
  const queue = waiting === null ? t.manyWaiting : waiting > 0 ? t.waitingEvents(num(view, waiting)) : null;
  return <span class="small muted">{queue === null ? rate : `${rate}, ${queue}`}</span>;
}

export function HealthFacts({ view, health }: { view: View; health: HealthOutput }) {
  const t = DEVELOPER_TEXTS(view.lang);
  return (
    <Facts
      facts={[
        [
          t.health,
          <>
            <HealthBadge view={view} health={health} /> <HealthLine view={view} health={health} />
          </>,
        ],
        [t.lastAccepted, <Time at={health.lastAcceptedAt} relative />],
        [t.oldest, <Time at={health.waitingSince} relative />],
      ]}
    />
  );
}

/** Whether the endpoint is told what was sent. */
export function ContentBox({ view, checked }: { view: View; checked: boolean }) {
  const t = DEVELOPER_TEXTS(view.lang);
  return (
    <div class="field">
      <Check label={t.tellContent} name="messageContent" checked={checked} />
      <span class="hint">{t.tellContentHint}</span>
    </div>
  );
}
