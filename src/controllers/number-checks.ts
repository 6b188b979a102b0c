/** `/contacts/check`: which of many numbers are on WhatsApp. */
import { z } from 'zod';
import {
  CheckedNumberOutput,
  CheckedState,
  CheckNumbersInput,
  CheckPageInput,
  NumberCheckOutput,
} from '../services/number-checks/schemas.ts';
import {
  cancelNumberCheck,
  checkNumbers,
  exportNumberCheck,
  getNumberCheck,
  listCheckedNumbers,
  listNumberChecks,
} from '../services/number-checks/verbs.ts';
import { EXAMPLE_ID, EXAMPLE_NUMBER, ownerQuery } from './broadcast/parts.ts';
import { answerCsv } from './csv-answer.ts';
import { type Route, route } from './route.ts';

const tag = 'Contacts';
const Params = z.object({ checkId: z.string().min(1).max(64) });
const One = z.object({ message: z.string(), data: NumberCheckOutput });
const example = { params: { checkId: EXAMPLE_ID } };
const cursor = { nextCursor: z.string().nullable() };
const started = (data: NumberCheckOutput) => ({ message: 'The check has started', data });

const check = route({
  method: 'post',
  path: '/contacts/check',
  tag,
  summary: 'Look up which of up to 1,000 numbers are on WhatsApp',
  description:
    'Answers at once with a job. The session asks about 50 numbers every 10 seconds or so, since many questions at once look like a spammer; answers of the last week are taken again. The job outlives a restart, waits while the session is not connected, and fails after a day in which it could not be asked or had no answer. It is kept for 30 days.',
  auth: 'credential',
  scope: 'broadcast',
  status: 201,
  idempotent: true,
  body: CheckNumbersInput,
  response: One,
  errors: ['SESSION_NOT_FOUND', 'NOT_CONNECTED', 'QUOTA_EXCEEDED', 'INVALID_NUMBER'],
  example: { body: { session: 'main', numbers: [EXAMPLE_NUMBER, '6281234567891'] } },
  handler: async ({ ctx, body }) =>
    started(
      await checkNumbers(ctx, body, (data) => ({ status: 201, body: { success: true, ...started(data) } })),
    ),
});

const list = route({
  method: 'get',
  path: '/contacts/check',
  tag,
  summary: 'Checks of many numbers, newest first',
  description: 'How far each is, and what it has found so far.',
  auth: 'credential',
  query: z.object({ ...CheckPageInput.shape, ...ownerQuery }),
  response: z.object({ data: z.array(NumberCheckOutput), ...cursor }),
  handler: async ({ ctx, query }) => ({ ...(await listNumberChecks(ctx, query)) }),
});

const get = route({
  method: 'get',
  path: '/contacts/check/:checkId',
  tag,
  summary: 'How far a check of many numbers is',
  description:
    '`status` is `running` until every number has its answer; `unknown` counts those that WhatsApp has said nothing of.',
  auth: 'credential',
  params: Params,
  query: z.object(ownerQuery),
  response: z.object({ data: NumberCheckOutput }),
  errors: ['NOT_FOUND'],
  example,
  handler: async ({ ctx, params, query }) => ({ data: await getNumberCheck(ctx, { ...params, ...query }) }),
});

const results = route({
  method: 'get',
  path: '/contacts/check/:checkId/numbers',
  tag,
  summary: 'The numbers of a check with their answers',
  description: 'In the order that they were given in; `state` keeps those of one kind.',
  auth: 'credential',
  params: Params,
  query: z.object({ ...CheckPageInput.shape, ...ownerQuery, state: CheckedState.optional() }),
  response: z.object({ data: z.array(CheckedNumberOutput), ...cursor }),
  errors: ['NOT_FOUND'],
  example,
  handler: async ({ ctx, params, query }) => ({
    ...(await listCheckedNumbers(ctx, { ...params, ...query })),
  }),
});

const csv = route({
  method: 'get',
  path: '/contacts/check/:checkId/csv',
  tag,
  summary: 'The numbers of a check with their answers as CSV',
  description: 'Every number, also those that have no answer yet.',
  auth: 'browser',
  params: Params,
  query: z.object(ownerQuery),
  response: null,
  contentType: 'text/csv',
  errors: ['NOT_FOUND'],
  example,
  handler: async ({ ctx, params, query, http }) => {
    const { fileName, lines } = await exportNumberCheck(ctx, { ...params, ...query });
    return answerCsv(http, fileName, lines);
  },
});

const cancel = route({
  method: 'post',
  path: '/contacts/check/:checkId/cancel',
  tag,
  summary: 'End a check of many numbers',
  description: 'What it has found stays. One that has ended stays as it is.',
  auth: 'credential',
  scope: 'broadcast',
  params: Params,
  response: One,
  errors: ['NOT_FOUND'],
  example,
  handler: async ({ ctx, params }) => ({
    message: 'The check has ended',
    data: await cancelNumberCheck(ctx, params),
  }),
});

export const numberCheckRoutes: readonly Route[] = [check, list, get, results, csv, cancel];
