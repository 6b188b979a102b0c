/** Making a campaign, step by step: recipients, message, time, pace; then the estimate and the button. */

import type { Child, PropsWithChildren } from 'hono/jsx';
import { z } from 'zod';
import { timeZoneOf } from '../../../services/auth/settings.ts';
import { type CampaignEstimate, estimateCampaign } from '../../../services/campaigns/estimate.ts';
import { scheduleCampaign, sendCampaign } from '../../../services/campaigns/start.ts';
import { listUploads, uploadFile } from '../../../services/uploads.ts';
import { DAY_MS } from '../../../utils/durations.ts';
import { uploadLimit } from '../../../utils/sizes.ts';
import { CAMPAIGN_LIMIT, UPLOAD_LIMIT } from '../../broadcast/parts.ts';
import { CodeBlocks, CodeButton, givenFields } from '../code-part.tsx';
import { Crumb, Follow, NewSessionLink, Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { Empty, Facts, Field, Form, Select, TextArea, Time, When } from '../parts.tsx';
import { readSenders, type SenderChoices, SenderSelect } from '../sessions/sender.tsx';
import {
  type Choices,
  choicesOf,
  MediaChoice,
  MessageParts,
  PaceParts,
  Radios,
  UploadTarget,
  ZoneSelect,
} from './campaign-form.tsx';
import { bodyOf, CampaignForm, inputOf, senderIn } from './campaign-input.ts';
import { durationText } from './duration.ts';
import { FORM_TEXTS } from './form-texts.ts';
import { BROADCAST, EXAMPLE_ID, id, num } from './parts.tsx';
import { listOptions } from './preview.tsx';
import { requireFile } from './upload.tsx';

const DEFAULT_DELAY_SECONDS = 3;
/** A Sunday, to name the days of the week by. */
const A_SUNDAY = Date.UTC(2024, 0, 7);
const STEPS = ['who', 'what', 'when', 'pace', 'review'] as const;
const example = { form: { session: 'main', listId: EXAMPLE_ID, body: 'Hello {name|friend}' } };

/** Choices that a link to the wizard may hold. */
const Chosen = z.object({
  session: z.string().max(100).optional().catch(undefined),
  listId: id.optional().catch(undefined),
  templateId: id.optional().catch(undefined),
  media: z.string().max(100).optional().catch(undefined),
});
type Chosen = z.output<typeof Chosen>;

export const wizardPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/new',
    auth: 'user',
    query: Chosen,
    async handler({ ctx, view, query }) {
      const t = FORM_TEXTS(view.lang);
      if (!view.canWrite) return { redirect: BROADCAST };
      const senders = await readSenders(ctx);
      if (senders.sessions.length === 0) {
        return { title: t.title, section: 'broadcast', body: <LinkFirst view={view} /> };
      }
      const body = (
        <>
          <Crumb to={BROADCAST}>{t.back}</Crumb>
          <h1>{t.title}</h1>
          <UploadTarget action={`${BROADCAST}/new/file`} />
          <Form view={view} action={`${BROADCAST}/campaigns`} id="wizard" steps>
            <StepNames view={view} />
            <Step view={view} name="who">
              <Who view={view} senders={senders} lists={await listOptions(ctx)} chosen={query} />
            </Step>
            <Step view={view} name="what">
              <What view={view} choices={await choicesOf(ctx)} chosen={query} />
            </Step>
            <Step view={view} name="when">
              <Times view={view} zone={await timeZoneOf(ctx, ctx.actor.userId)} />
            </Step>
            <Step view={view} name="pace">
              <PaceParts
                view={view}
                values={{
                  delaySeconds: DEFAULT_DELAY_SECONDS,
                  checkNumbers: true,
                  // An emulated server bans no number.
                  warmUp: ctx.config.waServer === null,
                }}
              />
              <details>
                <summary>{t.safetyTitle}</summary>
                <p>{t.safety}</p>
              </details>
            </Step>
            <Step view={view} name="review">
              <Review view={view} />
            </Step>
          </Form>
        </>
      );
      return { title: t.title, section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/new/file',
    auth: 'user',
    form: z.object({}),
    files: ['file'],
    fileLimit: uploadLimit,
    limit: UPLOAD_LIMIT,
    async handler({ ctx, view, files }) {
      const { filename } = await uploadFile(ctx, { file: requireFile(files) });
      const { data } = await listUploads(ctx, { page: 1, limit: 200 });
      const note = FORM_TEXTS(view.lang).uploaded;
      return { fragment: <MediaChoice view={view} files={data} chosen={filename} note={note} /> };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/new/review',
    auth: 'user',
    form: CampaignForm,
    example,
    async handler({ ctx, view, form }) {
      const { sessionId, input, text } = await senderIn(ctx, form);
      const estimate = await estimateCampaign(ctx, { sessionId }, inputOf(form, input));
      return { fragment: <Estimate view={view} form={form} sender={text} estimate={estimate} /> };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/new/code',
    auth: 'user',
    readOnlyMay: true,
    form: CampaignForm,
    example,
    async handler({ ctx, view, form, http }) {
      http.set('quiet', true);
      const { sessionId, input } = await senderIn(ctx, form);
      // What the API would refuse is named at its field here, too.
      inputOf(form, input);
      const verb = form.when === 'now' ? 'send' : 'schedule';
      const url = `${ctx.config.publicUrl}/session/${encodeURIComponent(sessionId)}/broadcast/${verb}`;
      const body = givenFields(bodyOf(form, input));
      return { fragment: <CodeBlocks view={view} request={{ method: 'POST', url, body }} /> };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/campaigns',
    auth: 'user',
    form: CampaignForm,
    limit: CAMPAIGN_LIMIT,
    example,
    async handler({ ctx, view, form }) {
      const t = FORM_TEXTS(view.lang);
      const sender = await senderIn(ctx, form);
      const ref = { sessionId: sender.sessionId };
      const input = inputOf(form, sender.input);
      const make = form.when === 'now' ? sendCampaign : scheduleCampaign;
      const made = await make(ctx, ref, input, (campaign) => ({ status: 202, body: { ...campaign } }));
      const done = form.when === 'now' ? t.started(made.name) : t.scheduled(made.name);
      return { redirect: `${BROADCAST}/campaigns/${made.id}`, done };
    },
  }),
];

function StepNames({ view }: { view: View }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <ol class="steps" aria-label={t.steps}>
      {STEPS.map((name) => (
        <li>{t[name]}</li>
      ))}
    </ol>
  );
}

/** A part of the form that the script shows alone; without it all of them follow one another. */
function Step({ view, name, children }: PropsWithChildren<{ view: View; name: (typeof STEPS)[number] }>) {
  const t = FORM_TEXTS(view.lang);
  return (
    <section class="card stack" data-step={name} aria-labelledby={`step-${name}`}>
      <h2 id={`step-${name}`} tabindex={-1}>
        {t[name]}
      </h2>
      {children}
      <div class="row between" data-step-buttons hidden>
        {name === 'who' ? (
          <span />
        ) : (
          <button type="button" data-step-back>
            {t.previous}
          </button>
        )}
        {name !== 'review' && (
          <button type="button" class="primary" data-step-next>
            {t.next}
          </button>
        )}
      </div>
      {name === 'review' && <StartButtons view={view} />}
    </section>
  );
}

/** Without a session there is nothing to send from. */
function LinkFirst({ view }: { view: View }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <>
      <Crumb to={BROADCAST}>{t.back}</Crumb>
      <h1>{t.title}</h1>
      <Empty title={t.linkFirst}>
        <p>{t.linkText}</p>
        <NewSessionLink>{t.link}</NewSessionLink>
      </Empty>
    </>
  );
}

function Who({
  view,
  senders,
  lists,
  chosen,
}: {
  view: View;
  senders: SenderChoices;
  lists: [string, string][];
  chosen: Chosen;
}) {
  const t = FORM_TEXTS(view.lang);
  return (
    <>
      <SenderSelect
        view={view}
        label={t.session}
        value={chosen.session}
        hint={t.sessionHint}
        senders={senders}
      />
      <Radios
        legend={t.to}
        name="target"
        value={lists.length === 0 ? 'numbers' : 'list'}
        options={[
          ['list', t.toList],
          ['numbers', t.toNumbers],
        ]}
      />
      <When name="target" is="list">
        <ListChoice view={view} lists={lists} chosen={chosen.listId} />
      </When>
      <When name="target" is="numbers">
        <TextArea label={t.numbers} name="numbers" rows={5} required hint={t.numbersHint} />
      </When>
    </>
  );
}

function ListChoice({
  view,
  lists,
  chosen,
}: {
  view: View;
  lists: [string, string][];
  chosen: string | undefined;
}) {
  const t = FORM_TEXTS(view.lang);
  if (lists.length === 0) {
    return (
      <p>
        {t.noLists} <a href={`${BROADCAST}/lists/new`}>{t.makeList}</a>
      </p>
    );
  }
  return (
    <Select label={t.list} name="listId" value={chosen} required options={[['', t.chooseList], ...lists]} />
  );
}

function What({ view, choices, chosen }: { view: View; choices: Choices; chosen: Chosen }) {
  const { templateId, media } = chosen;
  const kind = templateId !== undefined ? 'template' : media !== undefined ? 'media' : 'text';
  return <MessageParts view={view} choices={choices} values={{ kind, templateId, media }} />;
}

function Times({ view, zone }: { view: View; zone: string }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <>
      <Radios
        legend={t.time}
        name="when"
        value="now"
        options={[
          ['now', t.now],
          ['later', t.later],
          ['repeat', t.repeat],
        ]}
      />
      <When name="when" is="later">
        <Field label={t.at} name="scheduledAt" type="datetime-local" required />
      </When>
      <When name="when" is="repeat">
        <Repeats view={view} />
      </When>
      <When name="when" is="later repeat">
        <ZoneSelect view={view} value={zone} own />
      </When>
    </>
  );
}

