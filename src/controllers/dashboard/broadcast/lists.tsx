/** Broadcast lists: all of them, and making, renaming and deleting one. */

import { z } from 'zod';
import { createList, deleteList, getList, listLists, updateList } from '../../../services/lists/lists.ts';
import { ListDescription, ListName } from '../../broadcast/parts.ts';
import { texts } from '../i18n.ts';
import { Crumb, Submit } from '../kit.tsx';
import * as english from '../locales/en/broadcast-lists.ts';
import * as indonesian from '../locales/id/broadcast-lists.ts';
import { type Page, page } from '../page.ts';
import { ActionButton, Field, Form, Table, TextArea, Time } from '../parts.tsx';
import {
  BROADCAST,
  BroadcastList,
  EXAMPLE_ID,
  id,
  num,
  PAGE_SIZE,
  page as pageNumber,
  search,
} from './parts.tsx';

const T = texts({ en: english.broadcastLists, id: indonesian.broadcastLists });

export const LISTS = `${BROADCAST}/lists`;
export const ListParams = z.object({ listId: id });
export const listExample = { listId: EXAMPLE_ID };
const ListForm = z.object({ name: ListName, description: ListDescription.optional() });

export const listPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/lists',
    auth: 'user',
    query: z.object({ search, page: pageNumber }),
    async handler({ ctx, view, query }) {
      const t = T(view.lang);
      const { data, totalItems } = await listLists(ctx, { ...query, limit: PAGE_SIZE });
      const body = (
        <BroadcastList
          view={view}
          tab="lists"
          texts={t}
          query={query}
          count={data.length}
          totalItems={totalItems}
        >
          <Table label={t.title} head={[t.name, t.contacts, t.created]}>
            {data.map((list) => (
              <tr>
                <td class="wrap">
                  <a href={`${LISTS}/${list.id}`}>{list.name}</a>
                  {list.description !== null && <div class="muted small">{list.description}</div>}
                </td>
                <td>{num(view, list.contactCount)}</td>
                <td>
                  <Time at={list.createdAt} relative />
                </td>
              </tr>
            ))}
          </Table>
        </BroadcastList>
      );
      return { title: t.title, section: 'broadcast', body };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/lists/new',
    auth: 'user',
    handler({ view }) {
      const t = T(view.lang);
      if (!view.canWrite) return { redirect: LISTS };
      const body = (
        <div class="card narrow">
          <h1>{t.createTitle}</h1>
          <Form view={view} action={LISTS} class="stack">
            <Field label={t.name} name="name" required maxlength={120} hint={t.nameHint} />
            <TextArea label={t.description} name="description" maxlength={500} rows={2} />
            <Submit>{t.create}</Submit>
          </Form>
        </div>
      );
      return { title: t.createTitle, section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/lists',
    auth: 'user',
    form: ListForm,
    example: { form: { name: 'Customers' } },
    async handler({ ctx, form, view }) {
      const list = await createList(ctx, form, (made) => ({ status: 201, body: { ...made } }));
      return { redirect: `${LISTS}/${list.id}`, done: T(view.lang).made(list.name) };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/lists/:listId/edit',
    auth: 'user',
    params: ListParams,
    example: { params: listExample },
    async handler({ ctx, view, params }) {
      const t = T(view.lang);
      const list = await getList(ctx, params);
      const own = `${LISTS}/${list.id}`;
      if (!view.canWrite) return { redirect: own };
      const body = (
        <>
          <Crumb to={own}>{t.back}</Crumb>
          <div class="card">
            <h1>{t.editTitle}</h1>
            <Form view={view} action={own} class="stack">
              <Field label={t.name} name="name" value={list.name} required maxlength={120} />
              <TextArea
                label={t.description}
                name="description"
                value={list.description ?? ''}
                maxlength={500}
                rows={2}
              />
              <div class="row">
                <Submit>{t.save}</Submit>
              </div>
            </Form>
          </div>
          <div class="card">
            <h2>{t.deleteTitle}</h2>
            <p>{t.deleteText}</p>
            <ActionButton
              view={view}
              action={`${own}/delete`}
              tone="danger"
              confirm={t.deleteSure(list.name, num(view, list.contactCount))}
              fields={{ name: list.name }}
            >
              {t.delete}
            </ActionButton>
          </div>
        </>
      );
      return { title: t.editTitle, section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/lists/:listId',
    auth: 'user',
    params: ListParams,
    form: ListForm,
    example: { params: listExample, form: { name: 'Customers' } },
    async handler({ ctx, view, params, form }) {
      await updateList(ctx, { ...params, name: form.name, description: form.description ?? null });
      return { redirect: `${LISTS}/${params.listId}`, done: T(view.lang).saved };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/lists/:listId/delete',
    auth: 'user',
    params: ListParams,
    form: z.object({ name: ListName.optional() }),
    example: { params: listExample },
    async handler({ ctx, view, params, form }) {
      await deleteList(ctx, params);
      return { redirect: LISTS, done: T(view.lang).deleted(form.name ?? '') };
    },
  }),
];
