/** Delivering again what failed since a time. */
import { retryWebhook } from '../../../services/webhooks/deliveries.ts';
import { listReplays, replayFailed, stopReplay } from '../../../services/webhooks/replays.ts';
import { ReplayInput, type ReplayOutput } from '../../../services/webhooks/schemas.ts';
import { DAY_MS } from '../../../utils/durations.ts';
import { num } from '../broadcast/parts.tsx';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Badge, Form, Live, MomentField, Table, Time } from '../parts.tsx';
import { DEVELOPER_TEXTS, REPLAY_STATES } from './texts.ts';
import { example, WEBHOOKS as HERE, Id } from './webhook-parts.tsx';

export const replayPages: Page[] = [
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

interface ReplaysProps {
  view: View;
  id: string;
  replays: readonly ReplayOutput[];
}

export function ReplayCard({ view, id, replays }: ReplaysProps) {
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
