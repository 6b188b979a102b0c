/** Search everywhere: a page, and the part of it that the dialog of every page shows while one types. */

import { z } from 'zod';
import { type Found, MIN_TEXT, searchEverything } from '../../services/search.ts';
import { isPostedJid } from '../../whatsapp/jid.ts';
import { Icon, type IconName } from './icon.tsx';
import { queryOf } from './kit.tsx';
import { chatPath, messagePath } from './messages/bubble.tsx';
import { type Page, page, type View } from './page.ts';
import { NEW_SESSION, SEARCH, SECURITY } from './paths.ts';
import { MAX_SEARCH, SEARCH_KINDS, SEARCH_PAGES, SEARCH_TEXTS, SearchForm } from './search-form.tsx';
import { sessionPath } from './sessions/parts.tsx';
import { shownNumber } from './shown-number.ts';

const MAX_PAGES = 6;

interface Result {
  icon: IconName;
  path: string;
  text: string;
  note: string;
}

type PageName = keyof ReturnType<typeof SEARCH_PAGES>;
type Known = readonly [PageName, path: string, IconName, isFor?: (view: View) => boolean];

const isAdmin = ({ user }: View) => user?.role === 'admin';
const seesAll = ({ user }: View) => user?.workspace.sessionId === null;

/** Pages that one may be looking for by their name. */
const PAGES: readonly Known[] = [
  ['overview', '/dashboard', 'overview'],
  ['sessions', '/dashboard/sessions', 'sessions'],
  ['newSession', NEW_SESSION, 'sessions', (view) => view.may('sessions:write') && seesAll(view)],
  ['pools', '/dashboard/pools', 'sessions'],
  ['messages', '/dashboard/messages', 'messages'],
  ['compose', '/dashboard/messages/new', 'messages', (view) => view.may('messages:write')],
  ['status', '/dashboard/messages/status', 'messages', (view) => view.may('messages:write')],
  ['channels', '/dashboard/messages/channels', 'messages'],
  ['album', '/dashboard/messages/album', 'messages', (view) => view.may('messages:write')],
  ['chats', '/dashboard/messages/chats', 'messages'],
  ['otp', '/dashboard/otp', 'otp'],
  ['otpLog', '/dashboard/otp/log', 'otp'],
  ['conversion', '/dashboard/otp/conversion', 'otp'],
  ['otpTemplates', '/dashboard/otp/templates', 'otp', (view) => view.may('otp')],
  ['broadcast', '/dashboard/broadcast', 'broadcast'],
  ['lists', '/dashboard/broadcast/lists', 'broadcast'],
  ['templates', '/dashboard/broadcast/templates', 'broadcast'],
  ['files', '/dashboard/broadcast/files', 'broadcast'],
  ['checks', '/dashboard/broadcast/checks', 'broadcast'],
  ['optOuts', '/dashboard/broadcast/opt-outs', 'broadcast'],
  ['keys', '/dashboard/developers', 'developers'],
  ['webhooks', '/dashboard/developers/webhooks', 'developers'],
  ['requests', '/dashboard/developers/requests', 'developers'],
  ['examples', '/dashboard/developers/examples', 'developers'],
  ['reference', '/docs', 'developers'],
  ['team', '/dashboard/team', 'team'],
  ['audit', '/dashboard/team/audit', 'team', (view) => view.may('members')],
  ['account', '/dashboard/account', 'account'],
  ['security', SECURITY, 'account'],
  ['usage', '/dashboard/usage', 'overview', seesAll],
  ['alerts', '/dashboard/alerts', 'account', (view) => view.may('settings') && seesAll(view)],
  ['users', '/dashboard/admin', 'admin', isAdmin],
  ['workspaces', '/dashboard/admin/workspaces', 'admin', isAdmin],
  ['plans', '/dashboard/admin/plans', 'admin', isAdmin],
  ['domains', '/dashboard/admin/domains', 'admin', isAdmin],
  ['system', '/dashboard/admin/system', 'admin', isAdmin],
  ['phone', '/dashboard/phone', 'phone', ({ sandbox }) => sandbox],
];

