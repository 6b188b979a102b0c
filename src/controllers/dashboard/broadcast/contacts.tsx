/** The contacts of a list: looking through them, and adding, changing and removing one. */

import { z } from 'zod';
import {
  addContact,
  type Contact,
  deleteContact,
  getContact,
  listContacts,
  updateContact,
} from '../../../services/contacts/contacts.ts';
import { listImports } from '../../../services/contacts/import/verbs.ts';
import { exportContacts } from '../../../services/lists/export.ts';
import { type BroadcastList, getList } from '../../../services/lists/lists.ts';
import { own as ownValue } from '../../../utils/own.ts';
import { number } from '../../broadcast/parts.ts';
import { answerCsv } from '../../csv-answer.ts';
import { sessionOptions } from '../developers/keys.tsx';
import { texts } from '../i18n.ts';
import { Crumb, Submit } from '../kit.tsx';
import * as english from '../locales/en/broadcast-contacts.ts';
import * as indonesian from '../locales/id/broadcast-contacts.ts';
import { NumberHint } from '../number-hint.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Badge, Empty, Field, Form, NextLink, Table, Time } from '../parts.tsx';
import { shownNumber } from '../shown-number.ts';
import { FromChats } from './from-chats.tsx';
import { RecentImports } from './imports.tsx';
import { LISTS, ListParams, listExample } from './lists.tsx';
import {
  BROADCAST,
  BroadcastHead,
  More,
  NothingFound,
  num,
  PAGE_SIZE,
  SearchForm,
  search,
} from './parts.tsx';

/** Custom fields that a table has room for; all of them are on the contact's own page. */
const MAX_COLUMNS = 4;

const T = texts({ en: english.broadcastContacts, id: indonesian.broadcastContacts });

const ContactParams = ListParams.extend({ number });
const contactExample = { ...listExample, number: '6281234567890' };
/** Of the fields in a form: `field:city`. */
const FIELD = 'field:';
const ContactForm = z.looseObject({
  number,
  name: z.string().max(190).optional(),
  newField: z.string().max(60).optional(),
  newValue: z.string().max(1000).optional(),
});

const pathOf = (listId: string, phone?: string) =>
  phone === undefined ? `${LISTS}/${listId}` : `${LISTS}/${listId}/contacts/${phone}`;