function Repeats({ view }: { view: View }) {
  const t = FORM_TEXTS(view.lang);
  const format = new Intl.DateTimeFormat(view.lang, { weekday: 'long', timeZone: 'UTC' });
  const days = [1, 2, 3, 4, 5, 6, 0].map(
    (day) => [String(day), format.format(A_SUNDAY + day * DAY_MS)] as const,
  );
  return (
    <>
      <Select
        label={t.every}
        name="repeat"
        value="daily"
        options={[
          ['daily', t.daily],
          ['weekly', t.weekly],
          ['monthly', t.monthly],
          ['cron', t.cron],
        ]}
      />
      <When name="repeat" is="weekly">
        <Select label={t.weekday} name="weekday" value="1" options={days} />
      </When>
      <When name="repeat" is="monthly">
        <Field label={t.monthday} name="monthday" type="number" min={1} max={31} value={1} required />
      </When>
      <When name="repeat" is="daily weekly monthly">
        <Field label={t.repeatAt} name="repeatAt" type="time" value="09:00" required />
      </When>
      <When name="repeat" is="cron">
        <Field label={t.cronField} name="cron" placeholder="0 9 * * 1" required hint={t.cronHint} />
      </When>
    </>
  );
}

function Review({ view }: { view: View }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <>
      <Field label={t.name} name="campaignName" maxlength={190} hint={t.nameHint} autocomplete="off" />
      <Follow src={`${BROADCAST}/new/review`} trigger="step" onStep>
        <p class="muted">{t.working}</p>
        <progress aria-label={t.working} />
      </Follow>
      <CodeButton view={view} form="wizard" action={`${BROADCAST}/new/code`} />
    </>
  );
}

