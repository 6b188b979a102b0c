/** Own texts of one-time passwords, and what a tenant chose for its codes. */
import { z } from 'zod';
import { getOtpSettings, putOtpSettings } from '../services/otp/country.ts';
import {
  createOtpTemplate,
  deleteOtpTemplate,
  getOtpTemplate,
  listOtpTemplates,
  type OtpTemplate,
  updateOtpTemplate,
} from '../services/otp/templates.ts';
import { type Route, route } from './route.ts';

const TAG = 'OTP';
const ID = '01997c2f5b7a7d3e8a4b6c1d2e3f4a5b';
const BODY = 'Your {company} code is {otp}. It is valid for {minutes} minutes.';
export const OtpTemplateName = z
  .string()
  .trim()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} _.-]{0,63}$/u, 'must be 1 to 64 letters, digits, spaces, dots, dashes')
  .meta({ description: 'What `template` of a send says.' });
export const OtpTemplateBody = z
  .string()
  .min(1)
  .max(1000)
  .meta({ description: 'Placeholders: {otp} (required), {company}, {minutes}.' });
const Template = z.object({
  id: z.string(),
  name: z.string(),
  body: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
const One = z.object({ message: z.string(), data: Template });
const params = z.object({ id: z.string().min(1).max(64) });
const Settings = z.object({
  allowedCountries: z
    .array(z.string().trim().length(2))
    .max(250)
    .nullable()
    .meta({ description: 'ISO 3166 codes; null: every country that the service allows.' }),
});

const created = (data: OtpTemplate) => ({ success: true as const, message: 'OTP template created', data });

const list = route({
  method: 'get',
  path: '/otp/templates',
  tag: TAG,
  summary: 'Own OTP templates',
  description: 'Texts of login codes that this workspace has saved, by name.',
  auth: 'credential',
  scope: 'otp',
  response: z.object({ message: z.string(), data: z.array(Template) }),
  handler: async ({ ctx }) => ({ message: 'OTP templates', data: await listOtpTemplates(ctx) }),
});

const create = route({
  method: 'post',
  path: '/otp/templates',
  tag: TAG,
  summary: 'Save an OTP template',
  description: 'Its text must hold `{otp}`. Name it as `template` when you send a code.',
  auth: 'credential',
  scope: 'otp',
  status: 201,
  idempotent: true,
  body: z.object({ name: OtpTemplateName, body: OtpTemplateBody }),
  response: One,
  errors: ['CONFLICT', 'QUOTA_EXCEEDED'],
  example: { body: { name: 'login', body: BODY } },
  handler: async ({ ctx, body: input }) =>
    created(
      await createOtpTemplate(ctx, input, (template) => ({ status: 201, body: { ...created(template) } })),
    ),
});

const get = route({
  method: 'get',
  path: '/otp/templates/:id',
  tag: TAG,
  summary: 'One OTP template',
  description: 'Its name and its text.',
  auth: 'credential',
  scope: 'otp',
  params,
  response: One,
  errors: ['NOT_FOUND'],
  example: { params: { id: ID } },
  handler: async ({ ctx, params: { id } }) => ({
    message: 'OTP template',
    data: await getOtpTemplate(ctx, id),
  }),
});

const update = route({
  method: 'put',
  path: '/otp/templates/:id',
  tag: TAG,
  summary: 'Change an OTP template',
  description: 'Fields that are left out stay. Codes that were sent already keep the text that they had.',
  auth: 'credential',
  scope: 'otp',
  params,
  body: z.object({ name: OtpTemplateName.optional(), body: OtpTemplateBody.optional() }),
  response: One,
  errors: ['NOT_FOUND', 'CONFLICT'],
  example: { params: { id: ID }, body: { body: BODY } },
  handler: async ({ ctx, params: { id }, body: input }) => ({
    message: 'OTP template saved',
    data: await updateOtpTemplate(ctx, id, input),
  }),
});

const remove = route({
  method: 'delete',
  path: '/otp/templates/:id',
  tag: TAG,
  summary: 'Delete an OTP template',
  description: 'Codes that are on their way keep its text.',
  auth: 'credential',
  scope: 'otp',
  params,
  response: z.object({ message: z.string(), data: z.object({ id: z.string() }) }),
  errors: ['NOT_FOUND'],
  example: { params: { id: ID } },
  handler: async ({ ctx, params: { id } }) => {
    await deleteOtpTemplate(ctx, id);
    return { message: 'OTP template deleted', data: { id } };
  },
});

const readSettings = route({
  method: 'get',
  path: '/otp/settings',
  tag: TAG,
  summary: 'Countries that codes may go to',
  description: 'Those of this workspace, or null when it has set none, and those that the service allows.',
  auth: 'credential',
  scope: 'otp',
  response: z.object({ message: z.string(), data: Settings }),
  handler: async ({ ctx }) => ({ message: 'OTP settings', data: { ...(await getOtpSettings(ctx)) } }),
});

const writeSettings = route({
  method: 'put',
  path: '/otp/settings',
  tag: TAG,
  summary: 'Choose the countries that codes may go to',
  description:
    'Never more than the service allows (OTP_ALLOWED_COUNTRIES). Not with a key of one session, nor without the scope `*`.',
  auth: 'credential',
  scope: 'otp',
  permission: 'settings',
  body: Settings,
  response: z.object({ message: z.string(), data: Settings }),
  example: { body: { allowedCountries: ['ID', 'SG'] } },
  handler: async ({ ctx, body: input }) => ({
    message: 'OTP settings saved',
    data: { ...(await putOtpSettings(ctx, input)) },
  }),
});

export const otpTemplateRoutes: readonly Route[] = [
  list,
  create,
  get,
  update,
  remove,
  readSettings,
  writeSettings,
];
