/** The parts of the forms that make and change campaigns. */
import type { Child } from 'hono/jsx';
import type { Ctx } from '../../../services/context.ts';
import { MAX_URL } from '../../../services/messages/kinds/fields.ts';
import { listTemplates } from '../../../services/templates/templates.ts';
import { listUploads, type UploadEntry } from '../../../services/uploads.ts';
import type { View } from '../page.ts';
import { Check, Field, Select, TextArea, When } from '../parts.tsx';
import { FORM_TEXTS } from './form-texts.ts';
import { PlaceholderRules, PreviewPane } from './preview.tsx';

/** Templates and files that can be chosen from. */
const MAX_OPTIONS = 200;
/** The form outside of the large one that takes a file. */
export const UPLOAD_FORM = 'upload-form';

export interface Choices {
  templates: [id: string, name: string][];
  files: UploadEntry[];
}

export async function choicesOf(ctx: Ctx): Promise<Choices> {
  const [templates, uploads] = await Promise.all([
    listTemplates(ctx, { page: 1, limit: MAX_OPTIONS }),
    listUploads(ctx, { page: 1, limit: MAX_OPTIONS }),
  ]);
  return { templates: templates.data.map(({ id, name }) => [id, name]), files: uploads.data };
}

/** One of a few, all of them in sight. */
export function Radios({
  legend,
  name,
  value,
  options,
}: {
  legend: string;
  name: string;
  value: string;
  options: readonly (readonly [value: string, text: string])[];
}) {
  return (
    <fieldset class="field">
      <legend>{legend}</legend>
      {options.map(([option, text]) => (
        <label class="check">
          <input type="radio" name={name} value={option} checked={option === value} /> {text}
        </label>
      ))}
    </fieldset>
  );
}

export interface MessageValues {
  kind?: string | undefined;
  body?: string | undefined;
  templateId?: string | undefined;
  media?: string | undefined;
  mediaUrl?: string | undefined;
  mediaAs?: string | undefined;
  caption?: string | undefined;
}

/** The message with its preview. `keep`: the message that is there may stay. */
export function MessageParts({
  view,
  choices,
  values,
  keep,
}: {
  view: View;
  choices: Choices;
  values: MessageValues;
  keep?: boolean;
}) {
  const t = FORM_TEXTS(view.lang);
  const kinds: [string, string][] = [
    ...(keep ? [['keep', t.kindKeep] as [string, string]] : []),
    ['text', t.kindText],
    ['template', t.kindTemplate],
    ['media', t.kindMedia],
  ];
  return (
    <div class="split">
      <div class="stack">
        <Radios legend={t.kind} name="kind" value={values.kind ?? (keep ? 'keep' : 'text')} options={kinds} />
        <When name="kind" is="text">
          <TextArea
            label={t.text}
            name="body"
            value={values.body}
            required
            rows={6}
            maxlength={65_536}
            hint={t.textHint}
          />
          <PlaceholderRules view={view} />
        </When>
        <When name="kind" is="template">
          <TemplateChoice view={view} choices={choices} chosen={values.templateId} />
        </When>
        <When name="kind" is="media">
          <MediaParts view={view} choices={choices} values={values} />
        </When>
      </div>
      <PreviewPane view={view} />
    </div>
  );
}

function TemplateChoice({
  view,
  choices,
  chosen,
}: {
  view: View;
  choices: Choices;
  chosen: string | undefined;
}) {
  const t = FORM_TEXTS(view.lang);
  if (choices.templates.length === 0) return <p>{t.noTemplates}</p>;
  return (
    <Select
      label={t.template}
      name="templateId"
      value={chosen}
      required
      options={[['', t.chooseTemplate], ...choices.templates]}
    />
  );
}

function MediaParts({ view, choices, values }: { view: View; choices: Choices; values: MessageValues }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <>
      <MediaChoice view={view} files={choices.files} chosen={values.media} />
      <UploadParts view={view} />
      <Field
        label={t.mediaUrl}
        name="mediaUrl"
        type="url"
        value={values.mediaUrl}
        maxlength={MAX_URL}
        hint={t.mediaUrlHint}
        autocomplete="off"
      />
      <Select
        label={t.mediaAs}
        name="mediaAs"
        value={values.mediaAs}
        options={[
          ['', t.asIs],
          ['image', t.asImage],
          ['video', t.asVideo],
          ['document', t.asDocument],
        ]}
      />
      <TextArea label={t.caption} name="caption" value={values.caption} rows={3} maxlength={4_096} />
    </>
  );
}

