/** The log of API calls: the list with its filters, and a page of each call. */

import { z } from 'zod';
import { listApiKeys } from '../../../services/api-keys.ts';
import {
  changeRequestLogSettings,
  getRequest,
  listRequests,
  readRequestLogSettings,
} from '../../../services/requests/log.ts';
import {
  type ApiRequestDetail,
  type ApiRequestOutput,
  RequestsQuery,
} from '../../../services/requests/schemas.ts';
import { Crumb, countFilters, Filters as FilterSheet, queryOf } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { Badge, Empty, Facts, Field, Form, MomentField, NextLink, Select, Table, Time } from '../parts.tsx';
import { prettyJson } from './deliveries.tsx';
import { DeveloperTabs } from './tabs.tsx';
import { DEVELOPER_TEXTS } from './texts.ts';

const HERE = '/dashboard/developers/requests';
const Id = z.object({ id: z.string().min(1).max(40) });
const PER_PAGE = 50;
const { method, status, path, keyId, messageId, requestId, since, until, cursor } = RequestsQuery.shape;
/** A filter that is not right is none. */
const Query = z.object({
  method: method.catch(undefined),
  status: status.catch(undefined),
  path: path.catch(undefined),
  keyId: keyId.catch(undefined),
  messageId: messageId.catch(undefined),
  requestId: requestId.catch(undefined),
  since: since.catch(undefined),
  until: until.catch(undefined),
  cursor: cursor.catch(undefined),
});
type Query = z.output<typeof Query>;

export const requestPages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'user',
    query: Query,
    async handler({ ctx, view, query }) {
      const t = DEVELOPER_TEXTS(view.lang);
      const { data, nextCursor } = await listRequests(ctx, { ...query, limit: PER_PAGE });
      const { keepBodies } = await readRequestLogSettings(ctx);
      const keys = view.may('keys') && ctx.actor.sessionIds === null ? await listApiKeys(ctx) : [];
      const body = (
        <>
          <DeveloperTabs t={t} current={HERE} />
          <section class="card">
            <p class="muted">{t.requestsAbout}</p>
            <Filters view={view} query={query} keys={keys} />
            <Calls view={view} calls={data} isFiltered={countFilters(query) > 0} />
            {nextCursor !== null && (
              <p class="pages">
                <a class="button small" href={`${HERE}${queryOf({ ...query, cursor: nextCursor })}`}>
                  {t.older}
                </a>
              </p>
            )}
          </section>
          <Settings
            view={view}
            keepBodies={keepBodies}
            mayChange={view.may('settings') && ctx.actor.sessionIds === null}
          />
        </>
      );
      return { title: t.requests, section: 'developers', body };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/settings`,
    auth: 'user',
    form: z.object({ keepBodies: z.enum(['true', 'false']) }),
    example: { form: { keepBodies: 'false' } },
    async handler({ ctx, view, form }) {
      const t = DEVELOPER_TEXTS(view.lang);
      const { keepBodies } = await changeRequestLogSettings(ctx, { keepBodies: form.keepBodies === 'true' });
      return { redirect: HERE, done: keepBodies ? t.bodiesOn : t.bodiesOff };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/:id`,
    auth: 'user',
    params: Id,
    example: { params: { id: '0'.repeat(32) } },
    async handler({ ctx, view, params }) {
      const t = DEVELOPER_TEXTS(view.lang);
      const call = await getRequest(ctx, params);
      const body = (
        <>
          <Crumb to={HERE}>{t.requests}</Crumb>
          <h1>{`${call.method} ${call.path}`}</h1>
          <CallFacts view={view} call={call} />
          <section class="card">
            <h2>{t.request}</h2>
            <Body view={view} text={call.request} />
            <h2>{t.answer}</h2>
            <Body view={view} text={call.response} />
          </section>
        </>
      );
      return { title: t.call, section: 'developers', body };
    },
  }),
];

interface FiltersProps {
  view: View;
  query: Query;
  keys: readonly { id: string; name: string }[];
}

