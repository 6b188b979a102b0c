/** The history: searched, filtered, and refreshed while one looks at its newest part. */
import { z } from 'zod';
import { MESSAGE_STATUSES } from '../../../db/schema.ts';
import type { Ctx } from '../../../services/context.ts';
import { exportMessages } from '../../../services/messages/export.ts';
import { explainError } from '../../../services/messages/failure-words.ts';
import type { MessageOutput, WaitingFor } from '../../../services/messages/schemas.ts';
import { holdWords } from '../../../services/messages/waiting-words.ts';
import {
  type FoundWithReasons,
  type RecentChat,
  recentChats,
  searchWithReasons,
} from '../../../services/messages.ts';
import { listSessions } from '../../../services/sessions/index.ts';
import { answerCsv } from '../../csv-answer.ts';
import { Icon } from '../icon.tsx';
import { countFilters, Filters as FilterSheet, queryOf } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { Badge, Empty, Field, Live, MomentField, NextLink, Select, Table, Tabs, Time } from '../parts.tsx';
import { chatPath, messagePath, StatusBadge } from './bubble.tsx';
import { MESSAGE_TEXTS } from './texts.ts';
import { KIND_NAMES, kindName, statusName, summarize } from './words.ts';

const HERE = '/dashboard/messages';
const CHATS = `${HERE}/chats`;
const PAGE_SIZE = 50;
const MAX_CHATS = 50;
/** Sessions that a filter offers. */
const MAX_SESSIONS = 200;
const EVENTS =
  'message.queued message.sent message.delivered message.read message.failed message.expired message.canceled message.received message.undecryptable';

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
/** Which conversations: those of people who wrote, or all. */
const Shown = z.object({ who: z.literal('wrote').optional().catch(undefined) });
type Shown = z.output<typeof Shown>;

export function MessageTabs({ view, current }: { view: View; current: string }) {
  const t = MESSAGE_TEXTS(view.lang);
  const tabs = [
    [HERE, t.all],
    [CHATS, t.chats],
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
  // One that was deleted has a history as well.
  const active = countFilters(filters);
  const names = [...new Set([...sessions, ...(filters.session ? [filters.session] : [])])];
  return (
    <FilterSheet view={view} action={HERE} active={active}>
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
      <MomentField label={t.since} name="since" value={isoOf(filters.since)} />
      <MomentField label={t.until} name="until" value={isoOf(filters.until)} />
      <div class="row">
        <button type="submit">{t.filter}</button>
        {active > 0 && <a href={HERE}>{t.clear}</a>}
        <a class="button" href={`${HERE}/export${listQuery(filters)}`} download>
          <Icon name="download" /> {t.exportCsv}
        </a>
      </div>
    </FilterSheet>
  );
}

function listQuery(filters: Filters, cursor?: string): string {
  const { since, until, cursor: _cursor, ...rest } = filters;
  return queryOf({ ...rest, since: isoOf(since), until: isoOf(until), cursor });
}

const isoOf = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString());

/** Whom it is with: the name, where it is known, and the number. */
function Who({ view, message }: { view: View; message: MessageOutput }) {
  const t = MESSAGE_TEXTS(view.lang);
  const out = message.direction === 'out';
  const number = (out ? message.to : message.from) ?? message.chat;
  return (
    <span class="clip">
      <Icon name={out ? 'out' : 'in'} />{' '}
      <span class="visually-hidden">{out ? t.toWhom('') : t.fromWhom('')}</span>
      <a href={messagePath(message)}>{message.name ?? number}</a>
      {message.name !== null && <span class="muted"> {number}</span>}
    </span>
  );
}

const NOT_THROUGH: ReadonlySet<string> = new Set(['queued', 'sending', 'failed', 'expired', 'canceled']);

type Waits = WaitingFor[number] | null;

/** What it waits for, or why it failed; of one that somebody wanted later the time. */
function Reason({ view, message, waits }: { view: View; message: MessageOutput; waits: Waits }) {
  const { status, errorCode } = message;
  if (waits?.reason === 'scheduled') return <Time at={waits.until} />;
  // One that got through in the end needs no reason.
  const failure = NOT_THROUGH.has(status) ? explainError(view.lang, errorCode)?.why : undefined;
  const why = waits ? holdWords(view.lang, waits.reason).text : failure;
  if (why === undefined) return null;
  return (
    <span class="clip" title={why}>
      {why}
    </span>
  );
}

function Row({ view, message, waits }: { view: View; message: MessageOutput; waits: Waits }) {
  const { type, status, sessionId, createdAt } = message;
  const words = summarize(view.lang, message);
  const kind = kindName(view.lang, type);
  // Where nothing else is known of a content, its kind stands in its place.
  const showsKind = type !== 'text' && type !== 'otp' && words !== kind;
  return (
    <tr>
      <td>
        <Who view={view} message={message} />
      </td>
      <td class="grow">
        <span class="clip">
          {words}
          {showsKind && <span class="muted small"> {kind}</span>}
        </span>
      </td>
      <td>
        <StatusBadge view={view} status={status} />
      </td>
      <td class="why">
        <Reason view={view} message={message} waits={waits} />
      </td>
      <td>{sessionId}</td>
      <td>
        <Time at={createdAt} relative />
      </td>
    </tr>
  );
}

