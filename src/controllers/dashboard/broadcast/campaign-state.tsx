/** A campaign's state and progress, the same wherever they are shown. */
import type { CampaignOutput } from '../../../services/campaigns/schemas.ts';
import type { View } from '../page.ts';
import { Badge } from '../parts.tsx';
import { stateTone } from '../tones.ts';
import { CAMPAIGN_TEXTS } from './campaign-page-texts.ts';
import { shownStatus, statusText } from './campaign-texts.ts';
import { num } from './parts.tsx';

export function CampaignBadge({ view, campaign }: { view: View; campaign: CampaignOutput }) {
  const status = shownStatus(campaign);
  return <Badge tone={stateTone(status)}>{statusText(view.lang, status)}</Badge>;
}

/** `12 of 40`; of one that was stopped or failed what was sent: the others got nothing. */
export function progressText(view: View, { status, statistics: s }: CampaignOutput): string {
  const t = CAMPAIGN_TEXTS(view.lang);
  const total = num(view, s.total);
  if (status === 'scheduled') return t.planned(total);
  if (status === 'stopped' || status === 'failed') return t.doneSent(num(view, s.sent), total);
  return t.done(num(view, s.total - s.pending - s.queued), total);
}