export const contactPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/lists/:listId',
    auth: 'user',
    params: ListParams,
    query: z.object({ search, cursor: z.string().max(20).optional().catch(undefined) }),
    example: { params: listExample },
    async handler({ ctx, view, params, query }) {
      const t = T(view.lang);
      const list = await getList(ctx, params);
      const found = await listContacts(ctx, {
        ...params,
        ...query,
        counted: false,
        page: 1,
        limit: PAGE_SIZE,
      });
      const imports = await listImports(ctx, { ...params, kind: 'contacts', limit: 3 });
      const body = (
        <>
          <BroadcastHead
            view={view}
            tab="lists"
            action={
              list.contactCount > 0 && (
                <a class="button primary" href={`${BROADCAST}/new?listId=${list.id}`}>
                  {t.send}
                </a>
              )
            }
          />
          <ListHead view={view} list={list} />
          <RecentImports view={view} imports={imports} />
          {view.canWrite && <AddContact view={view} list={list} />}
          {view.canWrite && <FromChats view={view} listId={list.id} sessions={await sessionOptions(ctx)} />}
          {list.contactCount === 0 && query.search === undefined ? (
            <NoContacts view={view} listId={list.id} />
          ) : (
            <>
              <SearchForm view={view} action={pathOf(list.id)} label={t.search} value={query.search} />
              {found.data.length === 0 ? (
                <NothingFound view={view} />
              ) : (
                <div class="card">
                  <Contacts view={view} list={list} contacts={found.data} />
                  <More view={view} isFirst={query.cursor === undefined} next={found.nextCursor} />
                </div>
              )}
            </>
          )}
        </>
      );
      return { title: list.name, section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/lists/:listId/contacts',
    auth: 'user',
    params: ListParams,
    form: ContactForm,
    example: { params: listExample, form: { number: '081234567890' } },
    async handler({ ctx, view, params, form }) {
      const t = T(view.lang);
      const { contact, added } = await addContact(ctx, {
        ...params,
        contact: { number: form.number, name: form.name, fields: givenFields(form) },
      });
      return {
        redirect: pathOf(params.listId),
        done: added ? t.added(contact.number) : t.updated(contact.number),
      };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/lists/:listId/contacts/:number',
    auth: 'user',
    params: ContactParams,
    example: { params: contactExample },
    async handler({ ctx, view, params }) {
      const t = T(view.lang);
      const list = await getList(ctx, params);
      const contact = await getContact(ctx, params);
      const body = (
        <>
          <Crumb to={pathOf(list.id)}>{t.back}</Crumb>
          <div class="card">
            <h1>{contact.name ?? shownNumber(contact.number)}</h1>
            {contact.optedOut && <p class="alert alert-warn">{t.optedOutText}</p>}
            <p class="muted small">
              {t.addedAt} <Time at={contact.createdAt} />
            </p>
            {view.canWrite ? (
              <ChangeContact view={view} list={list} contact={contact} />
            ) : (
              <ContactFacts view={view} contact={contact} />
            )}
          </div>
        </>
      );
      return { title: contact.name ?? shownNumber(contact.number), section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/lists/:listId/contacts/:number',
    auth: 'user',
    params: ContactParams,
    form: ContactForm,
    example: { params: contactExample, form: { number: '081234567890' } },
    async handler({ ctx, view, params, form }) {
      const contact = await getContact(ctx, params);
      const gone = Object.keys(contact.fields).filter((name) => form[`${FIELD}${name}`] === undefined);
      const fields = { ...Object.fromEntries(gone.map((name) => [name, null])), ...givenFields(form) };
      await updateContact(ctx, {
        ...params,
        changes: { number: form.number, name: form.name ?? null, fields },
      });
      return { redirect: pathOf(params.listId), done: T(view.lang).saved };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/lists/:listId/contacts/:number/delete',
    auth: 'user',
    params: ContactParams,
    example: { params: contactExample },
    async handler({ ctx, view, params }) {
      const { number, name, fields } = await getContact(ctx, params);
      await deleteContact(ctx, params);
      const own = Object.entries(fields).map(([field, value]) => [`${FIELD}${field}`, value]);
      const undo = {
        action: `${pathOf(params.listId)}/contacts`,
        fields: {
          number: shownNumber(number),
          ...(name === null ? {} : { name }),
          ...Object.fromEntries(own),
        },
      };
      return { redirect: pathOf(params.listId), done: T(view.lang).removed(number), undo };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/lists/:listId/export',
    auth: 'user',
    params: ListParams,
    example: { params: listExample },
    async handler({ ctx, params, http }) {
      const { fileName, lines } = await exportContacts(ctx, params);
      return answerCsv(http, fileName, lines);
    },
  }),
];

/** The form's values by field, the new field among them. */
function givenFields(form: z.output<typeof ContactForm>): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(form)) {
    if (name.startsWith(FIELD) && typeof value === 'string') fields[name.slice(FIELD.length)] = value;
  }
  if (form.newField !== undefined && form.newValue !== undefined) fields[form.newField] = form.newValue;
  return fields;
}

function ListHead({ view, list }: { view: View; list: BroadcastList }) {
  const t = T(view.lang);
  return (
    <div class="card">
      <Crumb to={LISTS}>{t.all}</Crumb>
      <h2 class="wrap">{list.name}</h2>
      {list.description !== null && <p class="wrap">{list.description}</p>}
      <p>{t.contacts(num(view, list.contactCount))}</p>
      <div class="row">
        {view.canWrite && (
          <a class="button" href={`${pathOf(list.id)}/import`}>
            {t.import}
          </a>
        )}
        <a class="button" href={`${pathOf(list.id)}/export`} download>
          {t.export}
        </a>
        {view.canWrite && (
          <a class="button" href={`${pathOf(list.id)}/edit`}>
            {t.edit}
          </a>
        )}
      </div>
    </div>
  );
}

function Contacts({ view, list, contacts }: { view: View; list: BroadcastList; contacts: Contact[] }) {
  const t = T(view.lang);
  const columns = list.columns.slice(0, MAX_COLUMNS);
  const more = list.columns.length - columns.length;
  return (
    <>
      <Table label={list.name} head={[t.name, t.number, ...columns]}>
        {contacts.map((contact) => (
          <tr>
            <td class="wrap">
              <a href={pathOf(list.id, contact.number)}>{contact.name ?? '–'}</a>{' '}
              {contact.optedOut && <Badge tone="warn">{t.optedOut}</Badge>}
            </td>
            <td class="mono">{shownNumber(contact.number)}</td>
            {columns.map((column) => (
              <td>
                <span class="clip">{ownValue(contact.fields, column) ?? ''}</span>
              </td>
            ))}
          </tr>
        ))}
      </Table>
      {more > 0 && <p class="muted small">{t.more(more)}</p>}
    </>
  );
}

function AddContact({ view, list }: { view: View; list: BroadcastList }) {
  const t = T(view.lang);
  return (
    <details class="card" open={list.contactCount === 0}>
      <summary>{t.addTitle}</summary>
      <Form view={view} action={`${pathOf(list.id)}/contacts`} class="stack">
        <div class="columns">
          <Field
            label={t.number}
            name="number"
            inputmode="tel"
            required
            maxlength={64}
            hint={<NumberHint>{t.numberHint}</NumberHint>}
          />
          <Field label={t.name} name="name" maxlength={190} autocomplete="off" />
          {list.columns.slice(0, MAX_COLUMNS).map((column) => (
            <Field label={column} name={`${FIELD}${column}`} maxlength={1000} autocomplete="off" />
          ))}
        </div>
        <div class="row">
          <Submit>{t.add}</Submit>
        </div>
      </Form>
    </details>
  );
}

function ChangeContact({ view, list, contact }: { view: View; list: BroadcastList; contact: Contact }) {
  const t = T(view.lang);
  const own = pathOf(list.id, contact.number);
  const names = [...new Set([...list.columns, ...Object.keys(contact.fields)])];
  return (
    <>
      <Form view={view} action={own} class="stack">
        <Field
          label={t.number}
          name="number"
          value={shownNumber(contact.number)}
          inputmode="tel"
          required
          maxlength={64}
          hint={<NumberHint>{t.numberHint}</NumberHint>}
        />
        <Field label={t.name} name="name" value={contact.name ?? ''} maxlength={190} autocomplete="off" />
        <fieldset class="stack">
          <legend>{t.fields}</legend>
          <p class="muted small">{t.fieldsHint}</p>
          {names.map((name) => (
            <Field
              label={name}
              name={`${FIELD}${name}`}
              value={ownValue(contact.fields, name) ?? ''}
              maxlength={1000}
              autocomplete="off"
            />
          ))}
          <div class="columns">
            <Field label={t.newField} name="newField" maxlength={60} autocomplete="off" />
            <Field label={t.newValue} name="newValue" maxlength={1000} autocomplete="off" />
          </div>
        </fieldset>
        <div class="row">
          <Submit>{t.save}</Submit>
        </div>
      </Form>
      <hr />
      <ActionButton view={view} action={`${own}/delete`} tone="danger" confirm={t.removeSure(contact.number)}>
        {t.remove}
      </ActionButton>
    </>
  );
}

function ContactFacts({ view, contact }: { view: View; contact: Contact }) {
  const t = T(view.lang);
  return (
    <dl class="facts">
      <dt>{t.number}</dt>
      <dd>{shownNumber(contact.number)}</dd>
      {Object.entries(contact.fields).map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}

function NoContacts({ view, listId }: { view: View; listId: string }) {
  const t = T(view.lang);
  return (
    <Empty
      view={view}
      title={t.noneTitle}
      next={view.canWrite && <NextLink to={`${pathOf(listId)}/import`}>{t.import}</NextLink>}
    >
      <p>{t.noneText}</p>
    </Empty>
  );
}
