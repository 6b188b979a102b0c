/** One campaign: how it goes, what can be done with it, and what it sends. */

import type { Child } from 'hono/jsx';
import { z } from 'zod';
import { ENDED_CAMPAIGN_STATUSES } from '../../../db/schema.ts';
import {
  cloneCampaign,
  pauseCampaign,
  resumeCampaign,
  retryCampaign,
  stopCampaign,
} from '../../../services/campaigns/control.ts';
import { type CampaignRef, watchCampaign } from '../../../services/campaigns/read.ts';
import { recallCampaign } from '../../../services/campaigns/recall.ts';
import type { CampaignOutput, CampaignStatistics } from '../../../services/campaigns/schemas.ts';
import { campaignHoldWords } from '../../../services/campaigns/waiting-words.ts';
import type { Ctx } from '../../../services/context.ts';
import { getList } from '../../../services/lists/lists.ts';
import { AppError } from '../../../utils/errors.ts';
import { CAMPAIGN_LIMIT } from '../../broadcast/parts.ts';
import { Crumb } from '../kit.tsx';
import { HoldLines } from '../messages/hold-lines.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Badge, Facts, Live, Stat, Table, Tabs, Time } from '../parts.tsx';
import { StateBadge, sessionPath } from '../sessions/parts.tsx';
import { isStatus } from '../sessions/reasons.ts';
import { CAMPAIGN_TEXTS } from './campaign-page-texts.ts';
import { CampaignBadge, progressText } from './campaign-state.tsx';
import { explainCampaign, isWaiting } from './campaign-texts.ts';
import { CAMPAIGN_EVENTS } from './campaigns.tsx';
import { cronText } from './cron-text.ts';
import { durationText } from './duration.ts';
import { BROADCAST, IdParams, idExample, num, Progress } from './parts.tsx';
import { ReportPart } from './report.tsx';

export const campaignPath = (id: string, rest = '') => `${BROADCAST}/campaigns/${id}${rest}`;

type Texts = ReturnType<typeof CAMPAIGN_TEXTS>;

export const campaignPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/campaigns/:id',
    auth: 'user',
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, view, params }) {
      const campaign = await watchCampaign(ctx, params);
      const body = (
        <>
          <CampaignHead view={view} campaign={campaign} current="" />
          <State view={view} campaign={campaign} />
          <Numbers view={view} campaign={campaign} />
          <ReportPart view={view} campaign={campaign} />
          <About view={view} campaign={campaign} list={await listNameOf(ctx, campaign)} />
        </>
      );
      return { title: campaign.name, section: 'broadcast', body };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/campaigns/:id/state',
    auth: 'user',
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, view, params }) {
      return { fragment: <State view={view} campaign={await watchCampaign(ctx, params)} /> };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/campaigns/:id/numbers',
    auth: 'user',
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, view, params }) {
      return { fragment: <Numbers view={view} campaign={await watchCampaign(ctx, params)} /> };
    },
  }),
  ...movePages([
    ['pause', 'paused', pauseCampaign],
    ['resume', 'resumed', resumeCampaign],
    ['stop', 'stopped', stopCampaign],
    ['recall', 'recalled', recallCampaign],
    [
      'retry',
      'retried',
      (ctx, ref) => retryCampaign(ctx, ref, (campaign) => ({ status: 200, body: { ...campaign } })),
    ],
  ]),
  page({
    method: 'post',
    path: '/dashboard/broadcast/campaigns/:id/clone',
    auth: 'user',
    params: IdParams,
    limit: CAMPAIGN_LIMIT,
    example: { params: idExample },
    async handler({ ctx, view, params }) {
      const made = await cloneCampaign(ctx, params, {}, (copy) => ({ status: 202, body: { ...copy } }));
      return { redirect: campaignPath(made.id), done: CAMPAIGN_TEXTS(view.lang).cloned };
    },
  }),
];

type Move = (ctx: Ctx, ref: CampaignRef) => Promise<CampaignOutput>;

/** The buttons that take a campaign from one state to another. */
function movePages(
  moves: readonly (readonly [
    name: string,
    said: 'paused' | 'resumed' | 'stopped' | 'retried' | 'recalled',
    verb: Move,
  ])[],
): Page[] {
  return moves.map(([name, said, verb]) =>
    page({
      method: 'post',
      path: `/dashboard/broadcast/campaigns/:id/${name}`,
      auth: 'user',
      params: IdParams,
      form: z.object({}),
      example: { params: idExample },
      async handler({ ctx, view, params }) {
        await verb(ctx, params);
        return { redirect: campaignPath(params.id), done: CAMPAIGN_TEXTS(view.lang)[said] };
      },
    }),
  );
}

/** The head of each page of a campaign. */
export function CampaignHead({
  view,
  campaign,
  current,
}: {
  view: View;
  campaign: CampaignOutput;
  current: '' | '/recipients' | '/edit';
}) {
  const t = CAMPAIGN_TEXTS(view.lang);
  const tabs: [string, string][] = [
    [campaignPath(campaign.id), t.overview],
    [campaignPath(campaign.id, '/recipients'), t.recipients],
  ];
  if (view.canWrite) tabs.push([campaignPath(campaign.id, '/edit'), t.change]);
  return (
    <>
      <Crumb to={BROADCAST}>{t.back}</Crumb>
      <h1>{campaign.name}</h1>
      <Tabs label={t.parts} current={campaignPath(campaign.id, current)} tabs={tabs} />
    </>
  );
}