function findPages(view: View, q: string): Result[] {
  const names = SEARCH_PAGES(view.lang);
  const wanted = q.toLowerCase();
  return PAGES.filter(
    ([name, , , isFor]) => isFor?.(view) !== false && names[name].toLowerCase().includes(wanted),
  )
    .slice(0, MAX_PAGES)
    .map(([name, path, icon]) => ({ icon, path, text: names[name], note: SEARCH_KINDS(view.lang).page }));
}

/** How one thing that was found is shown, and where it leads. */
function toResult(view: View, found: Found): Result {
  const note = SEARCH_KINDS(view.lang)[found.kind];
  switch (found.kind) {
    case 'session': {
      const { sessionId, label, phone } = found;
      const text = [label ?? sessionId, ...(phone ? [shownNumber(phone)] : [])].join(' · ');
      return { icon: 'sessions', path: sessionPath(sessionId), text, note };
    }
    case 'chat': {
      const { number, name, sessionId } = found;
      const text = [...(name === null ? [] : [name]), number, sessionId].join(' · ');
      // What is posted is no conversation.
      const path = isPostedJid(number) ? numberPath(number, sessionId) : chatPath(number, sessionId);
      return { icon: 'messages', path, text, note };
    }
    case 'number': {
      const path = `/dashboard/messages/new?${new URLSearchParams({ to: found.number })}`;
      return {
        icon: 'out',
        path: view.may('messages:write') ? path : numberPath(found.number),
        text: found.number,
        note,
      };
    }
    case 'message':
      return {
        icon: 'messages',
        path: messagePath(found),
        text: `${found.messageId} · ${found.number}`,
        note,
      };
    case 'request': {
      const text = `${found.method} ${found.path} · ${found.status}`;
      return { icon: 'developers', path: `/dashboard/developers/requests/${found.id}`, text, note };
    }
    case 'member': {
      const path = `/dashboard/team/members/${found.userId}`;
      return { icon: 'team', path, text: `${found.name} · ${found.email}`, note };
    }
    case 'campaign':
      return {
        icon: 'broadcast',
        path: `/dashboard/broadcast/campaigns/${found.id}`,
        text: found.name,
        note,
      };
  }
}

const numberPath = (number: string, session?: string) => `/dashboard/messages${queryOf({ number, session })}`;

function Results({ view, q, results }: { view: View; q: string; results: readonly Result[] }) {
  const t = SEARCH_TEXTS(view.lang);
  if (q.length < MIN_TEXT) return <p class="muted small">{t.hint}</p>;
  if (results.length === 0) {
    return (
      <p class="muted">
        <b>{t.none}</b> {t.noneText}
      </p>
    );
  }
  return (
    <ul data-found={q}>
      {results.map(({ icon, path, text, note }) => (
        <li>
          <a href={path}>
            <Icon name={icon} />
            <span>{text}</span>
            <span class="muted small">{note}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

export const searchPages: Page[] = [
  page({
    method: 'get',
    path: SEARCH,
    auth: 'user',
    query: z.object({ q: z.string().trim().max(MAX_SEARCH).default('').catch('') }),
    example: { query: { q: 'main' } },
    async handler({ ctx, view, query: { q }, http }) {
      const found = await searchEverything(ctx, { q });
      const pages = q.length < MIN_TEXT ? [] : findPages(view, q);
      const results = [...found.map((one) => toResult(view, one)), ...pages];
      const part = <Results view={view} q={q} results={results} />;
      if (http.req.header('hx-request') !== undefined) return { fragment: part };
      const t = SEARCH_TEXTS(view.lang);
      const body = (
        <>
          <h1>{t.title}</h1>
          <div class="card">
            <SearchForm view={view} value={q} />
            <div id="find-results" class="results" aria-live="polite">
              {part}
            </div>
          </div>
        </>
      );
      return { title: t.title, section: null, body };
    },
  }),
];
