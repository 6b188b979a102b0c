/** `…/broadcast/lists/:listId/contacts`: one by one and in pages. Files are in imports.ts. */
import { z } from 'zod';
import {
  type AddedContact,
  type AddedContacts,
  addContact,
  addContacts,
  deleteContact,
  getContact,
  listContacts,
  updateContact,
} from '../../services/contacts/contacts.ts';
import { addFromChats, type FromChats } from '../../services/contacts/from-chats.ts';
import { type Route, route } from '../route.ts';
import { cursorQuery, Pagination, pageQuery, paginationOf, searchQuery } from '../schemas.ts';
import {
  broadcastPath,
  Contact,
  EXAMPLE_ID,
  EXAMPLE_NUMBER,
  FROM_CHATS_LIMIT,
  ListParams,
  MAX_DAYS,
  number,
  ownerQuery,
  TAG,
} from './parts.ts';

const params = { sessionId: 'main', listId: EXAMPLE_ID };
const ContactParams = ListParams.extend({ number });
const ERRORS = ['SESSION_NOT_FOUND', 'NOT_FOUND', 'INVALID_NUMBER'] as const;

/** Every other key is a custom field; the verb reads and checks them. */
const Fields = {
  name: z.string().nullable().optional(),
  fields: z.record(z.string(), z.unknown()).optional().meta({ description: 'Custom fields, by name.' }),
};
const NewContacts = z
  .looseObject({
    number: z.union([z.string(), z.number()]).optional().meta({ description: 'In any usual spelling.' }),
    ...Fields,
    contacts: z
      .array(z.looseObject({}))
      .min(1)
      .max(1000)
      .optional()
      .meta({ description: 'Several at once, instead of `number` and the rest.' }),
  })
  .refine((body) => body.contacts !== undefined || hasNumber(body), {
    path: ['number'],
    message: 'is required when there are no contacts',
  });

/** The older systems' Indonesian names of the number are read by the verb. */
function hasNumber(body: Record<string, unknown>): boolean {
  return Object.keys(body).some((key) => key !== 'name' && key !== 'fields' && body[key] !== undefined);
}

const list = route({
  method: 'get',
  ...broadcastPath('/lists/:listId/contacts'),
  tag: TAG,
  summary: 'Contacts of a list, in the order of their numbers',
  description:
    '`search` finds parts of names and numbers, and numbers in any usual spelling. `cursor` (the `nextCursor` of the page before) is faster than `page` far into a long list.',
  auth: 'credential',
  params: ListParams,
  query: z.object({ ...pageQuery, ...cursorQuery, ...ownerQuery, ...searchQuery }),
  response: z.object({
    data: z.array(Contact),
    pagination: Pagination,
    nextCursor: z.string().nullable(),
  }),
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { params },
  handler: async ({ ctx, params: path, query }) => {
    const { data, totalItems, nextCursor } = await listContacts(ctx, { ...path, ...query });
    return { data, pagination: paginationOf(query, totalItems), nextCursor };
  },
});

const add = route({
  method: 'post',
  ...broadcastPath('/lists/:listId/contacts'),
  tag: TAG,
  summary: 'Add a contact, or up to 1,000',
  description:
    'A number that is on the list already gets the values that are given and keeps the others. Keys other than `name` and `number` are custom fields.',
  auth: 'credential',
  scope: 'broadcast',
  status: 201,
  idempotent: true,
  params: ListParams,
  body: NewContacts,
  response: z.object({ message: z.string(), data: z.record(z.string(), z.unknown()) }),
  errors: [...ERRORS, 'QUOTA_EXCEEDED'],
  example: { params, body: { name: 'John Doe', number: EXAMPLE_NUMBER, email: 'john@example.com' } },
  handler: async ({ ctx, params: path, body }) => {
    const { contacts } = body;
    return contacts === undefined
      ? toldOne(await addContact(ctx, { ...path, contact: body }, (made) => kept(toldOne(made))))
      : toldAll(await addContacts(ctx, { ...path, contacts }, (made) => kept(toldAll(made))));
  },
});