function StartButtons({ view }: { view: View }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <>
      <When name="when" is="now">
        <Submit>{t.start}</Submit>
      </When>
      <When name="when" is="later repeat">
        <Submit>{t.schedule}</Submit>
      </When>
    </>
  );
}

function Estimate({
  view,
  form,
  sender,
  estimate: e,
}: {
  view: View;
  form: CampaignForm;
  sender: string;
  estimate: CampaignEstimate;
}) {
  const t = FORM_TEXTS(view.lang);
  const left = [
    e.optedOut === null ? t.optedOutMany : e.optedOut > 0 ? t.optedOut(num(view, e.optedOut)) : '',
    e.invalid > 0 ? t.invalid(num(view, e.invalid)) : '',
    e.duplicates > 0 ? t.duplicates(num(view, e.duplicates)) : '',
  ].filter((line) => line !== '');
  const pace = [
    t.perMinute(num(view, e.ratePerMinute)),
    e.recipients > e.perHour ? t.perHour(num(view, e.perHour)) : '',
    e.perDay === null ? '' : t.perDay(num(view, e.perDay)),
    e.newContactsPerDay === null || !e.strangers ? '' : t.newContactsLine(num(view, e.newContactsPerDay)),
    form.quietFrom && form.quietTo ? t.quietLine(form.quietFrom, form.quietTo) : '',
  ].filter((line) => line !== '');
  const causes = { pace: t.limits, daily_cap: t.dailyCapWord, new_contacts: t.newContactsWord };
  const facts: [string, Child][] = [
    [t.session, sender],
    [t.recipients, <Lines first={<b>{num(view, e.recipients)}</b>} rest={left} />],
    [
      form.when === 'repeat' ? t.firstRun : t.starts,
      form.when === 'now' ? t.atOnce : <Time at={e.startsAt} />,
    ],
    [t.rate, <Lines first={pace[0] ?? ''} rest={pace.slice(1)} />],
    [
      t.duration,
      <b>{e.durationSeconds === null ? t.overAYear : durationText(view.lang, e.durationSeconds)}</b>,
    ],
    [t.finishes, <Time at={e.finishesAt} />],
    [t.limited, causes[e.limitedBy]],
  ];
  return (
    <>
      {e.recipients === 0 && <p class="alert alert-warn">{t.nobody}</p>}
      <Facts facts={facts} />
      <p class="muted small">{t.estimateNote}</p>
    </>
  );
}

function Lines({ first, rest }: { first: Child; rest: readonly string[] }) {
  return (
    <>
      {first}
      {rest.map((line) => (
        <div class="muted small">{line}</div>
      ))}
    </>
  );
}
