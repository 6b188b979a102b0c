/** The history: searched, filtered, and refreshed while one looks at its newest part. */
import { z } from 'zod';
import { MESSAGE_STATUSES } from '../../../db/schema.ts';
import type { Ctx } from '../../../services/context.ts';
import type { MessageOutput } from '../../../services/messages/schemas.ts';
import {
  type FoundMessages,
  type RecentChat,
  recentChats,
  searchMessages,
} from '../../../services/messages.ts';
import { listSessions } from '../../../services/sessions/index.ts';
import { type Page, page, type View } from '../page.ts';
import { Badge, Empty, Field, Live, MomentField, Select, Table, Tabs, Time } from '../parts.tsx';
import { chatPath, messagePath, StatusBadge } from './bubble.tsx';
import { MESSAGE_TEXTS } from './texts.ts';
import { KIND_NAMES, kindName, statusName, summarize } from './words.ts';

const HERE = '/dashboard/messages';
const PAGE_SIZE = 50;
const MAX_CHATS = 50;
/** Sessions that a filter offers. */
const MAX_SESSIONS = 200;
const EVENTS =
  'message.queued message.sent message.delivered message.read message.failed message.expired message.canceled message.received';

const Moment = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .optional()
  .catch(undefined);
/** A value that the form does not offer counts as not chosen: an address that was typed by hand shows a page all the same. */
const Filters = z.object({
  session: z.string().max(100).optional().catch(undefined),
  direction: z.enum(['in', 'out']).optional().catch(undefined),
  status: z.enum(MESSAGE_STATUSES).optional().catch(undefined),
  type: z.string().max(20).optional().catch(undefined),
  number: z.string().trim().max(80).optional().catch(undefined),
  since: Moment,
  until: Moment,
  cursor: z.string().max(60).optional(),
});
type Filters = z.output<typeof Filters>;

export function MessageTabs({ view, current }: { view: View; current: string }) {
  const t = MESSAGE_TEXTS(view.lang);
  const tabs = [
    [HERE, t.all],
    [`${HERE}/chats`, t.chats],
  ] as const;
  return <Tabs label={t.parts} current={current} tabs={tabs} />;
}

export function Head({ view, current }: { view: View; current: string }) {
  const t = MESSAGE_TEXTS(view.lang);
  return (
    <>
      <div class="row between head">
        <h1>{t.title}</h1>
        {view.canWrite && (
          <a class="button primary" href={`${HERE}/new`}>
            {t.compose}
          </a>
        )}
      </div>
      <MessageTabs view={view} current={current} />
    </>
  );
}

/** Names of the caller's sessions, for choosing one. */
export async function sessionNames(ctx: Ctx): Promise<string[]> {
  const { data } = await listSessions(ctx, { page: 1, limit: MAX_SESSIONS });
  return data.map(({ sessionId }) => sessionId);
}

function FilterForm({ view, filters, sessions }: { view: View; filters: Filters; sessions: string[] }) {
  const t = MESSAGE_TEXTS(view.lang);
  const any = ['', t.any] as const;
  const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString());
  // One that was deleted has a history as well.
  const names = [...new Set([...sessions, ...(filters.session ? [filters.session] : [])])];
  return (
    <form class="filter" method="get" action={HERE}>
      <Field
        label={t.number}
        name="number"
        value={filters.number}
        placeholder={t.numberPlaceholder}
        autocomplete="off"
      />
      <Select
        label={t.session}
        name="session"
        value={filters.session ?? ''}
        options={[any, ...names.map((name) => [name, name] as const)]}
      />
      <Select
        label={t.direction}
        name="direction"
        value={filters.direction ?? ''}
        options={[any, ['out', t.out], ['in', t.in]]}
      />
      <Select
        label={t.status}
        name="status"
        value={filters.status ?? ''}
        options={[any, ...MESSAGE_STATUSES.map((name) => [name, statusName(view.lang, name)] as const)]}
      />
      <Select
        label={t.kind}
        name="type"
        value={filters.type ?? ''}
        options={[any, ...KIND_NAMES.map((name) => [name, kindName(view.lang, name)] as const)]}
      />
      <MomentField label={t.since} name="since" value={iso(filters.since)} />
      <MomentField label={t.until} name="until" value={iso(filters.until)} />
      <div class="row">
        <button type="submit">{t.filter}</button>
        {isFiltered(filters) && <a href={HERE}>{t.clear}</a>}
      </div>
    </form>
  );
}

function isFiltered({ cursor: _cursor, ...filters }: Filters): boolean {
  return Object.values(filters).some((value) => value !== undefined);
}

function queryOf(filters: Filters, cursor?: string): string {
  const { since, until, cursor: _cursor, ...rest } = filters;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) query.set(name, value);
  if (since !== undefined) query.set('since', new Date(since).toISOString());
  if (until !== undefined) query.set('until', new Date(until).toISOString());
  if (cursor !== undefined) query.set('cursor', cursor);
  return query.size === 0 ? '' : `?${query}`;
}

