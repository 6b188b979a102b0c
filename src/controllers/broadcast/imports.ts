/** CSV files: contacts into a list, and out of it again. */
import { z } from 'zod';
import type { HttpContext } from '../../middlewares/http-env.ts';
import { importFields } from '../../services/contacts/import/schemas.ts';
import type { ImportOutput } from '../../services/contacts/import/store.ts';
import { exportImportErrors, getImport, startImport } from '../../services/contacts/import/verbs.ts';
import type { Ctx } from '../../services/context.ts';
import { exportContacts } from '../../services/lists/export.ts';
import { AppError } from '../../utils/errors.ts';
import { csvLimit } from '../../utils/sizes.ts';
import { answerCsv } from '../csv-answer.ts';
import { wantsAsync } from '../prefer.ts';
import { type Route, type RouteInput, route } from '../route.ts';
import { Timestamp } from '../schemas.ts';
import { type SseEvent, streamEvents } from '../sse.ts';
import { broadcastPath, EXAMPLE_ID, IdParams, ListParams, ownerQuery, TAG } from './parts.ts';

const listParams = { sessionId: 'main', listId: EXAMPLE_ID };
const idParams = { sessionId: 'main', id: EXAMPLE_ID };
const EXAMPLE_CSV = `data:text/csv;base64,${Buffer.from('name,number\nJohn Doe,628123456789\n').toString('base64')}`;

const Line = z.object({
  line: z.int(),
  kind: z.enum(['invalid', 'duplicate', 'repaired']),
  code: z.string(),
  number: z.string(),
  readings: z.array(z.string()).describe('with +, when the number can be read in several ways'),
  reason: z.string(),
});
const Import = z
  .object({
    id: z.string(),
    importId: z.string(),
    kind: z.enum(['contacts', 'opt_outs']),
    listId: z.string().nullable(),
    status: z.enum(['running', 'completed', 'failed']),
    fileName: z.string().nullable(),
    sizeBytes: z.int(),
    format: z.enum(['csv', 'xlsx', 'vcard']).nullable(),
    encoding: z.string().nullable(),
    delimiter: z.string().nullable(),
    columns: z.array(z.string()).describe('those that became custom fields'),
    warnings: z
      .array(z.object({ code: z.string(), message: z.string() }))
      .describe('what was guessed about the file'),
    total: z.int().nullable().describe('rows of the file; null until it has been checked'),
    processed: z.int(),
    percent: z.int(),
    added: z.int(),
    updated: z.int(),
    duplicates: z.int(),
    invalid: z.int(),
    repaired: z
      .int()
      .describe('numbers that a spreadsheet had mangled and that could be repaired for certain'),
    errors: z.array(Line).describe('the first 100 lines that were refused, left out or repaired'),
    preview: z
      .object({ columns: z.array(z.string()), sample: z.array(z.array(z.string())) })
      .nullable()
      .describe('the first lines, when no column is known to hold the numbers: send it again with `mapping`'),
    errorCode: z.string().nullable(),
    errorMessage: z.string().nullable(),
    createdAt: Timestamp,
    finishedAt: Timestamp.nullable(),
  })
  .meta({ id: 'ContactImport' });
const StartedImport = z.object({
  importId: z.string(),
  status: z.literal('running'),
  statusUrl: z.string(),
  eventsUrl: z.string().describe('opens without a credential for a day'),
});
const CsvBody = z.object({
  file: z.string().optional().meta({ description: 'The CSV file, as a part of a form or as a data: URL.' }),
  csvFile: z.string().optional().meta({ description: 'Another name of `file`.' }),
  ...importFields,
});

/** Takes the file of a request into an import; 202 when the caller does not want to wait. */
export async function answerImport(
  {
    ctx,
    files,
    http,
    body,
  }: Pick<RouteInput<unknown, unknown, z.output<typeof CsvBody>>, 'ctx' | 'files' | 'http' | 'body'>,
  target: { sessionId: string; listId?: string },
) {
  const file = files.get('file') ?? files.get('csvFile');
  if (!file) {
    throw new AppError('VALIDATION_FAILED', 'Not valid: file.', {
      details: { file: 'is required: a CSV, .xlsx or vCard file' },
    });
  }
  const wait = !wantsAsync(http);
  const data = await startImport(ctx, {
    ...target,
    file,
    mapping: body.mapping,
    encoding: body.encoding,
    numbers: body.numbers,
    wait,
  });
  if ('errors' in data) return { message: outcomeOf(data), data: { ...data } };
  http.status(202);
  http.header('preference-applied', 'respond-async');
  return { message: 'The import has started', data: { ...data } };
}

