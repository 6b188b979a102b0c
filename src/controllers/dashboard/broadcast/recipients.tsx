/** The outcome for each recipient of a campaign. */

import { z } from 'zod';
import { outcomeText } from '../../../services/campaigns/outcome-words.ts';
import { watchCampaign } from '../../../services/campaigns/read.ts';
import { listRecipients } from '../../../services/campaigns/recipients.ts';
import {
  type CampaignRecipient,
  RECIPIENT_STATUSES,
  type RecipientStatus,
} from '../../../services/campaigns/schemas.ts';
import { eitherOf } from '../number-hint.tsx';
import { type Page, page, type View } from '../page.ts';
import { Badge, Table, Time } from '../parts.tsx';
import { shownNumber } from '../shown-number.ts';
import { stateTone } from '../tones.ts';
import { CampaignHead, campaignPath } from './campaign.tsx';
import { CAMPAIGN_TEXTS } from './campaign-page-texts.ts';
import { IdParams, idExample, More, PAGE_SIZE } from './parts.tsx';

export const recipientPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/campaigns/:id/recipients',
    auth: 'user',
    params: IdParams,
    query: z.object({
      state: z.enum(RECIPIENT_STATUSES).optional().catch(undefined),
      cursor: z.string().max(60).optional(),
    }),
    example: { params: idExample },
    async handler({ ctx, view, params, query }) {
      const t = CAMPAIGN_TEXTS(view.lang);
      const campaign = await watchCampaign(ctx, params);
      const { data, nextCursor } = await listRecipients(ctx, { ...params, ...query, limit: PAGE_SIZE });
      const body = (
        <>
          <CampaignHead view={view} campaign={campaign} current="/recipients" />
          {campaign.startedAt === null && <p>{t.notFrozen}</p>}
          <States view={view} id={campaign.id} current={query.state} />
          <div class="card">
            {data.length === 0 ? (
              <p>{t.noRecipients}</p>
            ) : (
              <Recipients view={view} rows={data} isShared={campaign.senders !== null} />
            )}
            <More view={view} isFirst={query.cursor === undefined} next={nextCursor} />
            <p>
              <a class="button small" href={view.path}>
                {t.refresh}
              </a>
            </p>
          </div>
        </>
      );
      return { title: `${t.recipients}: ${campaign.name}`, section: 'broadcast', body };
    },
  }),
];

function States({ view, id, current }: { view: View; id: string; current: RecipientStatus | undefined }) {
  const t = CAMPAIGN_TEXTS(view.lang);
  const own = campaignPath(id, '/recipients');
  return (
    <nav aria-label={t.state}>
      <ul class="tabs">
        <li>
          <a href={own} aria-current={current === undefined ? 'page' : undefined}>
            {t.stateAll}
          </a>
        </li>
        {RECIPIENT_STATUSES.map((state) => (
          <li>
            <a href={`${own}?state=${state}`} aria-current={current === state ? 'page' : undefined}>
              {t[state]}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Recipients({
  view,
  rows,
  isShared,
}: {
  view: View;
  rows: CampaignRecipient[];
  /** several sessions send it */
  isShared: boolean;
}) {
  const t = CAMPAIGN_TEXTS(view.lang);
  return (
    <Table
      label={t.recipients}
      head={[t.name, t.number, t.state, t.reason, ...(isShared ? [t.session] : []), t.when]}
    >
      {rows.map((row) => (
        <tr>
          <td class="wrap">{row.name ?? t.unnamed}</td>
          <td class="mono">{shownNumber(row.number)}</td>
          <td>
            <Badge tone={stateTone(row.state)}>{t[row.state]}</Badge>
          </td>
          <td>
            {row.reason === null ? '' : outcomeText(view.lang, row.reason)}
            {row.readings.length > 1 && (
              <div class="small">{t.readings(eitherOf(view.lang, row.readings))}</div>
            )}
            {row.waitingUntil !== null && (
              <span class="small muted">
                {' '}
                {t.waitsUntil} <Time at={row.waitingUntil} />
              </span>
            )}
          </td>
          {isShared && <td class="wrap">{row.sessionId}</td>}
          <td>
            <Time at={row.failedAt ?? row.readAt ?? row.deliveredAt ?? row.sentAt ?? row.queuedAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