function Row({ view, message }: { view: View; message: MessageOutput }) {
  const t = MESSAGE_TEXTS(view.lang);
  const out = message.direction === 'out';
  const who = (out ? message.to : message.from) ?? message.chat;
  return (
    <tr>
      <td>
        <a href={messagePath(message)}>
          <Time at={message.createdAt} relative />
        </a>
      </td>
      <td>
        {out ? '→' : '←'} <span class="visually-hidden">{out ? t.toWhom('') : t.fromWhom('')}</span>
        {who}
        <div class="muted small">{message.sessionId}</div>
      </td>
      <td>
        <span class="clip">{summarize(view.lang, message)}</span>
        {message.type !== 'text' && <span class="muted small">{kindName(view.lang, message.type)}</span>}
      </td>
      <td>
        <StatusBadge view={view} status={message.status} />
      </td>
    </tr>
  );
}

function Results({ view, found, filters }: { view: View; found: FoundMessages; filters: Filters }) {
  const t = MESSAGE_TEXTS(view.lang);
  const { data, nextCursor, lookedUntil } = found;
  return (
    <Live
      id="messages"
      class="card"
      src={`${HERE}/list${queryOf(filters, filters.cursor)}`}
      events={EVENTS}
      // Older pages do not change but for states, which are not worth a flicker.
      done={filters.cursor !== undefined}
    >
      {data.length === 0 ? (
        <Nothing view={view} filters={filters} />
      ) : (
        <Table stack label={t.title} head={[t.time, `${t.from} / ${t.to}`, t.message, t.status]}>
          {data.map((message) => (
            <Row view={view} message={message} />
          ))}
        </Table>
      )}
      {lookedUntil !== null && (
        <p class="muted small">
          {t.lookedUntil} <Time at={lookedUntil} />.
        </p>
      )}
      <nav class="pages" aria-label={t.pages}>
        {filters.cursor !== undefined && (
          <a class="button small" href={`${HERE}${queryOf(filters)}`}>
            {t.newest}
          </a>
        )}
        {nextCursor !== null && (
          <a class="button small" href={`${HERE}${queryOf(filters, nextCursor)}`} rel="next">
            {lookedUntil === null ? t.older : t.lookFurther}
          </a>
        )}
      </nav>
    </Live>
  );
}

function Nothing({ view, filters }: { view: View; filters: Filters }) {
  const t = MESSAGE_TEXTS(view.lang);
  if (isFiltered(filters) || filters.cursor !== undefined) {
    return (
      <Empty title={t.noneTitle}>
        <p>{t.noneText}</p>
        <a class="button" href={HERE}>
          {t.clear}
        </a>
      </Empty>
    );
  }
  return (
    <Empty title={t.emptyTitle}>
      <p>{t.emptyText}</p>
      {view.canWrite && (
        <a class="button primary" href={`${HERE}/new`}>
          {t.compose}
        </a>
      )}
    </Empty>
  );
}

/** Ids of WhatsApp are hex and longer than any number. */
const LOOKS_LIKE_ID = /^(?=.*[A-F])[0-9A-F]{10,64}$/i;

export const messageListPages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'user',
    query: Filters,
    async handler({ ctx, view, query }) {
      const t = MESSAGE_TEXTS(view.lang);
      if (query.number !== undefined && LOOKS_LIKE_ID.test(query.number)) {
        return { redirect: `${HERE}/${encodeURIComponent(query.number)}` };
      }
      const [found, sessions] = await Promise.all([
        searchMessages(ctx, { ...query, limit: PAGE_SIZE }),
        sessionNames(ctx),
      ]);
      const body = (
        <>
          <Head view={view} current={HERE} />
          <FilterForm view={view} filters={query} sessions={sessions} />
          <Results view={view} found={found} filters={query} />
        </>
      );
      return { title: t.title, section: 'messages', body };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/list`,
    auth: 'user',
    query: Filters,
    async handler({ ctx, view, query }) {
      const found = await searchMessages(ctx, { ...query, limit: PAGE_SIZE });
      return { fragment: <Results view={view} found={found} filters={query} /> };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/chats`,
    auth: 'user',
    async handler({ ctx, view }) {
      const t = MESSAGE_TEXTS(view.lang);
      const body = (
        <>
          <Head view={view} current={`${HERE}/chats`} />
          <Chats view={view} chats={await recentChats(ctx, { limit: MAX_CHATS })} />
        </>
      );
      return { title: t.chats, section: 'messages', body };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/chats/list`,
    auth: 'user',
    async handler({ ctx, view }) {
      return { fragment: <Chats view={view} chats={await recentChats(ctx, { limit: MAX_CHATS })} /> };
    },
  }),
];

function Chats({ view, chats }: { view: View; chats: readonly RecentChat[] }) {
  const t = MESSAGE_TEXTS(view.lang);
  return (
    <Live id="chats" class="card" src={`${HERE}/chats/list`} events="message.received message.sent">
      {chats.length === 0 ? (
        <Empty title={t.noChats}>
          <p>{t.noChatsText}</p>
        </Empty>
      ) : (
        <Table stack label={t.chats} head={[t.from, t.session, t.lastMessage, t.time]}>
          {chats.map(({ sessionId, number, last, unread }) => (
            <tr>
              <th scope="row">
                <a href={chatPath(number, sessionId)}>{number}</a>{' '}
                {unread > 0 && <Badge tone="good">{t.unread(String(unread))}</Badge>}
              </th>
              <td>{sessionId}</td>
              <td>
                <span class="clip">{summarize(view.lang, last)}</span>
              </td>
              <td>
                <Time at={last.createdAt} relative />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Live>
  );
}
