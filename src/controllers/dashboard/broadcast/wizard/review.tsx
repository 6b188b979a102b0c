/** The last step: what the campaign would be, a test to oneself, and the button. */

import type { Child } from 'hono/jsx';
import { type CampaignEstimate, estimateCampaign } from '../../../../services/campaigns/estimate.ts';
import type { Ctx } from '../../../../services/context.ts';
import { type Preview, previewTemplate } from '../../../../services/templates/templates.ts';
import { AppError } from '../../../../utils/errors.ts';
import { CodeButton } from '../../code-part.tsx';
import { FailureLines } from '../../failure.tsx';
import { eitherOf } from '../../number-hint.tsx';
import type { View } from '../../page.ts';
import { Facts, Field, Time } from '../../parts.tsx';
import { shownNumber } from '../../shown-number.ts';
import { type CampaignForm, cronOf, inputOf, senderIn, targetOf } from '../campaign-input.ts';
import { cronText } from '../cron-text.ts';
import { durationText } from '../duration.ts';
import { FORM_TEXTS } from '../form-texts.ts';
import { num } from '../parts.tsx';
import { Handset } from '../preview.tsx';
import type { Writing } from './frame.tsx';
import { draftPath, formOf, incompleteSteps, type Step, said } from './steps.ts';

/** People that the message is shown for. */
const SHOWN = 3;

interface Reviewed {
  form: CampaignForm;
  /** as a person reads who sends it */
  sender: string;
  estimate: CampaignEstimate;
  previews: Preview[];
}

/** What a draft came to: the review, the steps that are missing, or why it cannot be worked out. */
export type Outcome = Reviewed | { missing: Step[] } | { failure: AppError };

/** Works the draft out; never makes anything. Throws what is not about the draft. */
export async function reviewOf(ctx: Ctx, { data }: Writing): Promise<Outcome> {
  const missing = await incompleteSteps(ctx, data);
  if (missing.length > 0) return { missing };
  try {
    const form = formOf(ctx, data);
    const { sessionId, input, text } = await senderIn(ctx, form);
    const estimate = await estimateCampaign(ctx, { sessionId }, inputOf(form, input));
    const { previews } = await previewTemplate(ctx, { ...textIn(form), ...targetOf(form), limit: SHOWN });
    return { form, sender: text, estimate, previews };
  } catch (error) {
    if (error instanceof AppError && error.code !== 'INTERNAL') return { failure: error };
    throw error;
  }
}

/** What a campaign says, for `previewTemplate`. */
export function textIn(form: Pick<CampaignForm, 'kind' | 'body' | 'caption' | 'templateId'>) {
  if (form.kind === 'template') return { templateId: form.templateId };
  return { text: (form.kind === 'media' ? form.caption : form.body) ?? '' };
}

export function Review({
  view,
  draft,
  outcome,
  ownNumber,
}: {
  view: View;
  draft: Writing;
  outcome: Outcome;
  /** the number that sends it */
  ownNumber: string | null;
}) {
  const t = FORM_TEXTS(view.lang);
  if ('missing' in outcome) return <Missing view={view} steps={outcome.missing} />;
  if ('failure' in outcome) {
    return (
      <div class="alert alert-bad">
        <FailureLines failure={outcome.failure} lang={view.lang} />
      </div>
    );
  }
  const { form } = outcome;
  return (
    <>
      <div class="split">
        <div class="stack">
          <Field
            label={t.name}
            name="campaignName"
            value={said(draft.data, 'campaignName')}
            maxlength={190}
            hint={t.nameHint}
            autocomplete="off"
          />
          <Estimate view={view} reviewed={outcome} />
        </div>
        <Handset view={view} previews={outcome.previews} />
      </div>
      <TestPart view={view} draft={draft} ownNumber={ownNumber} />
      <CodeButton view={view} form="wizard" action={draftPath(draft.id, 'code')} />
      <div class="row between turned">
        <button
          type="submit"
          class="primary"
          formaction={draftPath(draft.id, 'start')}
          hx-post={draftPath(draft.id, 'start')}
          hx-include="closest form"
          hx-sync="closest form:replace"
        >
          {form.when === 'now' ? t.start : t.schedule}
        </button>
        <button type="submit" name="go" value="pace" formnovalidate>
          {t.previous}
        </button>
      </div>
    </>
  );
}

function Missing({ view, steps }: { view: View; steps: readonly Step[] }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <div class="alert alert-warn">
      <p>{t.incomplete}</p>
      <div class="row">
        {steps.map((step) => (
          <button type="submit" name="go" value={step} formnovalidate>
            {t[step]}
          </button>
        ))}
      </div>
    </div>
  );
}

