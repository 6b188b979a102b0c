/** The field that looks for everything: what is found appears below while one types. */
import { texts } from './i18n.ts';
import * as english from './locales/en/search.ts';
import * as indonesian from './locales/id/search.ts';
import type { View } from './page.ts';
import { SEARCH } from './paths.ts';

export const SEARCH_TEXTS = texts({ en: english.search, id: indonesian.search });
export const SEARCH_KINDS = texts({ en: english.searchKinds, id: indonesian.searchKinds });
export const SEARCH_PAGES = texts({ en: english.searchPages, id: indonesian.searchPages });
/** Characters of what is looked for. */
export const MAX_SEARCH = 100;

/** What is found goes into `#find-results`. */
export function SearchForm({ view, value }: { view: View; value?: string | undefined }) {
  const t = SEARCH_TEXTS(view.lang);
  return (
    <search class="grow">
      <form method="get" action={SEARCH}>
        <input
          id="find-q"
          type="search"
          name="q"
          value={value}
          maxlength={MAX_SEARCH}
          autocomplete="off"
          spellcheck={false}
          placeholder={t.title}
          aria-label={t.title}
          data-find-field
          hx-get={SEARCH}
          hx-trigger="input changed delay:250ms"
          hx-target="#find-results"
          hx-indicator="#find-results"
          hx-sync="this:replace"
        />
      </form>
    </search>
  );
}