/** What an import that ended did, in one sentence. */
function outcomeOf({ added, updated, total, invalid, duplicates, errors }: ImportOutput): string {
  if (added + updated > 0) return 'The file was imported';
  const first = errors.find(({ kind }) => kind === 'invalid') ?? errors[0];
  const counts = [
    `${invalid} of ${total ?? 0} rows refused`,
    ...(duplicates > 0 ? [`${duplicates} duplicates`] : []),
  ];
  const why = first === undefined ? '' : `. The first is line ${first.line}: ${first.reason}`;
  return `Nothing was imported: ${counts.join(', ')}${why}`;
}

/** The parts that both routes which take a CSV file have in common. */
export const csvUpload = {
  auth: 'credential',
  scope: 'broadcast',
  idempotent: true,
  prefer: 'respond-async',
  body: CsvBody,
  files: ['file', 'csvFile'],
  fileLimit: csvLimit,
  response: z.object({ message: z.string(), data: z.union([Import, StartedImport]) }),
} as const satisfies Partial<Route>;
export const csvExample = { file: EXAMPLE_CSV };

const importContacts = route({
  ...csvUpload,
  method: 'post',
  ...broadcastPath('/lists/:listId/contacts/bulk'),
  tag: TAG,
  summary: 'Import contacts from a CSV, Excel (.xlsx) or vCard file',
  description:
    'The first line names the columns: one of number, phone, nomor, hp, whatsapp …; name or nama; every other one is a custom field. Exports of Google Contacts, Outlook, phones (vCard) and of groups are known; `mapping` says it for any other. Delimiter (, ; tab |) and encoding are found out, and a guess is reported in `warnings`. A line that cannot be read is reported and stops nothing; a file that is none of these changes nothing. Whoever is on the list already gets the values of the file. With `Prefer: respond-async` the answer is 202.',
  params: ListParams,
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND', 'FILE_TOO_LARGE', 'QUOTA_EXCEEDED'],
  example: { params: listParams, body: csvExample },
  handler: (input) => answerImport(input, input.params),
});

const get = route({
  method: 'get',
  ...broadcastPath('/imports/:id'),
  tag: TAG,
  summary: 'How far an import is',
  description: 'Lines read, taken, repaired and refused so far, and its state. It goes on after a restart.',
  auth: 'credential',
  params: IdParams,
  query: z.object(ownerQuery),
  response: z.object({ data: Import }),
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { params: idParams },
  handler: async ({ ctx, params, query }) => ({
    data: { ...(await getImport(ctx, { ...params, ...query })) },
  }),
});

const events = route({
  method: 'get',
  ...broadcastPath('/imports/:id/events'),
  tag: TAG,
  summary: 'How far an import is, as Server-Sent Events',
  description: '`progress` about once a second, then `completed` or `failed`.',
  auth: 'browser',
  link: 'import',
  params: IdParams,
  response: null,
  contentType: 'text/event-stream',
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { params: idParams },
  handler: ({ ctx, params, http }) => streamImport(ctx, http, params),
});

const errors = route({
  method: 'get',
  ...broadcastPath('/imports/:id/errors'),
  tag: TAG,
  summary: 'Every line that was refused, left out or repaired, as CSV',
  description:
    'With the line number of the file and the reason, so that it can be mended and imported again.',
  auth: 'browser',
  params: IdParams,
  query: z.object(ownerQuery),
  response: null,
  contentType: 'text/csv',
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { params: idParams },
  handler: async ({ ctx, params, query, http }) => {
    const lines = await exportImportErrors(ctx, { ...params, ...query });
    return answerCsv(http, `import-${params.id}-errors.csv`, lines);
  },
});

const exportList = route({
  method: 'get',
  ...broadcastPath('/export/contacts/:listId'),
  tag: TAG,
  summary: 'The contacts of a list as CSV',
  description:
    'In the columns that an import reads. Values that a spreadsheet would run get an apostrophe in front.',
  auth: 'browser',
  params: ListParams,
  query: z.object(ownerQuery),
  response: null,
  contentType: 'text/csv',
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { params: listParams },
  handler: async ({ ctx, params, query, http }) => {
    const { fileName, lines } = await exportContacts(ctx, { ...params, ...query });
    return answerCsv(http, fileName, lines);
  },
});

export const importRoutes: readonly Route[] = [importContacts, get, events, errors, exportList];

/** `progress` whenever the counts have moved, at most once a second; ends after `completed` or `failed`. */
async function streamImport(
  ctx: Ctx,
  http: HttpContext,
  ref: { sessionId: string; id: string },
): Promise<Response> {
  const first = await getImport(ctx, ref);
  let told = -1;
  let ended = false;
  return streamEvents(ctx, http, {
    filter: { userId: ctx.actor.userId },
    first: [],
    async next(): Promise<readonly SseEvent[] | null> {
      if (ended) return null;
      const data = told < 0 ? first : await getImport(ctx, ref);
      ended = data.status !== 'running';
      if (!ended && data.processed === told) return [];
      told = data.processed;
      return [{ id: String(told), event: ended ? data.status : 'progress', data }];
    },
  });
}
