/** `…/broadcast/opt-outs`: who wants no broadcasts. */
import { z } from 'zod';
import {
  type AddedOptOuts,
  addOptOuts,
  exportOptOuts,
  getOptOut,
  listOptOuts,
  removeOptOut,
  updateOptOut,
} from '../../services/opt-outs/opt-outs.ts';
import {
  BUILT_IN_WORDS,
  getOptOutWords,
  isWord,
  MAX_WORD_LENGTH,
  putOptOutWords,
} from '../../services/opt-outs/words.ts';
import { answerCsv } from '../csv-answer.ts';
import { type Route, route } from '../route.ts';
import { Pagination, pageQuery, paginationOf, searchQuery, Timestamp } from '../schemas.ts';
import { answerImport, csvExample, csvUpload } from './imports.ts';
import {
  broadcastPath,
  EXAMPLE_NUMBER,
  MAX_WORDS,
  NumberParams,
  number,
  ownerQuery,
  SessionParams,
  TAG,
} from './parts.ts';

const params = { sessionId: 'main' };
const numberParams = { ...params, number: EXAMPLE_NUMBER };
const note = z.string().trim().max(300, 'must have at most 300 characters').nullable();
const ERRORS = ['SESSION_NOT_FOUND', 'NOT_FOUND', 'INVALID_NUMBER'] as const;
const OptOut = z
  .object({
    number: z.string(),
    source: z.enum(['message', 'manual', 'import']),
    word: z.string().nullable().describe('the word that was written'),
    note: z.string().nullable(),
    sessionId: z.string().nullable(),
    createdAt: Timestamp,
  })
  .meta({ id: 'OptOut' });
const Words = z.object({
  builtIn: z.array(z.string()).describe('always in force'),
  words: z.array(z.string()),
});

const list = route({
  method: 'get',
  ...broadcastPath('/opt-outs'),
  tag: TAG,
  summary: 'Numbers that want no broadcasts, newest first',
  description: `Whoever answers ${BUILT_IN_WORDS.join(', ')} or a word of your own is added. Broadcasts leave them out; one-time passwords and single messages do not. \`search\` finds a note, and a number in any spelling or a part of one.`,
  auth: 'credential',
  params: SessionParams,
  query: z.object({ ...pageQuery, ...ownerQuery, ...searchQuery }),
  response: z.object({ data: z.array(OptOut), pagination: Pagination }),
  errors: ['SESSION_NOT_FOUND'],
  example: { params },
  handler: async ({ ctx, params: path, query }) => {
    const { data, totalItems } = await listOptOuts(ctx, { ...path, ...query });
    return { data, pagination: paginationOf(query, totalItems) };
  },
});

const add = route({
  method: 'post',
  ...broadcastPath('/opt-outs'),
  tag: TAG,
  summary: 'Add numbers that want no broadcasts',
  description: 'Up to 1,000 at once. Who is there already stays with their note and time.',
  auth: 'credential',
  scope: 'broadcast',
  status: 201,
  idempotent: true,
  params: SessionParams,
  body: z
    .object({
      number: number.optional(),
      numbers: z.array(number).min(1).max(1000).optional(),
      note: note.optional(),
    })
    .refine((body) => body.number !== undefined || body.numbers !== undefined, {
      path: ['number'],
      message: 'is required when there are no numbers',
    }),
  response: z.object({
    message: z.string(),
    data: z.object({ added: z.int(), existing: z.int(), numbers: z.array(z.string()) }),
  }),
  errors: ['SESSION_NOT_FOUND', 'INVALID_NUMBER'],
  example: { params, body: { number: EXAMPLE_NUMBER, note: 'asked by phone' } },
  handler: async ({ ctx, params: path, body }) => {
    const numbers = [...(body.numbers ?? []), ...(body.number === undefined ? [] : [body.number])];
    const told = (data: AddedOptOuts) => ({ message: 'Opted out', data });
    const input = { ...path, numbers, note: body.note };
    return told(
      await addOptOuts(ctx, input, (made) => ({ status: 201, body: { success: true, ...told(made) } })),
    );
  },
});

const importFile = route({
  ...csvUpload,
  method: 'post',
  ...broadcastPath('/opt-outs/import'),
  tag: TAG,
  summary: 'Import opt-outs from a CSV file',
  description:
    'As contacts are imported: a column of numbers, and if there is one, a note. Numbers that are there already count as duplicates.',
  params: SessionParams,
  errors: ['SESSION_NOT_FOUND', 'FILE_TOO_LARGE'],
  example: { params, body: csvExample },
  handler: (input) => answerImport(input, input.params),
});

