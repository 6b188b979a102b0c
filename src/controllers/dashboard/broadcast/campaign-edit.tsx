/** Changing a campaign that is paused or has not begun. */

import { updateCampaign } from '../../../services/campaigns/control.ts';
import { watchCampaign } from '../../../services/campaigns/read.ts';
import type { CampaignOutput } from '../../../services/campaigns/schemas.ts';
import { UpdateCampaignInput } from '../../../services/campaigns/schemas.ts';
import { zoneClock } from '../../../utils/time-zone.ts';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { Field, Form } from '../parts.tsx';
import { CampaignHead, campaignPath, quietOf, textOf } from './campaign.tsx';
import {
  type Choices,
  choicesOf,
  MessageParts,
  PaceParts,
  UploadTarget,
  ZoneSelect,
} from './campaign-form.tsx';
import { BY_DAY, EditForm, messageOf, paceFrom, readInput } from './campaign-input.ts';
import { CAMPAIGN_TEXTS } from './campaign-page-texts.ts';
import { BROADCAST, IdParams, idExample } from './parts.tsx';

export const campaignEditPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/campaigns/:id/edit',
    auth: 'user',
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, view, params }) {
      const t = CAMPAIGN_TEXTS(view.lang);
      const campaign = await watchCampaign(ctx, params);
      if (!view.canWrite) return { redirect: campaignPath(campaign.id) };
      const open = campaign.status === 'paused' || campaign.status === 'scheduled';
      const body = (
        <>
          <CampaignHead view={view} campaign={campaign} current="/edit" />
          {open ? (
            <Edit
              view={view}
              campaign={campaign}
              choices={await choicesOf(ctx)}
              isReal={ctx.config.waServer === null}
              zone={campaign.timezone ?? view.zone}
            />
          ) : (
            <p class="card">{t.editNot}</p>
          )}
        </>
      );
      return { title: t.editTitle, section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/campaigns/:id/edit',
    auth: 'user',
    params: IdParams,
    form: EditForm,
    example: { params: idExample, form: { campaignName: 'Again' } },
    async handler({ ctx, view, params, form }) {
      const { campaignName, scheduledAt, timezone } = form;
      const input = readInput(UpdateCampaignInput, {
        campaignName,
        ...(form.kind === 'keep' ? {} : messageOf(form.kind, form)),
        ...paceFrom(form),
        // What was emptied goes.
        ...(form.dayOnly === 'true' ? {} : { quietHours: null }),
        dailyCap: form.dailyCap ?? null,
        failurePercent: form.failurePercent ?? null,
        ...(scheduledAt === undefined ? {} : { scheduledAt }),
        ...(timezone === undefined ? {} : { timezone }),
      });
      await updateCampaign(ctx, params, input);
      return { redirect: campaignPath(params.id), done: CAMPAIGN_TEXTS(view.lang).saved };
    },
  }),
];

function Edit({
  view,
  campaign,
  choices,
  isReal,
  zone,
}: {
  view: View;
  campaign: CampaignOutput;
  choices: Choices;
  isReal: boolean;
  zone: string;
}) {
  const t = CAMPAIGN_TEXTS(view.lang);
  const text = textOf(campaign.content);
  return (
    <>
      <UploadTarget action={`${BROADCAST}/new/file`} />
      <Form view={view} action={campaignPath(campaign.id, '/edit')}>
        <section class="card stack">
          <h2>{t.editTitle}</h2>
          <Field label={t.nameLabel} name="campaignName" value={campaign.name} required maxlength={190} />
        </section>
        <section class="card">
          <h2>{t.messageTitle}</h2>
          {campaign.listId !== null && <input type="hidden" name="listId" value={campaign.listId} />}
          <input type="hidden" name="kept" value={text} />
          <MessageParts view={view} choices={choices} values={{ body: text, caption: text }} keep />
        </section>
        {campaign.status === 'scheduled' && <TimePart view={view} campaign={campaign} zone={zone} />}
        <section class="card stack">
          <h2>{t.paceTitle}</h2>
          <PaceParts view={view} values={paceOf(campaign, isReal)} />
        </section>
        <Submit>{t.save}</Submit>
      </Form>
    </>
  );
}

function TimePart({ view, campaign, zone }: { view: View; campaign: CampaignOutput; zone: string }) {
  const t = CAMPAIGN_TEXTS(view.lang);
  const { scheduledAt } = campaign;
  return (
    <section class="card stack">
      <h2>{t.timeTitle}</h2>
      {campaign.cron === null && (
        <Field
          label={t.at}
          name="scheduledAt"
          type="datetime-local"
          value={scheduledAt === null ? undefined : localTime(scheduledAt, zone)}
          required
        />
      )}
      <ZoneSelect view={view} value={zone} />
    </section>
  );
}

/** The campaign's own pace, as the form shows it. */
function paceOf({ options, delayBetweenMessages }: CampaignOutput, isReal: boolean) {
  const quiet = quietOf(options);
  const number = (value: unknown) => (typeof value === 'number' ? value : undefined);
  return {
    delaySeconds: Math.max(1, delayBetweenMessages / 1000),
    dailyCap: number(options.dailyCap),
    warmUp: typeof options.warmUp === 'boolean' ? options.warmUp : isReal,
    dayOnly: quiet !== null,
    sendFrom: quiet?.to ?? BY_DAY.sendFrom,
    sendUntil: quiet?.from ?? BY_DAY.sendUntil,
    checkNumbers: options.checkNumbers !== false,
    failurePercent: number(options.failurePercent),
  };
}

/** As a field for local times wants it. */
function localTime(iso: string, timeZone: string): string {
  return new Date(zoneClock(timeZone).toLocal(Date.parse(iso))).toISOString().slice(0, 16);
}