const ENDED = new Set<string>(ENDED_CAMPAIGN_STATUSES);
const isRecalled = ({ recall }: CampaignOutput) => recall?.isOver === false;
const canRetry = (campaign: CampaignOutput) =>
  (campaign.status === 'completed' || campaign.status === 'paused') &&
  campaign.statistics.failed > 0 &&
  !isRecalled(campaign);

const canRecall = (campaign: CampaignOutput) => campaign.statistics.sent > 0 && !isRecalled(campaign);

/** How far the deletion of what was sent is. */
function Recall({ view, campaign: { recall } }: { view: View; campaign: CampaignOutput }) {
  const t = CAMPAIGN_TEXTS(view.lang);
  if (!recall) return null;
  const { revoked, queued, pending, failed, tooLate } = recall;
  return (
    <p>
      {recall.isOver ? t.recallOver : t.recallRuns}{' '}
      {t.recallCounts({
        revoked: num(view, revoked),
        left: num(view, queued + pending),
        failed: num(view, failed + tooLate),
      })}
    </p>
  );
}

/** The state, what it means, and the buttons; changes seldom, so that no button moves under the mouse. */
function State({ view, campaign }: { view: View; campaign: CampaignOutput }) {
  const t = CAMPAIGN_TEXTS(view.lang);
  return (
    <Live
      id="campaign-state"
      class="card"
      src={campaignPath(campaign.id, '/state')}
      events={CAMPAIGN_EVENTS}
      everySeconds={campaign.status === 'running' ? 5 : 30}
    >
      <p role="status">
        <CampaignBadge view={view} campaign={campaign} /> {explainCampaign(view.lang, campaign).join(' ')}
      </p>
      {campaign.nextRunAt !== null && (
        <p>
          {t.nextRun}: <Time at={campaign.nextRunAt} /> (<Time at={campaign.nextRunAt} relative />)
        </p>
      )}
      {isWaiting(campaign) && (
        <HoldLines view={view} waitingFor={campaign.waitingFor} words={campaignHoldWords} />
      )}
      <Recall view={view} campaign={campaign} />
      {view.canWrite && <Actions t={t} view={view} campaign={campaign} />}
    </Live>
  );
}

function Actions({ t, view, campaign }: { t: Texts; view: View; campaign: CampaignOutput }) {
  const { id, status, startedAt } = campaign;
  const hint = status === 'running' ? t.pauseHint : status === 'paused' ? t.stopHint : '';
  return (
    <>
      <div class="row">
        {status === 'running' && (
          <ActionButton view={view} action={campaignPath(id, '/pause')} tone="primary">
            {t.pause}
          </ActionButton>
        )}
        {status === 'paused' && (
          <ActionButton view={view} action={campaignPath(id, '/resume')} tone="primary">
            {startedAt === null ? t.begin : t.resume}
          </ActionButton>
        )}
        {!ENDED.has(status) && (
          <ActionButton view={view} action={campaignPath(id, '/stop')} tone="danger" confirm={t.stopSure}>
            {t.stop}
          </ActionButton>
        )}
        {canRetry(campaign) && (
          <ActionButton view={view} action={campaignPath(id, '/retry')} confirm={t.retrySure}>
            {t.retry}
          </ActionButton>
        )}
        {canRecall(campaign) && (
          <ActionButton view={view} action={campaignPath(id, '/recall')} tone="danger" confirm={t.recallSure}>
            {t.recall}
          </ActionButton>
        )}
        <ActionButton view={view} action={campaignPath(id, '/clone')}>
          {t.clone}
        </ActionButton>
      </div>
      {hint !== '' && <p class="muted small">{hint}</p>}
    </>
  );
}

/** The part that changes while the campaign runs. */
function Numbers({ view, campaign }: { view: View; campaign: CampaignOutput }) {
  const t = CAMPAIGN_TEXTS(view.lang);
  const s = campaign.statistics;
  const running = campaign.status === 'running';
  return (
    <Live
      id="campaign-numbers"
      src={campaignPath(campaign.id, '/numbers')}
      events={CAMPAIGN_EVENTS}
      everySeconds={running ? 2 : 15}
    >
      <section class="card" aria-label={t.how}>
        <div class="row between">
          <h2>{t.how}</h2>
          <span class="mono">{`${num(view, s.progressPercent)}%`}</span>
        </div>
        <Progress label={t.progress} percent={s.progressPercent} />
        <p>
          {progressText(view, campaign)}
          {running && ` · ${t.perMinute(num(view, s.ratePerMinute))}`}
          {s.etaSeconds !== null && ` · ${t.left}: ${t.about(durationText(view.lang, s.etaSeconds))}`}
        </p>
        {s.estimatedFinishAt !== null && (
          <p class="muted small">
            {t.finish} <Time at={s.estimatedFinishAt} />
          </p>
        )}
      </section>
      <Counts t={t} view={view} s={s} />
      {campaign.senders !== null && <BySession t={t} view={view} senders={campaign.senders} />}
    </Live>
  );
}