function Filters({ view, query, keys }: FiltersProps) {
  const t = DEVELOPER_TEXTS(view.lang);
  const any = ['', t.anyStatus] as const;
  const asOptions = (values: readonly string[]) => [any, ...values.map((value) => [value, value] as const)];
  return (
    <FilterSheet view={view} action={HERE} active={countFilters(query)}>
      <Select
        label={t.method}
        name="method"
        value={query.method}
        options={asOptions(['GET', 'POST', 'PUT', 'DELETE'])}
      />
      <Select
        label={t.status}
        name="status"
        value={query.status}
        options={asOptions(['2xx', '4xx', '5xx'])}
      />
      <Field label={t.path} name="path" value={query.path} maxlength={300} placeholder="/message" />
      {keys.length > 0 && (
        <Select
          label={t.key}
          name="keyId"
          value={query.keyId}
          options={[any, ...keys.map(({ id, name }) => [id, name] as const)]}
        />
      )}
      <Field label={t.requestId} name="requestId" value={query.requestId} maxlength={64} />
      <MomentField label={t.since} name="since" value={query.since} />
      <MomentField label={t.until} name="until" value={query.until} />
      <button type="submit">{t.filter}</button>
    </FilterSheet>
  );
}

interface CallsProps {
  view: View;
  calls: readonly ApiRequestOutput[];
  isFiltered: boolean;
}

function Calls({ view, calls, isFiltered }: CallsProps) {
  const t = DEVELOPER_TEXTS(view.lang);
  if (calls.length === 0 && isFiltered) return <p class="muted">{t.noneFound}</p>;
  if (calls.length === 0) {
    return (
      <Empty
        view={view}
        title={t.noRequests}
        next={<NextLink to="/dashboard/developers/examples">{t.examples}</NextLink>}
      >
        <p>{t.noRequestsAbout}</p>
      </Empty>
    );
  }
  return (
    <Table stack label={t.requests} head={[t.status, t.call, t.duration, t.caller, t.at]}>
      {calls.map((call) => (
        <tr>
          <td>
            <StatusBadge call={call} />
          </td>
          <td class="wrap">
            <a href={`${HERE}/${call.id}`}>{`${call.method} ${call.path}`}</a>
          </td>
          <td class="num">{`${call.durationMs.toLocaleString(view.lang)} ms`}</td>
          <td>{callerOf(view, call)}</td>
          <td>
            <Time at={call.at} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function StatusBadge({ call }: { call: ApiRequestOutput }) {
  return <Badge tone={call.status < 400 ? 'good' : call.status < 500 ? 'warn' : 'bad'}>{call.status}</Badge>;
}

function callerOf(view: View, call: ApiRequestOutput): string {
  const t = DEVELOPER_TEXTS(view.lang);
  if (call.keyId === null) return t.signedIn;
  return call.keyKind === 'personal' ? t.personalKey : (call.keyName ?? t.deletedKey);
}

function CallFacts({ view, call }: { view: View; call: ApiRequestDetail }) {
  const t = DEVELOPER_TEXTS(view.lang);
  const { messageId } = call;
  return (
    <section class="card">
      <Facts
        facts={[
          [
            t.status,
            <>
              <StatusBadge call={call} /> {call.errorCode !== null && <code>{call.errorCode}</code>}
            </>,
          ],
          [t.duration, `${call.durationMs.toLocaleString(view.lang)} ms`],
          [t.at, <Time at={call.at} />],
          [t.caller, callerOf(view, call)],
          [t.route, <code>{call.route}</code>],
          [t.session, call.sessionId ?? '–'],
          [
            t.message,
            messageId === null ? (
              '–'
            ) : (
              <a href={`/dashboard/messages/${encodeURIComponent(messageId)}`}>{messageId}</a>
            ),
          ],
          [t.requestId, <span class="mono">{call.requestId}</span>],
        ]}
      />
    </section>
  );
}

function Body({ view, text }: { view: View; text: string | null }) {
  if (text === null) return <p class="muted">{DEVELOPER_TEXTS(view.lang).notKept}</p>;
  return <pre class="wrap">{prettyJson(text)}</pre>;
}

interface SettingsProps {
  view: View;
  keepBodies: boolean;
  mayChange: boolean;
}

function Settings({ view, keepBodies, mayChange }: SettingsProps) {
  const t = DEVELOPER_TEXTS(view.lang);
  return (
    <section class="card">
      <h2>{t.keepBodies}</h2>
      <p>{keepBodies ? t.bodiesOn : t.bodiesOff}</p>
      <p class="muted">{t.keepBodiesAbout}</p>
      {mayChange && (
        <Form view={view} action={`${HERE}/settings`}>
          <input type="hidden" name="keepBodies" value={String(!keepBodies)} />
          <button type="submit">{keepBodies ? t.turnOff : t.turnOn}</button>
        </Form>
      )}
    </section>
  );
}
