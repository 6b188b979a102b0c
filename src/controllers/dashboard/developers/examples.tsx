/** Requests to paste, with the reader's own session in them. */
import { z } from 'zod';
import { SessionId } from '../../schemas.ts';
import { type Page, page } from '../page.ts';
import { Select } from '../parts.tsx';
import { sessionOptions } from './keys.tsx';
import { SNIPPET_LANGUAGES, type Snippets, snippetsFor } from './snippets.ts';
import { DeveloperTabs } from './tabs.tsx';
import { DEVELOPER_TEXTS, type DeveloperTexts } from './texts.ts';

const HERE = '/dashboard/developers/examples';

export const examplePages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'user',
    query: z.object({
      session: SessionId.optional().catch(undefined),
      language: z.enum(SNIPPET_LANGUAGES).default('curl').catch('curl'),
    }),
    async handler({ ctx, view, query }) {
      const t = DEVELOPER_TEXTS(view.lang);
      const sessions = await sessionOptions(ctx);
      const session = sessions.find((id) => id === query.session) ?? sessions[0] ?? 'main';
      const snippets = snippetsFor(query.language, ctx.config.publicUrl, session);
      const body = (
        <>
          <DeveloperTabs t={t} current={HERE} />
          <p>{t.exampleAbout}</p>
          {sessions.length === 0 && <p class="alert alert-warn">{t.noSession}</p>}
          <form class="filter" method="get" action={HERE}>
            <Select
              label={t.session}
              name="session"
              value={session}
              options={(sessions.length === 0 ? ['main'] : sessions).map((id) => [id, id] as const)}
            />
            <Select
              label={t.language}
              name="language"
              value={query.language}
              options={SNIPPET_LANGUAGES.map((name) => [name, name] as const)}
            />
            <button type="submit">{t.filter}</button>
          </form>
          <Snippet t={t} name="send" snippets={snippets} />
          <Snippet t={t} name="fate" snippets={snippets} />
          <Snippet t={t} name="otp" snippets={snippets} />
          <Snippet t={t} name="verify" snippets={snippets} />
        </>
      );
      return { title: t.examples, section: 'developers', body };
    },
  }),
];

function Snippet({ t, name, snippets }: { t: DeveloperTexts; name: keyof Snippets; snippets: Snippets }) {
  return (
    <section class="card">
      <div class="row between">
        <h2>{t[name]}</h2>
        <button type="button" class="small" data-copy={`code-${name}`} data-copied={t.copied}>
          {t.copy}
        </button>
      </div>
      {/* What scrolls sideways must be reachable by keyboard. */}
      <pre id={`code-${name}`} tabindex={0}>
        {snippets[name]}
      </pre>
    </section>
  );
}
