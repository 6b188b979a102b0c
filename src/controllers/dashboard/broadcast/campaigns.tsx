/** All campaigns, with how far each is. */
import { z } from 'zod';
import { CAMPAIGN_STATUSES } from '../../../db/schema.ts';
import { type DraftLine, listDrafts } from '../../../services/campaigns/drafts.ts';
import { listCampaigns } from '../../../services/campaigns/read.ts';
import type { CampaignOutput } from '../../../services/campaigns/schemas.ts';
import type { Ctx } from '../../../services/context.ts';
import { listSessions } from '../../../services/sessions/index.ts';
import { countFilters, Filters } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Empty, Live, Pages, Select, Table, Time } from '../parts.tsx';
import { CAMPAIGN_TEXTS } from './campaign-page-texts.ts';
import { CampaignBadge, progressText } from './campaign-state.tsx';
import { statusText } from './campaign-texts.ts';
import { cronText } from './cron-text.ts';
import { FORM_TEXTS } from './form-texts.ts';
import { BROADCAST, BroadcastHead, num, Progress, page as pageNumber } from './parts.tsx';
import { draftPath } from './wizard/steps.ts';

/** Each is counted. */
const SHOWN = 20;
const MAX_SESSIONS = 200;
export const CAMPAIGN_EVENTS =
  'campaign.started campaign.paused campaign.resumed campaign.stopped campaign.completed campaign.failed';

const Filter = z.object({
  status: z.enum(CAMPAIGN_STATUSES).optional().catch(undefined),
  session: z.string().max(100).optional().catch(undefined),
  page: pageNumber,
});
type Filter = z.output<typeof Filter>;

export const campaignListPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast',
    auth: 'user',
    query: Filter,
    async handler({ ctx, view, query }) {
      const t = CAMPAIGN_TEXTS(view.lang);
      const isFiltered = countFilters(query) > 0;
      const isFirst = query.page === 1 && !isFiltered;
      const [found, drafts, sessions] = await Promise.all([
        readCampaigns(ctx, query),
        view.canWrite && isFirst ? listDrafts(ctx) : [],
        listSessions(ctx, { page: 1, limit: MAX_SESSIONS }),
      ]);
      const create = (
        <a class="button primary" href={`${BROADCAST}/new`}>
          {t.create}
        </a>
      );
      const body = (
        <>
          <BroadcastHead view={view} tab="campaigns" action={create} />
          <Drafts view={view} drafts={drafts} />
          {found.totalItems === 0 && !isFiltered ? (
            <Empty view={view} title={t.noneTitle} next={view.canWrite && create}>
              <p>{t.noneText}</p>
            </Empty>
          ) : (
            <>
              <FilterForm
                view={view}
                query={query}
                sessions={sessions.data.map(({ sessionId }) => sessionId)}
              />
              <CampaignTable view={view} query={query} found={found} />
            </>
          )}
        </>
      );
      return { title: t.campaigns, section: 'broadcast', body };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/live',
    auth: 'user',
    query: Filter,
    async handler({ ctx, view, query }) {
      return {
        fragment: <CampaignTable view={view} query={query} found={await readCampaigns(ctx, query)} />,
      };
    },
  }),
];

/** What the reader has begun to write; nobody else sees it. */
function Drafts({ view, drafts }: { view: View; drafts: readonly DraftLine[] }) {
  const t = FORM_TEXTS(view.lang);
  if (drafts.length === 0) return null;
  return (
    <section class="card">
      <h2>{t.drafts}</h2>
      <ul class="plain">
        {drafts.map(({ id, name, text, updatedAt }) => (
          <li class="row between">
            <span>
              <a href={draftPath(id)}>{name ?? t.draftOf}</a>{' '}
              <span class="muted small">
                {text} · {t.lastSaved} <Time at={updatedAt} relative />
              </span>
            </span>
            <ActionButton view={view} action={draftPath(id, 'delete')} confirm={t.deleteSure} small>
              {t.deleteDraft}
            </ActionButton>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface Found {
  data: CampaignOutput[];
  totalItems: number;
}

function readCampaigns(ctx: Ctx, { session, status, page: at }: Filter): Promise<Found> {
  return listCampaigns(ctx, { sessionId: session, status, page: at, limit: SHOWN });
}

function FilterForm({ view, query, sessions }: { view: View; query: Filter; sessions: string[] }) {
  const t = CAMPAIGN_TEXTS(view.lang);
  const states = CAMPAIGN_STATUSES.map((status) => [status, statusText(view.lang, status)] as const);
  return (
    <Filters view={view} action={BROADCAST} active={countFilters(query)}>
      <Select label={t.state} name="status" value={query.status} options={[['', t.all], ...states]} />
      {sessions.length > 1 && (
        <Select
          label={t.session}
          name="session"
          value={query.session}
          options={[['', t.all], ...sessions.map((name) => [name, name] as const)]}
        />
      )}
      <button type="submit">{t.filter}</button>
    </Filters>
  );
}

function CampaignTable({ view, query, found }: { view: View; query: Filter; found: Found }) {
  const t = CAMPAIGN_TEXTS(view.lang);
  const asked = new URLSearchParams({ page: String(query.page) });
  if (query.status !== undefined) asked.set('status', query.status);
  if (query.session !== undefined) asked.set('session', query.session);
  // The links of the pages lead to the page around this part.
  const around = { ...view, path: `${BROADCAST}?${asked}` };
  const moves = found.data.some(({ status }) => status === 'running');
  return (
    <Live
      id="campaigns"
      class="card"
      src={`${BROADCAST}/live?${asked}`}
      events={CAMPAIGN_EVENTS}
      everySeconds={moves ? 5 : 30}
    >
      {found.data.length === 0 ? (
        <p>{t.noneHere}</p>
      ) : (
        <Table label={t.campaigns} head={[t.name, t.state, t.progress, t.session, t.made]}>
          {found.data.map((campaign) => (
            <tr>
              <td class="wrap">
                <a href={`${BROADCAST}/campaigns/${campaign.id}`}>{campaign.name}</a>
              </td>
              <td>
                <CampaignBadge view={view} campaign={campaign} />
                {campaign.cron !== null && <div class="small">{cronText(view.lang, campaign.cron)}</div>}
                {campaign.nextRunAt !== null && (
                  <div class="small muted">
                    {t.firstRun} <Time at={campaign.nextRunAt} relative />
                  </div>
                )}
              </td>
              <td>
                <ShortProgress view={view} campaign={campaign} />
              </td>
              <td>
                {campaign.senders === null
                  ? campaign.sessionId
                  : t.several(num(view, campaign.senders.length))}
              </td>
              <td>
                <Time at={campaign.createdAt} relative />
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Pages view={around} page={query.page} totalPages={Math.ceil(found.totalItems / SHOWN)} />
    </Live>
  );
}

function ShortProgress({ view, campaign }: { view: View; campaign: CampaignOutput }) {
  const t = CAMPAIGN_TEXTS(view.lang);
  const { total, progressPercent } = campaign.statistics;
  if (total === 0) return <span class="muted">–</span>;
  if (campaign.status === 'scheduled') return <span>{progressText(view, campaign)}</span>;
  return (
    <>
      <Progress label={`${t.progress}: ${campaign.name}`} percent={progressPercent} />
      <div class="small muted">{progressText(view, campaign)}</div>
    </>
  );
}
