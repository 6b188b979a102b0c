/** The frame of every page. */

import type { PropsWithChildren } from 'hono/jsx';
import { assetPath } from './assets.ts';
import { texts } from './i18n.ts';
import * as english from './locales/en/layout.ts';
import * as indonesian from './locales/id/layout.ts';
import type { Section, View } from './page.ts';

const T = texts({ en: english.layout, id: indonesian.layout });

/** No eval and no styles of its own: the policy of our pages allows neither. Failures are swapped in, too. */
const HTMX_CONFIG = JSON.stringify({
  allowEval: false,
  includeIndicatorStyles: false,
  // Not `style`: the browser sets it when somebody resizes a text field, and the policy forbids copying it.
  attributesToSettle: ['class', 'width', 'height'],
  selfRequestsOnly: true,
  historyCacheSize: 0,
  responseHandling: [
    { code: '204', swap: false },
    { code: '[23]..', swap: true },
    // A refused form is an answer; the rest is an error that the console should show.
    { code: '4..', swap: true },
    { code: '5..', swap: true, error: true },
  ],
});

type LayoutProps = PropsWithChildren<{
  view: View;
  title: string;
  section: Section | null;
  /** what the form before has done */
  done: string | null;
  /** where the page goes by itself */
  onward?: string;
}>;

export function Layout({ view, title, section, done, onward, children }: LayoutProps) {
  const t = T(view.lang);
  return (
    <html lang={view.lang}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="htmx-config" content={HTMX_CONFIG} />
        {onward !== undefined && <meta http-equiv="refresh" content={`0;url=${onward}`} />}
        <title>{`${title} · WaHub`}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href={assetPath('dashboard.css')} />
        <script src={assetPath('htmx.js')} defer></script>
        <script src={assetPath('dashboard.js')} defer></script>
      </head>
      <body hx-headers={view.csrf ? JSON.stringify({ 'x-csrf-token': view.csrf }) : undefined}>
        <a class="skip" href="#content">
          {t.skip}
        </a>
        {view.user ? <Header view={view} section={section} /> : <PlainHeader view={view} />}
        <main id="content" tabindex={-1}>
          <div id="done" role="status">
            {done !== null && <p class="alert alert-good">{done}</p>}
          </div>
          <div id="alert" class="alert alert-bad" role="alert"></div>
          {children}
        </main>
      </body>
    </html>
  );
}

function Header({ view, section }: { view: View; section: Section | null }) {
  const t = T(view.lang);
  const entries: [Section, string][] = [
    ['overview', '/dashboard'],
    ['sessions', '/dashboard/sessions'],
    ['messages', '/dashboard/messages'],
    ['otp', '/dashboard/otp'],
    ['broadcast', '/dashboard/broadcast'],
    ['developers', '/dashboard/developers'],
    ['team', '/dashboard/team'],
  ];
  if (view.user?.role === 'admin') entries.push(['admin', '/dashboard/admin']);
  if (view.sandbox) entries.push(['phone', '/dashboard/phone']);
  return (
    <header class="top">
      <a class="brand" href="/dashboard">
        WaHub
      </a>
      <nav aria-label={t.menu}>
        <ul>
          {entries.map(([name, href]) => (
            <li>
              <a href={href} aria-current={name === section ? 'page' : undefined}>
                {t[name]}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <details class="account">
        <summary>
          <span class="account-name">{view.user?.name}</span>
          <span class="account-name muted small">{view.user?.workspace.name}</span>
          {view.user?.role === 'readonly' && <span class="badge">{t.readonly}</span>}
        </summary>
        <div class="menu">
          <a href="/dashboard/account">{t.account}</a>
          {view.user?.workspace.sessionId === null && <a href="/dashboard/usage">{t.usage}</a>}
          <LangForm view={view} />
          <form method="post" action="/dashboard/sign-out">
            <input type="hidden" name="_csrf" value={view.csrf} />
            <button type="submit" class="link">
              {t.signOut}
            </button>
          </form>
        </div>
      </details>
    </header>
  );
}

function PlainHeader({ view }: { view: View }) {
  return (
    <header class="top">
      <a class="brand" href="/dashboard">
        WaHub
      </a>
      <div class="grow" />
      <LangForm view={view} />
    </header>
  );
}

function LangForm({ view }: { view: View }) {
  const t = T(view.lang);
  const other = view.lang === 'en' ? 'id' : 'en';
  return (
    <form method="post" action="/dashboard/language">
      <input type="hidden" name="_csrf" value={view.csrf} />
      <input type="hidden" name="next" value={view.path} />
      <button type="submit" class="link" name="lang" value={other} lang={other}>
        {t.other}
      </button>
    </form>
  );
}
