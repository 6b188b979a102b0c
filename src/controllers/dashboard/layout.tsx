/** The frame of every page. */

import type { Child, PropsWithChildren } from 'hono/jsx';
import type { Alarm } from '../../services/alarms/reader.ts';
import { AlarmIcon, AlarmStrip, titleWith } from './alarm-strip.tsx';
import { assetPath } from './assets.ts';
import { texts } from './i18n.ts';
import { Icon, Mark } from './icon.tsx';
import * as english from './locales/en/layout.ts';
import * as indonesian from './locales/id/layout.ts';
import type { Section, View } from './page.ts';
import { SEARCH } from './paths.ts';
import { SEARCH_TEXTS, SearchForm } from './search-form.tsx';

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
  /** what needs a person */
  alarms: readonly Alarm[];
  title: string;
  section: Section | null;
  /** what the form before has done */
  done: string | null;
  /** takes it back */
  undo?: Child;
  /** where the page goes by itself */
  onward?: string;
}>;

export function Layout({ view, alarms, title, section, done, undo, onward, children }: LayoutProps) {
  const t = T(view.lang);
  return (
    <html lang={view.lang}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="htmx-config" content={HTMX_CONFIG} />
        {onward !== undefined && <meta http-equiv="refresh" content={`0;url=${onward}`} />}
        <title>{titleWith(alarms, `${title} · WaHub`)}</title>
        <AlarmIcon alarms={alarms} />
        <link rel="stylesheet" href={assetPath('dashboard.css')} />
        <script src={assetPath('htmx.js')} defer></script>
        <script src={assetPath('dashboard.js')} defer></script>
      </head>
      <body
        class={view.user ? 'app' : undefined}
        data-zone={view.zone}
        hx-headers={view.csrf ? JSON.stringify({ 'x-csrf-token': view.csrf }) : undefined}
      >
        <a class="skip" href="#content">
          {t.skip}
        </a>
        {view.user ? <Header view={view} section={section} /> : <PlainHeader view={view} />}
        <main id="content" tabindex={-1}>
          {view.user && <AlarmStrip view={view} alarms={alarms} />}
          <div id="alert" class="alert alert-bad" role="alert"></div>
          {children}
        </main>
        <div id="done" class="toasts" role="status" data-close={t.close}>
          {done !== null && (
            <div class="toast">
              {done} {undo}
            </div>
          )}
        </div>
        {view.user && !isSearch(view) && <SearchDialog view={view} />}
      </body>
    </html>
  );
}

type Entry = readonly [Section, path: string];

const ENTRIES: readonly Entry[] = [
  ['overview', '/dashboard'],
  ['sessions', '/dashboard/sessions'],
  ['messages', '/dashboard/messages'],
  ['otp', '/dashboard/otp'],
  ['broadcast', '/dashboard/broadcast'],
  ['developers', '/dashboard/developers'],
  ['team', '/dashboard/team'],
];
/** Entries that a phone has room for beside the one that shows the others. */
const TABS = 4;

function entriesOf({ user, sandbox }: View): readonly Entry[] {
  return [
    ...ENTRIES,
    ...(user?.role === 'admin' ? ([['admin', '/dashboard/admin']] as const) : []),
    ...(sandbox ? ([['phone', '/dashboard/phone']] as const) : []),
  ];
}

/** At the side on a desk; on a phone a bar above, and tabs below. */
function Header({ view, section }: { view: View; section: Section | null }) {
  const t = T(view.lang);
  return (
    <header class="top">
      <Brand />
      <a class="find" href={SEARCH} data-find aria-keyshortcuts="Control+K">
        <Icon name="search" />
        <span>{t.search}</span>
        <kbd>Ctrl K</kbd>
      </a>
      <Menu view={view} section={section} />
      <Account view={view} />
    </header>
  );
}

function Menu({ view, section }: { view: View; section: Section | null }) {
  const t = T(view.lang);
  const entries = entriesOf(view);
  const behind = entries.slice(TABS);
  const isBehind = behind.some(([name]) => name === section);
  const link = ([name, path]: Entry) => (
    <a href={path} aria-current={name === section ? 'page' : undefined}>
      <Icon name={name} />
      <span>{t[name]}</span>
    </a>
  );
  return (
    <nav class="main" aria-label={t.menu}>
      <ul>
        {entries.map((entry, i) => (
          <li class={i < TABS ? undefined : 'at-side'}>{link(entry)}</li>
        ))}
        <li class="behind">
          <details class="popup more">
            <summary data-current={isBehind ? '' : undefined}>
              <Icon name="more" />
              <span>{t.more}</span>
            </summary>
            <ul class="menu">
              {behind.map((entry) => (
                <li>{link(entry)}</li>
              ))}
            </ul>
          </details>
        </li>
      </ul>
    </nav>
  );
}

function Account({ view }: { view: View }) {
  const t = T(view.lang);
  return (
    <details class="popup account">
      <summary>
        <Icon name="account" />
        <span class="account-names">
          <span class="account-name">{view.user?.name}</span>
          <span class="account-name muted small">{view.user?.workspace.name}</span>
        </span>
        {view.user?.role === 'readonly' && <span class="badge">{t.readonly}</span>}
      </summary>
      <div class="menu">
        <a href="/dashboard/account">{t.account}</a>
        {view.user?.workspace.sessionId === null && <a href="/dashboard/usage">{t.usage}</a>}
        {view.may('settings') && view.user?.workspace.sessionId === null && (
          <a href="/dashboard/alerts">{t.alerts}</a>
        )}
        <LangForm view={view} />
        <form method="post" action="/dashboard/sign-out">
          <input type="hidden" name="_csrf" value={view.csrf} />
          <button type="submit" class="link">
            {t.signOut}
          </button>
        </form>
      </div>
    </details>
  );
}

const Brand = () => (
  <a class="brand" href="/dashboard">
    <Mark />
    <span>WaHub</span>
  </a>
);

/** The page itself has the same field. */
const isSearch = ({ path }: View) => path.startsWith(SEARCH);

/** Opened by its shortcuts and by the entry of the menu; without scripts that entry leads to the page of the same. */
function SearchDialog({ view }: { view: View }) {
  const t = T(view.lang);
  return (
    <dialog id="find" class="finder" aria-label={t.search}>
      <div class="row nowrap">
        <SearchForm view={view} />
        <button type="button" class="plain" data-find-close aria-label={t.close}>
          <Icon name="close" />
        </button>
      </div>
      <div id="find-results" class="results" aria-live="polite">
        <p class="muted small">{SEARCH_TEXTS(view.lang).hint}</p>
      </div>
    </dialog>
  );
}

function PlainHeader({ view }: { view: View }) {
  return (
    <header class="top plain">
      <Brand />
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
