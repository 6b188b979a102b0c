/** What every step has around its fields: the way through the steps, and how the draft is kept. */
import type { PropsWithChildren } from 'hono/jsx';
import type { CampaignDraft } from '../../../../services/campaigns/drafts.ts';
import { newId } from '../../../../utils/ids.ts';
import { Crumb, Submit } from '../../kit.tsx';
import type { View } from '../../page.ts';
import { ActionButton, Form, Time } from '../../parts.tsx';
import { FORM_TEXTS } from '../form-texts.ts';
import { BROADCAST } from '../parts.tsx';
import { draftPath, STEPS, type Step } from './steps.ts';

/** A draft before its first save has the version 0. */
export type Writing = Pick<CampaignDraft, 'id' | 'data' | 'version'>;

export function Frame({
  view,
  draft,
  step,
  children,
}: PropsWithChildren<{ view: View; draft: Writing; step: Step }>) {
  const t = FORM_TEXTS(view.lang);
  const place = STEPS.indexOf(step);
  const before = STEPS[place - 1];
  return (
    <>
      <Crumb to={BROADCAST}>{t.back}</Crumb>
      <h1>{t.title}</h1>
      <Form view={view} action={draftPath(draft.id, step)} id="wizard" class="stack">
        {/* What Enter in a field presses. */}
        <button type="submit" name="go" value="next" hidden></button>
        <input type="hidden" name="step" value={step} />
        <input type="hidden" name="savedBy" value={newId(view.now)} />
        <ol class="steps" aria-label={t.steps}>
          {STEPS.map((name) => (
            <li aria-current={name === step ? 'step' : undefined}>
              <button type="submit" name="go" value={name} formnovalidate class="link">
                {t[name]}
              </button>
            </li>
          ))}
        </ol>
        <section class="card stack" aria-labelledby="step-title">
          <h2 id="step-title">{t[step]}</h2>
          {children}
          {step !== 'review' && (
            <div class="row between turned">
              <Submit>{t.next}</Submit>
              {before === undefined ? <span /> : <Back view={view} to={before} />}
            </div>
          )}
        </section>
        <div
          id="draft-state"
          role="status"
          class="small"
          hx-post={draftPath(draft.id, 'save')}
          hx-trigger="input from:closest form delay:700ms, change from:closest form delay:300ms"
          hx-include="closest form"
          hx-sync="closest form:queue last"
          hx-target="this"
          hx-swap="innerHTML"
          hx-disabled-elt="unset"
        >
          <DraftState view={view} version={draft.version} />
        </div>
      </Form>
      {draft.version > 0 && (
        <ActionButton view={view} action={draftPath(draft.id, 'delete')} confirm={t.deleteSure} small>
          {t.deleteDraft}
        </ActionButton>
      )}
    </>
  );
}

function Back({ view, to }: { view: View; to: Step }) {
  return (
    <button type="submit" name="go" value={to} formnovalidate>
      {FORM_TEXTS(view.lang).previous}
    </button>
  );
}

/** What the last save came to; the version goes back with the next one. */
export function DraftState({ view, version, savedAt }: { view: View; version: number; savedAt?: string }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <>
      <input type="hidden" name="version" value={version} />
      {savedAt === undefined ? (
        <span class="muted">{t.saving}</span>
      ) : (
        <span class="muted">
          {t.saved} <Time at={savedAt} />
        </span>
      )}
    </>
  );
}

/** Another tab has saved the draft since: nothing is overwritten until somebody says so. */
export function Elsewhere({
  view,
  draft,
  step,
  version,
}: {
  view: View;
  draft: Pick<Writing, 'id' | 'version'>;
  step: Step;
  /** what is there now */
  version: number;
}) {
  const t = FORM_TEXTS(view.lang);
  return (
    <div class="alert alert-warn">
      <input type="hidden" name="version" value={draft.version} />
      <p>{t.elsewhere}</p>
      <div class="row">
        <a class="button small" href={draftPath(draft.id, step)}>
          {t.showOther}
        </a>
        <button type="submit" class="small" name="replacing" value={version} formnovalidate>
          {t.keepThis}
        </button>
      </div>
    </div>
  );
}
