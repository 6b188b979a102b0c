/** `…/broadcast/lists`. */
import { z } from 'zod';
import {
  type BroadcastList,
  createList,
  deleteList,
  getList,
  listLists,
  updateList,
} from '../../services/lists/lists.ts';
import { type Route, route } from '../route.ts';
import { Pagination, pageQuery, paginationOf, searchQuery } from '../schemas.ts';
import {
  broadcastPath,
  EXAMPLE_ID,
  List,
  ListDescription,
  ListName,
  ListParams,
  ownerQuery,
  SessionParams,
  TAG,
} from './parts.ts';

const name = ListName;
const description = ListDescription.nullable();
const One = z.object({ message: z.string(), data: List });
const example = { params: { sessionId: 'main', listId: EXAMPLE_ID } };

const created = (data: BroadcastList) => ({ message: 'Broadcast list created', data });

const list = route({
  method: 'get',
  ...broadcastPath('/lists'),
  tag: TAG,
  summary: 'Broadcast lists, newest first',
  description: 'Lists belong to the user: every session reaches the same ones.',
  auth: 'credential',
  params: SessionParams,
  query: z.object({ ...pageQuery, ...ownerQuery, ...searchQuery }),
  response: z.object({ data: z.array(List), pagination: Pagination }),
  errors: ['SESSION_NOT_FOUND'],
  example: { params: { sessionId: 'main' } },
  handler: async ({ ctx, params, query }) => {
    const { data, totalItems } = await listLists(ctx, { ...params, ...query });
    return { data, pagination: paginationOf(query, totalItems) };
  },
});

const create = route({
  method: 'post',
  ...broadcastPath('/lists'),
  tag: TAG,
  summary: 'Make a broadcast list',
  description: 'An empty list with a name; contacts are added or imported next.',
  auth: 'credential',
  scope: 'broadcast',
  status: 201,
  idempotent: true,
  params: SessionParams,
  body: z.object({ name, description: description.optional() }),
  response: One,
  errors: ['SESSION_NOT_FOUND', 'QUOTA_EXCEEDED'],
  example: {
    params: { sessionId: 'main' },
    body: { name: 'Customer List', description: 'Daftar pelanggan aktif' },
  },
  handler: async ({ ctx, params, body }) =>
    created(
      await createList(ctx, { ...params, ...body }, (data) => ({
        status: 201,
        body: { success: true, ...created(data) },
      })),
    ),
});

const get = route({
  method: 'get',
  ...broadcastPath('/lists/:listId'),
  tag: TAG,
  summary: 'One broadcast list',
  description: 'Its name, how many contacts it has, and the custom fields that they use.',
  auth: 'credential',
  params: ListParams,
  query: z.object(ownerQuery),
  response: z.object({ data: List }),
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example,
  handler: async ({ ctx, params, query }) => ({ data: await getList(ctx, { ...params, ...query }) }),
});

const update = route({
  method: 'put',
  ...broadcastPath('/lists/:listId'),
  tag: TAG,
  summary: 'Change a broadcast list',
  description: 'Its name and its description. Fields that are left out stay.',
  auth: 'credential',
  scope: 'broadcast',
  params: ListParams,
  body: z.object({ name: name.optional(), description: description.optional() }),
  response: One,
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { ...example, body: { name: 'VIP' } },
  handler: async ({ ctx, params, body }) => ({
    message: 'Broadcast list saved',
    data: await updateList(ctx, { ...params, ...body }),
  }),
});

const remove = route({
  method: 'delete',
  ...broadcastPath('/lists/:listId'),
  tag: TAG,
  summary: 'Delete a broadcast list with its contacts',
  description:
    'Campaigns that have taken their recipients keep them. Those that are scheduled for the list, or paused before they took any, end as `failed` with the reason `list_deleted`.',
  auth: 'credential',
  scope: 'broadcast',
  params: ListParams,
  response: z.object({ message: z.string(), data: z.object({ id: z.string() }) }),
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example,
  handler: async ({ ctx, params }) => {
    await deleteList(ctx, params);
    return { message: 'Broadcast list deleted', data: { id: params.listId } };
  },
});

export const listRoutes: readonly Route[] = [list, create, get, update, remove];
