/** `…/broadcast/templates`. */
import { z } from 'zod';
import {
  type BroadcastTemplate,
  createTemplate,
  deleteTemplate,
  getTemplate,
  listTemplates,
  previewTemplate,
  updateTemplate,
} from '../../services/templates/templates.ts';
import { type Route, route } from '../route.ts';
import { Pagination, pageQuery, paginationOf, searchQuery, Timestamp } from '../schemas.ts';
import {
  broadcastPath,
  EXAMPLE_ID,
  IdParams,
  id,
  number,
  ownerQuery,
  SessionParams,
  TAG,
  TemplateBody,
  TemplateName,
} from './parts.ts';

const BODY = '{{Halo|Hai}} {name|Kak}, voucher {voucher} berlaku sampai besok.';
const params = { sessionId: 'main', id: EXAMPLE_ID };
const name = TemplateName;
const body = TemplateBody;
const Template = z
  .object({
    id: z.string(),
    name: z.string(),
    body: z.string(),
    placeholders: z.array(z.string()),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'BroadcastTemplate' });
const One = z.object({ message: z.string(), data: Template });
const PreviewBody = z
  .object({
    templateId: id.optional(),
    text: body.optional(),
    listId: id.optional().meta({ description: 'Whose contacts are shown; a sample contact without it.' }),
    numbers: z.array(number).min(1).max(20).optional().meta({ description: 'These contacts of the list.' }),
    limit: z.int().min(1).max(20).default(3),
  })
  .refine((input) => (input.templateId === undefined) !== (input.text === undefined), {
    path: ['text'],
    message: 'must be given, or else templateId, and not both',
  });

const created = (data: BroadcastTemplate) => ({ message: 'Broadcast template created', data });

const list = route({
  method: 'get',
  ...broadcastPath('/templates'),
  tag: TAG,
  summary: 'Broadcast templates, by name',
  description: 'With their texts and the placeholders that these use.',
  auth: 'credential',
  params: SessionParams,
  query: z.object({ ...pageQuery, ...ownerQuery, ...searchQuery }),
  response: z.object({ data: z.array(Template), pagination: Pagination }),
  errors: ['SESSION_NOT_FOUND'],
  example: { params: { sessionId: 'main' } },
  handler: async ({ ctx, params: path, query }) => {
    const { data, totalItems } = await listTemplates(ctx, { ...path, ...query });
    return { data, pagination: paginationOf(query, totalItems) };
  },
});

const create = route({
  method: 'post',
  ...broadcastPath('/templates'),
  tag: TAG,
  summary: 'Save a broadcast template',
  description:
    'Its placeholders such as `{name}` are filled in for each recipient. A broken one is refused here.',
  auth: 'credential',
  scope: 'broadcast',
  status: 201,
  idempotent: true,
  params: SessionParams,
  body: z.object({ name, body }),
  response: One,
  errors: ['SESSION_NOT_FOUND', 'CONFLICT', 'QUOTA_EXCEEDED'],
  example: { params: { sessionId: 'main' }, body: { name: 'promo', body: BODY } },
  handler: async ({ ctx, params: path, body: input }) =>
    created(
      await createTemplate(ctx, { ...path, ...input }, (data) => ({
        status: 201,
        body: { success: true, ...created(data) },
      })),
    ),
});

const get = route({
  method: 'get',
  ...broadcastPath('/templates/:id'),
  tag: TAG,
  summary: 'One broadcast template',
  description: 'Its text and the placeholders that it uses.',
  auth: 'credential',
  params: IdParams,
  query: z.object(ownerQuery),
  response: z.object({ data: Template }),
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { params },
  handler: async ({ ctx, params: path, query }) => ({ data: await getTemplate(ctx, { ...path, ...query }) }),
});

const update = route({
  method: 'put',
  ...broadcastPath('/templates/:id'),
  tag: TAG,
  summary: 'Change a broadcast template',
  description: 'Campaigns that were made from it keep their text.',
  auth: 'credential',
  scope: 'broadcast',
  params: IdParams,
  body: z.object({ name: name.optional(), body: body.optional() }),
  response: One,
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND', 'CONFLICT'],
  example: { params, body: { body: BODY } },
  handler: async ({ ctx, params: path, body: input }) => ({
    message: 'Broadcast template saved',
    data: await updateTemplate(ctx, { ...path, ...input }),
  }),
});

const remove = route({
  method: 'delete',
  ...broadcastPath('/templates/:id'),
  tag: TAG,
  summary: 'Delete a broadcast template',
  description: 'Campaigns that were made from it keep their text.',
  auth: 'credential',
  scope: 'broadcast',
  params: IdParams,
  response: z.object({ message: z.string(), data: z.object({ id: z.string() }) }),
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { params },
  handler: async ({ ctx, params: path }) => {
    await deleteTemplate(ctx, path);
    return { message: 'Broadcast template deleted', data: { id: path.id } };
  },
});

const preview = route({
  method: 'post',
  ...broadcastPath('/templates/preview'),
  tag: TAG,
  summary: 'How a text looks for real contacts',
  description: '`missing` names placeholders that a contact has no value for: they are left empty.',
  auth: 'credential',
  scope: 'read',
  params: SessionParams,
  body: PreviewBody,
  response: z.object({
    data: z.object({
      placeholders: z.array(z.string()),
      previews: z.array(
        z.object({
          number: z.string(),
          name: z.string().nullable(),
          text: z.string(),
          variant: z.string().nullable().describe('the alternatives that were taken, from 1'),
          missing: z.array(z.string()),
        }),
      ),
    }),
  }),
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND', 'INVALID_NUMBER'],
  example: { params: { sessionId: 'main' }, body: { text: BODY } },
  handler: async ({ ctx, params: path, body: input }) => ({
    data: await previewTemplate(ctx, { ...path, ...input }),
  }),
});

export const templateRoutes: readonly Route[] = [list, create, preview, get, update, remove];