/** One message as everybody will get it, to a number of one's own. */
function TestPart({ view, draft, ownNumber }: { view: View; draft: Writing; ownNumber: string | null }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <fieldset class="stack">
      <legend>{t.test}</legend>
      <Field
        label={t.testTo}
        name="testTo"
        inputmode="tel"
        value={ownNumber === null ? undefined : shownNumber(ownNumber)}
        maxlength={40}
        hint={t.testHint}
        autocomplete="tel"
      />
      <div class="row">
        <button
          type="submit"
          formaction={draftPath(draft.id, 'test')}
          hx-post={draftPath(draft.id, 'test')}
          hx-include="closest form"
          hx-sync="closest form:replace"
          hx-target="#test-result"
          hx-swap="innerHTML"
          formnovalidate
        >
          {t.testSend}
        </button>
      </div>
      <div id="test-result" role="status"></div>
    </fieldset>
  );
}

function Estimate({ view, reviewed }: { view: View; reviewed: Reviewed }) {
  const t = FORM_TEXTS(view.lang);
  const { form, estimate: e } = reviewed;
  const causes = { pace: t.limits, daily_cap: t.dailyCapWord, new_contacts: t.newContactsWord };
  const facts: [string, Child][] = [
    [t.session, reviewed.sender],
    [t.recipients, <Lines first={<b>{num(view, e.recipients)}</b>} rest={leftOut(view, e)} />],
    [t.emptyTitle, <EmptyPlaces view={view} estimate={e} />],
    [t.newPeople, <NewPeople view={view} estimate={e} />],
    [form.when === 'repeat' ? t.firstRun : t.starts, <Start view={view} reviewed={reviewed} />],
    [t.rate, <Pace view={view} reviewed={reviewed} />],
    [
      t.duration,
      <b>{e.durationSeconds === null ? t.overAYear : durationText(view.lang, e.durationSeconds)}</b>,
    ],
    [
      t.finishes,
      <>
        <Time at={e.finishesAt} />{' '}
        {e.finishesAt !== null && (
          <>
            (<Time at={e.finishesAt} relative />)
          </>
        )}
      </>,
    ],
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

function leftOut(view: View, e: CampaignEstimate): string[] {
  const t = FORM_TEXTS(view.lang);
  return [
    e.optedOut === null ? t.optedOutMany : e.optedOut > 0 ? t.optedOut(num(view, e.optedOut)) : '',
    e.invalid > 0 ? t.invalid(num(view, e.invalid)) : '',
    ...e.unclear.map(({ number, readings }) => t.unclear(number, eitherOf(view.lang, readings))),
    e.duplicates > 0 ? t.duplicates(num(view, e.duplicates)) : '',
  ].filter((line) => line !== '');
}

function EmptyPlaces({ view, estimate: e }: { view: View; estimate: CampaignEstimate }) {
  const t = FORM_TEXTS(view.lang);
  const lines = e.missing.map(({ placeholder, contacts }) =>
    t.emptyFor(`{${placeholder}}`, num(view, contacts), num(view, e.lookedThrough)),
  );
  const [first = t.noneEmpty, ...rest] = lines;
  const isPart = e.lookedThrough < e.recipients;
  return <Lines first={first} rest={isPart ? [...rest, t.firstOnly(num(view, e.lookedThrough))] : rest} />;
}

/** The budget of first contacts, and how long it takes. */
function NewPeople({ view, estimate: e }: { view: View; estimate: CampaignEstimate }) {
  const t = FORM_TEXTS(view.lang);
  const first = t.newPeopleOf(num(view, e.neverContacted));
  if (e.newContactsPerDay === null) return <Lines first={first} rest={[t.newPeopleFree]} />;
  if (e.neverContacted === 0) return <>{first}</>;
  const perDay = num(view, e.newContactsPerDay);
  const days = e.newContactsDays;
  const rest = days === null ? t.newPeopleLong(perDay) : t.newPeopleDays(perDay, t.days(days));
  return <Lines first={first} rest={[rest]} />;
}

function Start({ view, reviewed: { form, estimate } }: { view: View; reviewed: Reviewed }) {
  const t = FORM_TEXTS(view.lang);
  if (form.when === 'now') return <>{t.atOnce}</>;
  const at = <Time at={estimate.startsAt} />;
  if (form.when === 'later') return at;
  return <Lines first={cronText(view.lang, cronOf(form))} rest={[form.timezone ?? '', at]} />;
}

function Pace({ view, reviewed: { form, estimate: e } }: { view: View; reviewed: Reviewed }) {
  const t = FORM_TEXTS(view.lang);
  const { sendFrom = '', sendUntil = '' } = form;
  const rest = [
    e.recipients > e.perHour ? t.perHour(num(view, e.perHour)) : '',
    e.perDay === null ? '' : t.perDay(num(view, e.perDay)),
    form.dayOnly === 'true' ? t.dayLine(sendFrom, sendUntil) : t.anyTime,
  ].filter((line) => line !== '');
  return <Lines first={t.perMinute(num(view, e.ratePerMinute))} rest={rest} />;
}

function Lines({ first, rest }: { first: Child; rest: readonly Child[] }) {
  return (
    <>
      {first}
      {rest.map((line) => (
        <div class="muted small">{line}</div>
      ))}
    </>
  );
}
