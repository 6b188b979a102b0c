/** The fields of the steps before the review, as a draft has them. */
import type { CampaignDraft } from '../../../../services/campaigns/drafts.ts';
import type { View } from '../../page.ts';
import { Field, Select, TextArea, When } from '../../parts.tsx';
import { type SenderChoices, SenderSelect } from '../../sessions/sender.tsx';
import { type Choices, MessageParts, PaceParts, Radios, ZoneSelect } from '../campaign-form.tsx';
import { BY_DAY } from '../campaign-input.ts';
import { weekdayName } from '../cron-text.ts';
import { FORM_TEXTS } from '../form-texts.ts';
import { BROADCAST } from '../parts.tsx';
import { said } from './steps.ts';

type Data = CampaignDraft['data'];

const DEFAULT_DELAY_SECONDS = 3;
const WEEK = [1, 2, 3, 4, 5, 6, 0];

export function Who({
  view,
  data,
  senders,
  lists,
}: {
  view: View;
  data: Data;
  senders: SenderChoices;
  lists: [string, string][];
}) {
  const t = FORM_TEXTS(view.lang);
  return (
    <>
      <SenderSelect
        view={view}
        label={t.session}
        value={said(data, 'session')}
        ticked={data.sessions}
        hint={t.sessionHint}
        senders={senders}
      />
      <Radios
        legend={t.to}
        name="target"
        value={said(data, 'target') ?? (lists.length === 0 ? 'numbers' : 'list')}
        options={[
          ['list', t.toList],
          ['numbers', t.toNumbers],
        ]}
      />
      <When name="target" is="list">
        {lists.length === 0 ? (
          <p>
            {t.noLists} <a href={`${BROADCAST}/lists/new`}>{t.makeList}</a>
          </p>
        ) : (
          <Select
            label={t.list}
            name="listId"
            value={said(data, 'listId')}
            required
            options={[['', t.chooseList], ...lists]}
          />
        )}
      </When>
      <When name="target" is="numbers">
        <TextArea
          label={t.numbers}
          name="numbers"
          value={said(data, 'numbers')}
          rows={5}
          required
          hint={t.numbersHint}
        />
      </When>
    </>
  );
}

export function What({ view, data, choices }: { view: View; data: Data; choices: Choices }) {
  const of = (name: string) => said(data, name);
  const isList = (of('target') ?? 'list') === 'list';
  return (
    <>
      {/* Whose names and columns the preview shows. */}
      {isList && <input type="hidden" name="listId" value={of('listId') ?? ''} />}
      {!isList && (
        <input type="hidden" name="numbers" value={(of('numbers') ?? '').split(/[\r\n,;]+/, 10).join('\n')} />
      )}
      <MessageParts
        view={view}
        choices={choices}
        values={{
          kind: of('kind'),
          body: of('body'),
          templateId: of('templateId'),
          media: of('media'),
          mediaUrl: of('mediaUrl'),
          mediaAs: of('mediaAs'),
          caption: of('caption'),
        }}
      />
    </>
  );
}

export function Times({ view, data, zone }: { view: View; data: Data; zone: string }) {
  const t = FORM_TEXTS(view.lang);
  const own = said(data, 'timezone');
  return (
    <>
      <Radios
        legend={t.time}
        name="when"
        value={said(data, 'when') ?? 'now'}
        options={[
          ['now', t.now],
          ['later', t.later],
          ['repeat', t.repeat],
        ]}
      />
      <When name="when" is="later">
        <Field
          label={t.at}
          name="scheduledAt"
          type="datetime-local"
          value={said(data, 'scheduledAt')}
          required
        />
      </When>
      <When name="when" is="repeat">
        <Repeats view={view} data={data} />
      </When>
      <When name="when" is="later repeat">
        <ZoneSelect view={view} value={own ?? zone} own={own === undefined} />
      </When>
    </>
  );
}

function Repeats({ view, data }: { view: View; data: Data }) {
  const t = FORM_TEXTS(view.lang);
  const of = (name: string) => said(data, name);
  return (
    <>
      <Select
        label={t.every}
        name="repeat"
        value={of('repeat') ?? 'daily'}
        options={[
          ['daily', t.daily],
          ['weekly', t.weekly],
          ['monthly', t.monthly],
          ['cron', t.cron],
        ]}
      />
      <When name="repeat" is="weekly">
        <Select
          label={t.weekday}
          name="weekday"
          value={of('weekday') ?? '1'}
          options={WEEK.map((day) => [String(day), weekdayName(view.lang, day)] as const)}
        />
      </When>
      <When name="repeat" is="monthly">
        <Field
          label={t.monthday}
          name="monthday"
          type="number"
          min={1}
          max={31}
          value={of('monthday') ?? 1}
          required
        />
      </When>
      <When name="repeat" is="daily weekly monthly">
        <Field label={t.repeatAt} name="repeatAt" type="time" value={of('repeatAt') ?? '09:00'} required />
      </When>
      <When name="repeat" is="cron">
        <Field
          label={t.cronField}
          name="cron"
          value={of('cron')}
          placeholder="0 9 * * 1"
          required
          hint={t.cronHint}
        />
      </When>
    </>
  );
}

/** `data`: as `withPace` gives it. */
export function Pace({ view, data }: { view: View; data: Data }) {
  const t = FORM_TEXTS(view.lang);
  const ticked = (name: string) => said(data, name) === 'true';
  const number = (name: string) => (said(data, name) === undefined ? undefined : Number(said(data, name)));
  return (
    <>
      <PaceParts
        view={view}
        values={{
          delaySeconds: number('delay') ?? DEFAULT_DELAY_SECONDS,
          dailyCap: number('dailyCap'),
          failurePercent: number('failurePercent'),
          checkNumbers: ticked('checkNumbers'),
          warmUp: ticked('warmUp'),
          dayOnly: ticked('dayOnly'),
          sendFrom: said(data, 'sendFrom') ?? BY_DAY.sendFrom,
          sendUntil: said(data, 'sendUntil') ?? BY_DAY.sendUntil,
        }}
      />
      <details>
        <summary>{t.safetyTitle}</summary>
        <p>{t.safety}</p>
      </details>
    </>
  );
}
