import { texts } from '../i18n.ts';
import * as english from '../locales/en/broadcast-campaign-page.ts';
import * as indonesian from '../locales/id/broadcast-campaign-page.ts';

export const CAMPAIGN_TEXTS = texts({
  en: english.broadcastCampaignPage,
  id: indonesian.broadcastCampaignPage,
});