function Counts({ t, view, s }: { t: Texts; view: View; s: CampaignStatistics }) {
  const share = (n: number) =>
    s.sent === 0 ? undefined : t.ofSent(num(view, Math.round((n / s.sent) * 100)));
  return (
    <div class="cards tight">
      <Stat name={t.pending} note={`${t.queued}: ${num(view, s.queued)}`}>
        {num(view, s.pending)}
      </Stat>
      <Stat name={t.sent}>{num(view, s.sent)}</Stat>
      <Stat name={t.delivered} note={share(s.delivered)}>
        {num(view, s.delivered)}
      </Stat>
      <Stat name={t.read} note={share(s.read)}>
        {num(view, s.read)}
      </Stat>
      <Stat name={t.failed}>{num(view, s.failed)}</Stat>
      <Stat name={t.skipped}>{num(view, s.skipped)}</Stat>
    </div>
  );
}

/** The part of each of several numbers. */
function BySession({
  t,
  view,
  senders,
}: {
  t: Texts;
  view: View;
  senders: NonNullable<CampaignOutput['senders']>;
}) {
  return (
    <section class="card">
      <h2>{t.bySession}</h2>
      <Table
        stack={false}
        label={t.bySession}
        head={[t.session, t.queued, t.sent, t.delivered, t.read, t.failed]}
      >
        {senders.map(({ sessionId, status, queued, sent, delivered, read, failed }) => (
          <tr>
            <th scope="row" class="wrap">
              {isStatus(status) ? (
                <>
                  <a href={sessionPath(sessionId)}>{sessionId}</a>{' '}
                  <StateBadge view={view} session={{ status, reason: null }} />
                </>
              ) : (
                <>
                  {sessionId} <Badge tone="plain">{t.goneSession}</Badge>
                </>
              )}
            </th>
            {[queued, sent, delivered, read, failed].map((n) => (
              <td>{num(view, n)}</td>
            ))}
          </tr>
        ))}
      </Table>
    </section>
  );
}

/** Message, recipients and settings of the campaign. */
function About({ view, campaign, list }: { view: View; campaign: CampaignOutput; list: string | null }) {
  const t = CAMPAIGN_TEXTS(view.lang);
  const { options, listId, cron, timezone, originId } = campaign;
  const quiet = quietOf(options);
  const yesNo = (value: unknown) => (value === false ? t.no : t.yes);
  const facts: [string, Child][] = [
    [t.session, (campaign.senders ?? [campaign]).map(({ sessionId }) => sessionId).join(', ')],
    [
      t.to,
      listId === null ? (
        t.typed
      ) : list === null ? (
        t.goneList
      ) : (
        <a href={`${BROADCAST}/lists/${listId}`}>{list}</a>
      ),
    ],
    [t.message, <p class="wrap">{textOf(campaign.content) || campaign.type}</p>],
    [t.delay, t.seconds(num(view, campaign.delayBetweenMessages / 1000))],
    [t.checked, yesNo(options.checkNumbers)],
  ];
  if (typeof options.dailyCap === 'number') facts.push([t.cap, num(view, options.dailyCap)]);
  if (options.warmUp !== undefined) facts.push([t.warmUp, yesNo(options.warmUp)]);
  if (quiet) facts.push([t.quiet, t.quietTimes(quiet.from, quiet.to)]);
  if (cron !== null) facts.push([t.schedule, `${cronText(view.lang, cron)} (${timezone ?? 'UTC'})`]);
  if (originId !== null) facts.push([t.origin, <a href={campaignPath(originId)}>{t.otherCampaign}</a>]);
  facts.push([t.made, <Time at={campaign.createdAt} />], [t.started, <Time at={campaign.startedAt} />]);
  if (campaign.finishedAt !== null) facts.push([t.finished, <Time at={campaign.finishedAt} />]);
  return (
    <section class="card">
      <h2>{t.about_it}</h2>
      <Facts facts={facts} />
    </section>
  );
}

/** Null when it is gone, or when there was none. */
async function listNameOf(ctx: Ctx, { listId }: CampaignOutput): Promise<string | null> {
  if (listId === null) return null;
  try {
    return (await getList(ctx, { listId })).name;
  } catch (error) {
    if (error instanceof AppError && error.code === 'NOT_FOUND') return null;
    throw error;
  }
}

/** Quiet hours as answers show them; null when there are none. */
export function quietOf(options: CampaignOutput['options']): { from: string; to: string } | null {
  const parsed = z.object({ from: z.string(), to: z.string() }).safeParse(options.quietHours);
  return parsed.success ? parsed.data : null;
}

/** The words of a content, whichever kind it is. */
export function textOf(content: unknown): string {
  const words = z
    .object({ text: z.string(), caption: z.string(), question: z.string() })
    .partial()
    .safeParse(content);
  return words.success ? (words.data.text ?? words.data.caption ?? words.data.question ?? '') : '';
}