const exportFile = route({
  method: 'get',
  ...broadcastPath('/opt-outs/export'),
  tag: TAG,
  summary: 'All opt-outs as CSV',
  description: 'The whole ledger, with when and how each number opted out.',
  auth: 'browser',
  params: SessionParams,
  query: z.object(ownerQuery),
  response: null,
  contentType: 'text/csv',
  errors: ['SESSION_NOT_FOUND'],
  example: { params },
  handler: async ({ ctx, params: path, query, http }) => {
    const { fileName, lines } = await exportOptOuts(ctx, { ...path, ...query });
    return answerCsv(http, fileName, lines);
  },
});

const readWords = route({
  method: 'get',
  ...broadcastPath('/opt-outs/words'),
  tag: TAG,
  summary: 'The words that opt out',
  description:
    'The built-in ones and your own. Whoever answers with one of them gets no broadcasts any more.',
  auth: 'credential',
  params: SessionParams,
  query: z.object(ownerQuery),
  response: z.object({ data: Words }),
  errors: ['SESSION_NOT_FOUND'],
  example: { params },
  handler: async ({ ctx, params: path, query }) => ({
    data: { ...(await getOptOutWords(ctx, { ...path, ...query })) },
  }),
});

const writeWords = route({
  method: 'put',
  ...broadcastPath('/opt-outs/words'),
  tag: TAG,
  summary: 'Choose own words that opt out',
  description: 'They count when they are the whole message, in any case. The built-in ones stay in force.',
  auth: 'credential',
  scope: 'broadcast',
  params: SessionParams,
  body: z.object({
    words: z
      .array(z.string().trim().max(MAX_WORD_LENGTH).refine(isWord, 'must hold letters or digits'))
      .max(MAX_WORDS),
  }),
  response: z.object({ message: z.string(), data: Words }),
  errors: ['SESSION_NOT_FOUND'],
  example: { params, body: { words: ['CUKUP', 'JANGAN KIRIM LAGI'] } },
  handler: async ({ ctx, params: path, body }) => ({
    message: 'Words saved',
    data: { ...(await putOptOutWords(ctx, { ...path, ...body })) },
  }),
});

const get = route({
  method: 'get',
  ...broadcastPath('/opt-outs/:number'),
  tag: TAG,
  summary: 'Whether a number has opted out',
  description: 'Answers 404 when it has not. Numbers are compared in every spelling.',
  auth: 'credential',
  params: NumberParams,
  query: z.object(ownerQuery),
  response: z.object({ data: OptOut }),
  errors: ERRORS,
  example: { params: numberParams },
  handler: async ({ ctx, params: path, query }) => ({ data: await getOptOut(ctx, { ...path, ...query }) }),
});

const update = route({
  method: 'put',
  ...broadcastPath('/opt-outs/:number'),
  tag: TAG,
  summary: 'Change the note of an opt-out',
  description: 'A note is for you alone, for example where somebody asked for it.',
  auth: 'credential',
  scope: 'broadcast',
  params: NumberParams,
  body: z.object({ note }),
  response: z.object({ message: z.string(), data: OptOut }),
  errors: ERRORS,
  example: { params: numberParams, body: { note: 'asked by phone' } },
  handler: async ({ ctx, params: path, body }) => ({
    message: 'Opt-out saved',
    data: await updateOptOut(ctx, { ...path, ...body }),
  }),
});

const remove = route({
  method: 'delete',
  ...broadcastPath('/opt-outs/:number'),
  tag: TAG,
  summary: 'Let a number get broadcasts again',
  description: 'Only when that person has asked for it. The next campaign reaches them again.',
  auth: 'credential',
  scope: 'broadcast',
  params: NumberParams,
  response: z.object({ message: z.string(), data: z.object({ number: z.string() }) }),
  errors: ERRORS,
  example: { params: numberParams },
  handler: async ({ ctx, params: path }) => ({
    message: 'Opt-out removed',
    data: await removeOptOut(ctx, path),
  }),
});

/** Those with a word in the path come before those with a number there. */
export const optOutRoutes: readonly Route[] = [
  list,
  add,
  importFile,
  exportFile,
  readWords,
  writeWords,
  get,
  update,
  remove,
];
