/** "Copy as code": the request of the API that a form stands for, with what is filled in. */
import { type ApiRequest, CODE_LANGUAGES, LANGUAGE_NAMES, requestCode } from '../request-code.ts';
import { texts } from './i18n.ts';
import * as english from './locales/en/code-part.ts';
import * as indonesian from './locales/id/code-part.ts';
import type { View } from './page.ts';

const T = texts({ en: english.codePart, id: indonesian.codePart });

/** A button that shows the code of the form `form` (its id), which `action` answers with. */
export function CodeButton({ view, form, action }: { view: View; form: string; action: string }) {
  return (
    <>
      <div class="row">
        <button
          type="button"
          class="small"
          hx-post={action}
          hx-include={`#${form}`}
          hx-params="not file"
          hx-target="#as-code"
          hx-swap="innerHTML"
        >
          {T(view.lang).show}
        </button>
      </div>
      <div id="as-code" aria-live="polite"></div>
    </>
  );
}

/** Stands in code for a file that was chosen in a form: the API takes it by URL, or by the ID of an upload. */
export const exampleFile = (name: string) => `https://example.com/${name}`;

/** The code of a request in every language, one of them open. `hasExampleFile`: a file of it is `exampleFile`. */
export function CodeBlocks({
  view,
  request,
  hasExampleFile = false,
}: {
  view: View;
  request: ApiRequest;
  hasExampleFile?: boolean;
}) {
  const t = T(view.lang);
  return (
    <section class="stack">
      <p class="muted small">{t.about}</p>
      {hasExampleFile && <p class="alert alert-warn">{t.exampleFile}</p>}
      {CODE_LANGUAGES.map((language) => (
        <details open={language === 'curl'} name="as-code">
          <summary>{LANGUAGE_NAMES[language]}</summary>
          <pre class="code" id={`as-${language}`} tabindex={0}>
            {requestCode(language, request)}
          </pre>
          <button type="button" class="small" data-copy={`as-${language}`} data-copied={t.copied}>
            {t.copy}
          </button>
        </details>
      ))}
    </section>
  );
}

/** A body without the fields that are left empty. */
export function givenFields(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''),
  );
}