function Results({ view, found, filters }: { view: View; found: FoundWithReasons; filters: Filters }) {
  const t = MESSAGE_TEXTS(view.lang);
  const { data, reasons, nextCursor, lookedUntil } = found;
  return (
    <Live
      id="messages"
      class="card"
      src={`${HERE}/list${listQuery(filters, filters.cursor)}`}
      events={EVENTS}
      // Older pages do not change but for states, which are not worth a flicker.
      done={filters.cursor !== undefined}
    >
      {data.length === 0 ? (
        <Nothing view={view} filters={filters} />
      ) : (
        <Table
          rows
          label={t.title}
          head={[`${t.from} / ${t.to}`, t.message, t.status, t.why, t.session, t.time]}
        >
          {data.map((message, i) => (
            <Row view={view} message={message} waits={reasons[i] ?? null} />
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
          <a class="button small" href={`${HERE}${listQuery(filters)}`}>
            {t.newest}
          </a>
        )}
        {nextCursor !== null && (
          <a class="button small" href={`${HERE}${listQuery(filters, nextCursor)}`} rel="next">
            {lookedUntil === null ? t.older : t.lookFurther}
          </a>
        )}
      </nav>
    </Live>
  );
}

function Nothing({ view, filters }: { view: View; filters: Filters }) {
  const t = MESSAGE_TEXTS(view.lang);
  if (countFilters(filters) > 0 || filters.cursor !== undefined) {
    return (
      <Empty view={view} title={t.noneTitle} next={<NextLink to={HERE}>{t.clear}</NextLink>}>
        <p>{t.noneText}</p>
      </Empty>
    );
  }
  return (
    <Empty
      view={view}
      title={t.emptyTitle}
      next={view.canWrite && <NextLink to={`${HERE}/new`}>{t.compose}</NextLink>}
    >
      <p>{t.emptyText}</p>
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
        searchWithReasons(ctx, { ...query, limit: PAGE_SIZE }),
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
      const found = await searchWithReasons(ctx, { ...query, limit: PAGE_SIZE });
      return { fragment: <Results view={view} found={found} filters={query} /> };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/export`,
    auth: 'user',
    query: Filters,
    async handler({ ctx, query: { cursor: _cursor, ...filters }, http }) {
      return answerCsv(http, 'messages.csv', await exportMessages(ctx, filters));
    },
  }),
  page({
    method: 'get',
    path: CHATS,
    auth: 'user',
    query: Shown,
    async handler({ ctx, view, query }) {
      const t = MESSAGE_TEXTS(view.lang);
      const body = (
        <>
          <Head view={view} current={CHATS} />
          <Chats view={view} shown={query} chats={await readChats(ctx, query)} />
        </>
      );
      return { title: t.chats, section: 'messages', body };
    },
  }),
  page({
    method: 'get',
    path: `${CHATS}/list`,
    auth: 'user',
    query: Shown,
    async handler({ ctx, view, query }) {
      return { fragment: <Chats view={view} shown={query} chats={await readChats(ctx, query)} /> };
    },
  }),
];

const readChats = (ctx: Ctx, { who }: Shown) =>
  recentChats(ctx, { limit: MAX_CHATS, wrote: who === 'wrote' });

function Chats({ view, shown, chats }: { view: View; shown: Shown; chats: readonly RecentChat[] }) {
  const t = MESSAGE_TEXTS(view.lang);
  const wrote = `${CHATS}?who=wrote`;
  const isWrote = shown.who === 'wrote';
  return (
    <Live
      id="chats"
      class="card"
      src={`${CHATS}/list${isWrote ? '?who=wrote' : ''}`}
      events="message.received message.undecryptable message.sent chat.updated label.assigned label.updated"
    >
      <nav class="row" aria-label={t.whichChats}>
        <a class="button small" href={CHATS} aria-current={isWrote ? undefined : 'true'}>
          {t.allChats}
        </a>
        <a class="button small" href={wrote} aria-current={isWrote ? 'true' : undefined}>
          {t.wroteChats}
        </a>
      </nav>
      {chats.length === 0 ? (
        <Empty
          view={view}
          title={t.noChats}
          next={view.canWrite && <NextLink to={`${HERE}/new`}>{t.compose}</NextLink>}
        >
          <p>{t.noChatsText}</p>
        </Empty>
      ) : (
        <Table rows label={t.chats} head={[t.withWhom, t.lastMessage, t.session, t.time]}>
          {chats.map((chat) => (
            <ChatRow view={view} chat={chat} />
          ))}
        </Table>
      )}
    </Live>
  );
}

/** How the phone keeps it, and its labels. */
function Kept({ view, kept: { state, labels } }: { view: View; kept: RecentChat['kept'] }) {
  const t = MESSAGE_TEXTS(view.lang);
  const marks = [
    ...(state?.pinned ? [t.chatPinned] : []),
    ...(state?.archived ? [t.chatArchived] : []),
    ...(state?.muted ? [t.chatMuted] : []),
    ...(state?.markedUnread ? [t.chatMarkedUnread] : []),
    ...labels.map(({ name }) => name),
  ];
  return (
    <>
      {marks.map((mark) => (
        <>
          <Badge tone="plain">{mark}</Badge>{' '}
        </>
      ))}
    </>
  );
}

function ChatRow({ view, chat }: { view: View; chat: RecentChat }) {
  const { sessionId, number, name, last, unread } = chat;
  return (
    <tr>
      <th scope="row">
        <a href={chatPath(number, sessionId)}>{name ?? number}</a>
        {name !== null && <span class="muted small"> {number}</span>}{' '}
        {unread > 0 && <Badge tone="good">{MESSAGE_TEXTS(view.lang).unread(String(unread))}</Badge>}{' '}
        <Kept view={view} kept={chat.kept} />
      </th>
      <td class="grow">
        <span class="clip">
          <Icon name={last.direction} /> {summarize(view.lang, last)}
        </span>
      </td>
      <td>{sessionId}</td>
      <td>
        <Time at={last.createdAt} relative />
      </td>
    </tr>
  );
}