/** The tenant's files; swapped when another one has been uploaded. */
export function MediaChoice({
  view,
  files,
  chosen,
  note,
}: {
  view: View;
  files: readonly UploadEntry[];
  chosen?: string | undefined;
  note?: Child;
}) {
  const t = FORM_TEXTS(view.lang);
  const options = files.map(({ filename, originalName }) => [filename, originalName ?? filename] as const);
  return (
    <div id="media-choice">
      <Select label={t.media} name="media" value={chosen} options={[['', t.chooseMedia], ...options]} />
      <p role="status" class="small">
        {note}
      </p>
    </div>
  );
}

/** Belongs to a form of its own, because a form cannot be inside another one. */
function UploadParts({ view }: { view: View }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <details>
      <summary>{t.upload}</summary>
      <div class="row">
        <input
          type="file"
          name="file"
          form={UPLOAD_FORM}
          required
          aria-label={t.upload}
          accept=".jpg,.jpeg,.png,.gif,.pdf,.doc,.docx"
        />
        <button type="submit" form={UPLOAD_FORM}>
          {t.uploadButton}
        </button>
      </div>
      <div data-upload={UPLOAD_FORM} hidden role="status">
        <p data-upload-text data-sending={t.uploadSending} data-sent={t.uploadSent}>
          {t.uploadSending}
        </p>
        <progress max={100} value={0} aria-label={t.uploadProgress} />
      </div>
    </details>
  );
}

export function UploadTarget({ action }: { action: string }) {
  return (
    <form
      id={UPLOAD_FORM}
      method="post"
      action={action}
      hx-post={action}
      enctype="multipart/form-data"
      hx-encoding="multipart/form-data"
      hx-target="#media-choice"
      hx-swap="outerHTML"
    ></form>
  );
}

export interface PaceValues {
  delaySeconds: number;
  dailyCap?: number | undefined;
  warmUp: boolean;
  /** messages go only between these times of the recipient's day */
  dayOnly: boolean;
  sendFrom: string;
  sendUntil: string;
  checkNumbers: boolean;
  failurePercent?: number | undefined;
}

/** How fast, and how carefully. */
export function PaceParts({ view, values }: { view: View; values: PaceValues }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <>
      <div class="columns">
        <Field
          label={t.delay}
          name="delay"
          type="number"
          min={1}
          max={3600}
          step="any"
          value={values.delaySeconds}
          required
          hint={t.delayHint}
        />
        <Field
          label={t.dailyCap}
          name="dailyCap"
          type="number"
          min={1}
          max={1_000_000}
          value={values.dailyCap}
          hint={t.dailyCapHint}
        />
        <Field
          label={t.failurePercent}
          name="failurePercent"
          type="number"
          min={1}
          max={100}
          value={values.failurePercent}
          hint={t.failureHint}
        />
      </div>
      <Check label={t.checkNumbers} name="checkNumbers" checked={values.checkNumbers} />
      <Check label={t.warmUp} name="warmUp" checked={values.warmUp} />
      <fieldset>
        <legend>{t.time}</legend>
        <Check label={t.dayOnly} name="dayOnly" checked={values.dayOnly} />
        <p class="muted small">{t.dayHint}</p>
        <div class="columns">
          <Field label={t.sendFrom} name="sendFrom" type="time" value={values.sendFrom} />
          <Field label={t.sendUntil} name="sendUntil" type="time" value={values.sendUntil} />
        </div>
      </fieldset>
    </>
  );
}

/** Every zone that there is; the script chooses the reader's own unless one is chosen. */
export function ZoneSelect({ view, value, own }: { view: View; value: string; own?: boolean }) {
  const t = FORM_TEXTS(view.lang);
  const zones = [...new Set(['UTC', value, ...Intl.supportedValuesOf('timeZone')])];
  return (
    <div class="field" data-own-zone={own ? '' : undefined}>
      <Select label={t.zone} name="timezone" value={value} options={zones.map((zone) => [zone, zone])} />
    </div>
  );
}