const toldOne = ({ contact, added }: AddedContact) => ({
  message: added ? 'Contact added' : 'Contact updated',
  data: { ...contact, added: added ? 1 : 0, updated: added ? 0 : 1 },
});
const toldAll = (data: AddedContacts) => ({
  message: `${data.added} contacts added, ${data.updated} updated`,
  data,
});
const kept = (told: Record<string, unknown>) => ({ status: 201, body: { success: true, ...told } });

const get = route({
  method: 'get',
  ...broadcastPath('/lists/:listId/contacts/:number'),
  tag: TAG,
  summary: 'One contact',
  description: 'By its number in any usual spelling, with its custom fields.',
  auth: 'credential',
  params: ContactParams,
  query: z.object(ownerQuery),
  response: z.object({ data: Contact }),
  errors: ERRORS,
  example: { params: { ...params, number: EXAMPLE_NUMBER } },
  handler: async ({ ctx, params: path, query }) => ({ data: await getContact(ctx, { ...path, ...query }) }),
});

const update = route({
  method: 'put',
  ...broadcastPath('/lists/:listId/contacts/:number'),
  tag: TAG,
  summary: 'Change a contact',
  description: 'Changes what is given; a custom field that is null goes.',
  auth: 'credential',
  scope: 'broadcast',
  params: ContactParams,
  body: z.looseObject({ number: z.union([z.string(), z.number()]).optional(), ...Fields }),
  response: z.object({ message: z.string(), data: Contact }),
  errors: [...ERRORS, 'CONFLICT'],
  example: { params: { ...params, number: EXAMPLE_NUMBER }, body: { name: 'John D.', city: 'Bandung' } },
  handler: async ({ ctx, params: path, body }) => ({
    message: 'Contact saved',
    data: await updateContact(ctx, { ...path, changes: body }),
  }),
});

const remove = route({
  method: 'delete',
  ...broadcastPath('/lists/:listId/contacts/:number'),
  tag: TAG,
  summary: 'Take a contact off a list',
  description: 'Campaigns that have begun keep the recipients that they have.',
  auth: 'credential',
  scope: 'broadcast',
  params: ContactParams,
  response: z.object({ message: z.string(), data: z.object({ number: z.string() }) }),
  errors: ERRORS,
  example: { params: { ...params, number: EXAMPLE_NUMBER } },
  handler: async ({ ctx, params: path }) => ({
    message: 'Contact deleted',
    data: await deleteContact(ctx, path),
  }),
});

const fromChatsAnswer = (data: FromChats) => ({ message: `${data.added} contacts added`, data });

const fromChats = route({
  method: 'post',
  ...broadcastPath('/lists/:listId/contacts/from-chats'),
  tag: TAG,
  summary: 'Add everybody who has written to the session lately',
  description:
    'Of the last `days` days, groups aside, with the names that the session knows. Who is on the list already stays as they are. Those who have opted out are left out, or with `optedOut: "add"` added and marked: broadcasts leave them out all the same. When there is no room for all, those who wrote last are added and `details.added` says how many.',
  auth: 'credential',
  scope: 'broadcast',
  limit: FROM_CHATS_LIMIT,
  status: 201,
  idempotent: true,
  params: ListParams,
  body: z.object({
    days: z.int().min(1).max(MAX_DAYS).default(30),
    optedOut: z.enum(['skip', 'add']).default('skip'),
  }),
  response: z.object({
    message: z.string(),
    data: z.object({
      found: z.int().describe('people who have written'),
      added: z.int(),
      existing: z.int().describe('they were on the list already'),
      optedOut: z.int().describe('they have opted out'),
      withoutNumber: z.int().describe('WhatsApp shows no number of theirs'),
    }),
  }),
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND', 'QUOTA_EXCEEDED', 'RATE_LIMITED'],
  example: { params, body: { days: 30 } },
  handler: async ({ ctx, params: path, body }) => {
    const input = { ...path, days: body.days, optedOut: body.optedOut === 'add' };
    return fromChatsAnswer(
      await addFromChats(ctx, input, (data) => ({ success: true, ...fromChatsAnswer(data) })),
    );
  },
});

export const contactRoutes: readonly Route[] = [list, add, fromChats, get, update, remove];
